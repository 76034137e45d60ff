"""What the report warns of, and from which number on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ...schemas.anomalies.distances import Distance
from .measures import common, custom, skewness

__all__ = ["WARNINGS", "Kind", "warnings_of"]

_ASSOCIATION = "label_association"
_MISSING = 0.5
_UNIQUE = 0.95
_UNIQUE_ROWS = 20
_SKEWED = 3.0
_ASSOCIATED = 0.5
_APART = 0.1
_UNSEEN = 0.01


@dataclass(frozen=True)
class Kind:
    """A kind of warning: its title, and what it means."""

    title: str
    meaning: str


WARNINGS: Mapping[str, Kind] = {
    "empty": Kind("No values", "every value is missing"),
    "mostly_missing": Kind("Mostly missing", f"at least {_MISSING:.0%} of the values are missing"),
    "constant": Kind("Constant", "there is one value only"),
    "all_zeros": Kind("All zeros", "every number is 0"),
    "almost_unique": Kind(
        "Almost unique",
        f"at least {_UNIQUE:.0%} of the strings or integers are different: an identifier?",
    ),
    "skewed": Kind("Skewed", f"the skewness is above {_SKEWED:g} or below -{_SKEWED:g}"),
    "associated": Kind(
        "Associated with the label",
        f"the association with the label is at least {_ASSOCIATED:g}: known before the label is?",
    ),
    "apart": Kind(
        "Differs between splits",
        f"the share of one string, or of the numbers up to one, differs by at least {_APART:g}, "
        "and by more than chance explains",
    ),
    "unseen": Kind("Not in train", f"at least {_UNSEEN:.0%} of a split's values are not in train"),
}
"""The kinds of warnings, the weightiest first."""


def warnings_of(
    features: Mapping[str, Any],
    *,
    is_label: bool,
    apart: Distance | None,
    unseen: Mapping[str, int | None],
) -> list[tuple[str, str]]:
    """What there is to say of one feature.

    Args:
      features: By split, its `FeatureNameStatistics`.
      is_label: Whether it is the label, which is tied to itself.
      apart: Its largest distance between train and another split.
      unseen: By split, how many of its values are not in train.

    Returns:
      (kind, the number that is behind it), each kind once, in the order of `WARNINGS`.
    """
    by_kind: dict[str, dict[str, str]] = {}
    for split, feature in features.items():
        for kind, detail in _of_split(feature, unseen.get(split) or 0):
            by_kind.setdefault(kind, {})[split] = detail
    found = {kind: _told(details, len(features)) for kind, details in by_kind.items()}
    tied = next(
        (custom(f)[_ASSOCIATION] for f in features.values() if _ASSOCIATION in custom(f)), 0
    )
    if not is_label and tied >= _ASSOCIATED:
        found["associated"] = f"{tied:.2f}"
    if apart and apart.value >= max(_APART, apart.chance):
        found["apart"] = f"{apart.value:.2f}"
    return [(kind, found[kind]) for kind in WARNINGS if kind in found]


def _told(details: Mapping[str, str], splits: int) -> str:
    """The detail of the first split it was found in, and which one that is unless it is in all."""
    split, detail = next(iter(details.items()))
    return detail if len(details) == splits else f"{detail} in {split}".lstrip()


def _of_split(feature: Any, unseen: int) -> Iterator[tuple[str, str]]:
    missing, values = common(feature).num_missing, common(feature).tot_num_values
    rows = missing + common(feature).num_non_missing
    if not values:
        if rows:
            yield "empty", ""
        return
    if missing >= _MISSING * rows:
        yield "mostly_missing", f"{missing / rows:.1%}"
    unique = feature.string_stats.unique or custom(feature).get("unique", 0)
    zeros = feature.HasField("num_stats") and feature.num_stats.num_zeros == values
    if zeros:
        yield "all_zeros", ""
    elif unique == 1 < values:
        yield "constant", ""
    whole = feature.type != feature.FLOAT
    if whole and values >= _UNIQUE_ROWS and unique >= _UNIQUE * values:
        yield "almost_unique", f"{unique:,.0f} of {values:,}"
    skewed = skewness(feature)
    if skewed is not None and abs(skewed) > _SKEWED:
        yield "skewed", f"{skewed:.1f}"
    if unseen >= _UNSEEN * values:
        yield "unseen", f"{unseen:,}"
