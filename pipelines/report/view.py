"""What the template of the report needs beside the features: words and tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ...schemas.manifest import Ledger
from ..runtime.elements import Reject
from .measures import common
from .warnings import WARNINGS

if TYPE_CHECKING:
    from .report import Report

__all__ = ["view"]

_INPUTS = 200
_RAW = 400
_CUT = "…"


def view(report: Report, features: Mapping[str, Any]) -> dict[str, Any]:
    """The variables of the template.

    Args:
      report: What is told.
      features: Of `features_json`.
    """
    rows = sum(dataset.num_examples for dataset in report.raw.values())
    return {
        "title": report.title,
        "created": _date(report.created),
        "recordmill": report.versions.get("recordmill", ""),
        "noun": "image" if report.images else "row",
        "rows": rows,
        "splits": list(_splits(report)),
        "places": {split: place for place, split in enumerate(report.raw)},
        "types": _counts(one["type"] for one in features["features"]),
        "features": len(features["features"]),
        "notes": report.warnings,
        "warnings": list(_warnings(features["features"])),
        "ledger": report.ledger,
        "reasons": list(_reasons(report.ledger, report.rejects)),
        "inputs": report.inputs[:_INPUTS],
        "more_inputs": max(len(report.inputs) - _INPUTS, 0),
        "versions": report.versions,
        "images": report.images,
        "sizes": list(_sizes(features)) if report.images else [],
    }


def _date(text: str) -> str:
    """A moment for people; what is none stays as it is.

    >>> _date("2026-01-02T03:04:05+00:00"), _date("today")
    ('2 January 2026, 03:04 UTC', 'today')
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return text
    return f"{moment.day} {moment:%B %Y, %H:%M} {moment.tzname() or ''}".rstrip()


def _splits(report: Report) -> Iterator[dict[str, Any]]:
    """A line of the overview for each split."""
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
    """How many cells have no value, and how many there are."""
    missing = values = 0
    for feature in dataset.features:
        missing += common(feature).num_missing
        values += common(feature).num_non_missing
    return missing, missing + values


def _share(part: float, whole: float) -> str:
    """A share for people; a little is not none, and almost all is not all.

    >>> _share(0, 5), _share(1, 3), _share(1, 9999), _share(9999, 10000), _share(5, 5)
    ('0%', '33.3%', '<0.1%', '>99.9%', '100%')
    """
    if part in (0, whole):
        return "100%" if part and whole else "0%"
    percent = 100 * part / whole
    if percent < 0.1:
        return "<0.1%"
    return ">99.9%" if percent > 99.9 else f"{percent:.1f}%"


def _counts(names: Iterator[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for name in names:
        found[name] = found.get(name, 0) + 1
    return found


def _warnings(features: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """Each kind of warning that was given, with the names it was given to."""
    for kind, about in WARNINGS.items():
        names = [one["name"] for one in features if kind in dict(one["warnings"])]
        if names:
            yield {"kind": kind, "title": about.title, "meaning": about.meaning, "names": names}


def _reasons(
    ledger: Mapping[str, Ledger], rejects: Mapping[str, Sequence[Reject]]
) -> Iterator[dict[str, Any]]:
    """Each reason of each split, the most frequent first, with its examples."""
    for split, entry in ledger.items():
        for reason, count in sorted(entry.rejected.items(), key=lambda one: (-one[1], one[0])):
            if count:
                of_reason = [one for one in rejects.get(split, ()) if one.reason == reason]
                yield {
                    "split": split,
                    "reason": reason,
                    "count": count,
                    "share": _share(count, entry.read),
                    "examples": [_example(one) for one in of_reason],
                }


def _example(reject: Reject) -> dict[str, Any]:
    return {
        "place": f"{reject.file}:{reject.line}",
        "column": reject.column,
        "message": _cut(reject.message),
        "raw": _cut(reject.raw),
    }


def _cut(text: str) -> str:
    return text if len(text) <= _RAW else text[:_RAW] + _CUT


def _sizes(features: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """(split, what, its statistics) of the sides of the images."""
    for feature in features["features"]:
        if feature["name"] in ("image/width", "image/height") and feature["raw"]:
            for split, found in zip(features["splits"], feature["raw"], strict=True):
                if found and "median" in found:
                    yield split, feature["name"].removeprefix("image/"), found
