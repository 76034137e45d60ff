"""Variables of the template of the report, except the features."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ...schemas.manifest import Ledger
from ..runtime.elements import Reject
from .measures import common_stats
from .warnings import WARNINGS

if TYPE_CHECKING:
    from .report import Report

__all__ = ["template_variables"]

_MAX_INPUTS = 200
_MAX_TEXT = 400


def template_variables(report: Report, features: Mapping[str, Any]) -> dict[str, Any]:
    """Return the variables of the template by name.

    Args:
      report: Contents of the report.
      features: Result of `features_json`.
    """
    rows = sum(dataset.num_examples for dataset in report.raw.values())
    return {
        "title": report.title,
        "created": _date(report.created),
        "recordmill": report.versions.get("recordmill", ""),
        "noun": "image" if report.images else "row",
        "rows": rows,
        "splits": list(_splits(report)),
        "split_indices": {split: index for index, split in enumerate(report.raw)},
        "types": Counter(feature["type"] for feature in features["features"]),
        "features": len(features["features"]),
        "notes": report.warnings,
        "warnings": list(_warnings(features["features"])),
        "ledger": report.ledger,
        "reasons": list(_reasons(report.ledger, report.rejects)),
        "inputs": report.inputs[:_MAX_INPUTS],
        "more_inputs": max(len(report.inputs) - _MAX_INPUTS, 0),
        "versions": report.versions,
        "images": report.images,
        "sizes": list(_sizes(features)) if report.images else [],
    }


def _date(text: str) -> str:
    """Format a time for people; other text stays unchanged.

    >>> _date("2026-01-02T03:04:05+00:00"), _date("today")
    ('2 January 2026, 03:04 UTC', 'today')
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return text
    return f"{moment.day} {moment:%B %Y, %H:%M} {moment.tzname() or ''}".rstrip()


def _splits(report: Report) -> Iterator[dict[str, Any]]:
    """Yield a line of the overview for each split."""
    rows = {split: dataset.num_examples for split, dataset in report.raw.items()}
    for split, dataset in report.raw.items():
        ledger = report.ledger.get(split, Ledger())
        missing, cells = _missing(dataset)
        yield {
            "name": split,
            "rows": rows[split],
            "share": _share(rows[split], sum(rows.values())),
            "missing": _share(missing, cells),
            "repeats": report.repeats.get(split),
            "rejected": sum(ledger.rejected.values()),
            "read": ledger.read,
        }


def _missing(dataset: Any) -> tuple[int, int]:
    """Return the number of cells without a value, and of all cells."""
    missing = values = 0
    for feature in dataset.features:
        missing += common_stats(feature).num_missing
        values += common_stats(feature).num_non_missing
    return missing, missing + values


def _share(part: float, total: float) -> str:
    """Format a share as a percentage; only 0 is shown as 0%, and only 1 as 100%.

    >>> _share(0, 5), _share(1, 3), _share(1, 9999), _share(9999, 10000), _share(5, 5)
    ('0%', '33.3%', '<0.1%', '>99.9%', '100%')
    """
    if part in (0, total):
        return "100%" if part and total else "0%"
    percent = 100 * part / total
    if percent < 0.1:
        return "<0.1%"
    return ">99.9%" if percent > 99.9 else f"{percent:.1f}%"


def _warnings(features: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield each kind of warning that occurs, with the names of its features."""
    for kind, warning in WARNINGS.items():
        names = [feature["name"] for feature in features if kind in dict(feature["warnings"])]
        if names:
            yield {"kind": kind, "title": warning.title, "meaning": warning.meaning, "names": names}


def _reasons(
    ledger: Mapping[str, Ledger], rejects: Mapping[str, Sequence[Reject]]
) -> Iterator[dict[str, Any]]:
    """Yield the reasons of rejection in each split, the most frequent first, with examples."""
    for split, entry in ledger.items():
        for reason, count in sorted(entry.rejected.items(), key=lambda pair: (-pair[1], pair[0])):
            if count:
                examples = [item for item in rejects.get(split, ()) if item.reason == reason]
                yield {
                    "split": split,
                    "reason": reason,
                    "count": count,
                    "share": _share(count, entry.read),
                    "examples": list(map(_example, examples)),
                }


def _example(reject: Reject) -> dict[str, Any]:
    return {
        "position": f"{reject.file}:{reject.line}",
        "column": reject.column,
        "message": _shorten(reject.message),
        "raw": _shorten(reject.raw),
    }


def _shorten(text: str) -> str:
    return text if len(text) <= _MAX_TEXT else f"{text[:_MAX_TEXT]}…"


def _sizes(features: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Yield (split, "width" or "height", its summary) of the images."""
    for feature in features["features"]:
        if feature["name"] in ("image/width", "image/height") and feature["raw"]:
            for split, summary in zip(features["splits"], feature["raw"], strict=True):
                if summary and "median" in summary:
                    yield split, feature["name"].removeprefix("image/"), summary
