"""What becomes of a column of numbers: an identifier, codes of categories, or an amount."""

from __future__ import annotations

import re
from dataclasses import replace

from ..column import ColumnType
from .facts import (
    absent,
    amount,
    buckets,
    different,
    last_word,
    list_of,
    lowest,
    of_all,
    range_of,
    sentinels,
    skewness,
    spread_out,
)
from .observed import ColumnSummary
from .proposal import ENOUGH, NUMERIC, VOCABULARY, ColumnProposal, Feature, Step

__all__ = ["number", "numeric", "type_of"]

_FEW_CODES = 20
"""Up to so many different whole numbers with gaps between them are codes."""

_SKEWED = 2.0
"""Above this skewness the logarithm is tried."""

_OFTEN_MISSING = 0.01
"""From this share of missing values on, there is a feature that tells them."""

_ID = {"id", "ids", "uuid", "guid", "key", "index", "idx", "rowid", "pk"}
_CODE = {"code", "codes", "zip", "zipcode", "postcode", "postal"}


def number(name: str, seen: ColumnSummary) -> ColumnProposal | None:
    """What becomes of a column of numbers; None of another."""
    if not numeric(seen):
        return None
    whole = not seen.decimals.count
    noun = "whole numbers" if whole else "numbers"
    said = f"{of_all(seen.numbers, seen)} are {noun} {range_of(seen)}{absent(seen)}; "
    choice = (whole and (_identifier(name, seen) or _codes(name, seen))) or _amount(seen)
    reasons = (said + choice.reasons[0], *_strays(seen))
    if choice.role != "unused":
        reasons += tuple(sentinels(seen))
    lenient = choice.role == "unused" or bool(seen.text_count)
    return replace(choice, reasons=reasons, bad_value="missing" if lenient else "reject")


def numeric(seen: ColumnSummary) -> bool:
    """Whether a column is one of numbers, but for a few values."""
    whole = not seen.leading_zeros and not seen.too_large
    alike = seen.numbers + seen.not_finite
    return whole and seen.numbers > 0 and alike >= NUMERIC * seen.present


def type_of(seen: ColumnSummary) -> ColumnType:
    """The type that holds the numbers of a column."""
    return "float32" if seen.decimals.count else "int64"


def _identifier(name: str, seen: ColumnSummary) -> ColumnProposal | None:
    """Whole numbers that identify their rows."""
    if not seen.almost_unique():
        return None
    ends = seen.integers.moments
    years = ends is not None and ends.minimum >= 1800 and ends.maximum <= 2200
    if seen.present >= ENOUGH and not seen.sequence.broken and not years:
        reason = f"each is the one before {seen.sequence.step:+d}: an identifier, left out"
    elif seen.present > 2 and last_word(name) in _ID:
        reason = f"{different(seen)} and named as one: an identifier, left out"
    else:
        return None
    return ColumnProposal("identifier", "int64", (reason,), role="unused")


def _codes(name: str, seen: ColumnSummary) -> ColumnProposal | None:
    """Whole numbers that are names of categories, and neither count nor measure."""
    unique = seen.unique()
    if unique <= 2:
        reason = "a category"
    elif last_word(name) in _ID | _CODE:
        reason = "named as a code: a category"
    elif unique <= _FEW_CODES and seen.present >= 10 * unique and spread_out(seen):
        reason = "with gaps between them: codes, so a category"
    else:
        return None
    step: Step = "vocabulary_ids"
    if unique > VOCABULARY:
        step = {"hash_buckets": {"num_buckets": buckets(seen)}}
    said = f"{different(seen)}{':' if unique <= 2 else ','} {reason}"
    return ColumnProposal("category", "int64", (said,), (Feature("", (step,)),))


def _amount(seen: ColumnSummary) -> ColumnProposal:
    """Numbers that count or measure."""
    skew, of_logarithm = skewness(seen)
    steps: tuple[Step, ...] = ("z_score",)
    reason = "a number"
    if lowest(seen) >= 0 and skew > _SKEWED and abs(of_logarithm) < skew / 2:
        steps = ("log", "z_score")
        reason = (
            f"a number, never negative and with a long tail (skewness {skew:.1f}, of the logarithm "
            f"{of_logarithm:.1f})"
        )
    features = [Feature("", steps)]
    if seen.absent >= _OFTEN_MISSING * seen.rows:
        features.append(Feature("_missing", ("missing_indicator",)))
        reason += "; whether it is missing is a feature too"
    said = f"{different(seen)}: {reason}"
    return ColumnProposal("number", type_of(seen), (said,), tuple(features))


def _strays(seen: ColumnSummary) -> tuple[str, ...]:
    """What a reader should know of the values of a number's column that are none."""
    if not seen.text_count:
        return ()
    texts = list_of([pair for pair in seen.common() if not re.fullmatch(r"-?\d+", pair[0])])
    return (f"{amount(seen.text_count, 'value')} taken as missing, being no number: {texts}",)
