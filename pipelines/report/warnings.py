"""Warnings of the report, and their thresholds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ...schemas.anomalies.distances import Distance
from .measures import common_stats, custom_stats, skewness

__all__ = ["WARNINGS", "WarningKind", "warnings_of"]

_ASSOCIATION = "label_association"
_MIN_MISSING = 0.5
_MIN_UNIQUE = 0.95
_MIN_UNIQUE_ROWS = 20
_MAX_SKEWNESS = 3.0
_MIN_ASSOCIATION = 0.5
_MIN_DISTANCE = 0.1
_MIN_UNSEEN = 0.01


@dataclass(frozen=True)
class WarningKind:
    """Title and meaning of a kind of warning."""

    title: str
    meaning: str


WARNINGS: Mapping[str, WarningKind] = {
    "empty": WarningKind("No values", "every value is missing"),
    "mostly_missing": WarningKind(
        "Mostly missing", f"at least {_MIN_MISSING:.0%} of the values are missing"
    ),
    "constant": WarningKind("Constant", "there is only one value"),
    "all_zeros": WarningKind("All zeros", "every number is 0"),
    "almost_unique": WarningKind(
        "Almost unique",
        f"at least {_MIN_UNIQUE:.0%} of the strings or integers are different: an identifier?",
    ),
    "skewed": WarningKind(
        "Skewed", f"the skewness is above {_MAX_SKEWNESS:g} or below -{_MAX_SKEWNESS:g}"
    ),
    "associated": WarningKind(
        "Associated with the label",
        f"the association with the label is at least {_MIN_ASSOCIATION:g}: is the column available "
        "before the label?",
    ),
    "apart": WarningKind(
        "Differs between splits",
        "the largest difference between shares (of a string, or of the numbers up to a value) is "
        f"at least {_MIN_DISTANCE:g}, and larger than sampling noise",
    ),
    "unseen": WarningKind(
        "Not in train", f"at least {_MIN_UNSEEN:.0%} of a split's values are not in train"
    ),
}
"""Kinds of warnings, the most important first."""


def warnings_of(
    features: Mapping[str, Any],
    *,
    is_label: bool,
    distance: Distance | None,
    unseen: Mapping[str, int | None],
) -> list[tuple[str, str]]:
    """Return the warnings of one feature.

    Args:
      features: `FeatureNameStatistics` of the feature, by split.
      is_label: Whether the feature is the label, which is always associated with itself.
      distance: Largest distance between train and another split.
      unseen: Number of values that are not in train, by split.

    Returns:
      (kind, the number that caused it), each kind at most once, in the order of `WARNINGS`.
    """
    by_kind: dict[str, dict[str, str]] = {}
    for split, feature in features.items():
        for kind, detail in _split_warnings(feature, unseen.get(split) or 0):
            by_kind.setdefault(kind, {})[split] = detail
    warnings = {kind: _join(details, len(features)) for kind, details in by_kind.items()}
    custom = map(custom_stats, features.values())
    association = next((stats[_ASSOCIATION] for stats in custom if _ASSOCIATION in stats), 0)
    if not is_label and association >= _MIN_ASSOCIATION:
        warnings["associated"] = f"{association:.2f}"
    if distance and distance.value >= max(_MIN_DISTANCE, distance.chance):
        warnings["apart"] = f"{distance.value:.2f}"
    return [(kind, warnings[kind]) for kind in WARNINGS if kind in warnings]


def _join(details: Mapping[str, str], splits: int) -> str:
    """Return the detail of the first split, with its name unless all splits have the warning."""
    split, detail = next(iter(details.items()))
    return detail if len(details) == splits else f"{detail} in {split}".lstrip()


def _split_warnings(feature: Any, unseen: int) -> Iterator[tuple[str, str]]:
    """Yield (kind, detail) of the warnings of a feature in one split."""
    common = common_stats(feature)
    missing, values = common.num_missing, common.tot_num_values
    rows = missing + common.num_non_missing
    if not values:
        if rows:
            yield "empty", ""
        return
    if missing >= _MIN_MISSING * rows:
        yield "mostly_missing", f"{missing / rows:.1%}"
    unique = feature.string_stats.unique or custom_stats(feature).get("unique", 0)
    if feature.HasField("num_stats") and feature.num_stats.num_zeros == values:
        yield "all_zeros", ""
    elif unique == 1 < values:
        yield "constant", ""
    is_float = feature.type == feature.FLOAT
    if not is_float and values >= _MIN_UNIQUE_ROWS and unique >= _MIN_UNIQUE * values:
        yield "almost_unique", f"{unique:,.0f} of {values:,}"
    skew = skewness(feature)
    if skew is not None and abs(skew) > _MAX_SKEWNESS:
        yield "skewed", f"{skew:.1f}"
    if unseen >= _MIN_UNSEEN * values:
        yield "unseen", f"{unseen:,}"
