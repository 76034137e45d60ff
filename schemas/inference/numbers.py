"""Rule of inference for columns of numbers: identifiers, codes of categories, or amounts."""

from __future__ import annotations

import re
from dataclasses import replace

from ..column import ColumnType
from ..wording import count_of
from .facts import (
    buckets,
    distinct_count,
    has_gaps,
    last_word,
    list_of,
    lowest,
    missing_note,
    of_all,
    range_of,
    sentinels,
    skewness,
)
from .observed import ColumnSummary
from .proposal import ENOUGH, NUMERIC, VOCABULARY, ColumnProposal, Feature, Step

__all__ = ["number", "numeric", "type_of"]

_FEW_CODES = 20
"""Most distinct integers, with gaps between them, that are codes."""

_SKEWED = 2.0
"""Least skewness at which the logarithm is tried."""

_OFTEN_MISSING = 0.01
"""Least share of missing values at which they get an indicator feature."""

_ID = {"id", "ids", "uuid", "guid", "key", "index", "idx", "rowid", "pk"}
_CODE = {"code", "codes", "zip", "zipcode", "postcode", "postal"}


def number(name: str, summary: ColumnSummary) -> ColumnProposal | None:
    """Propose an identifier, codes or an amount for a column of numbers; None for another.

    Args:
      name: Name of the column; it decides where the values leave identifiers and codes open.
      summary: Counts of its values.
    """
    if not numeric(summary):
        return None
    integral = not summary.decimals.count
    noun = "whole numbers" if integral else "numbers"
    numbers = f"{of_all(summary.numbers, summary)} are {noun} {range_of(summary)}"
    proposal = (integral and (_identifier(name, summary) or _codes(name, summary))) or _amount(
        summary
    )
    reason = f"{numbers}{missing_note(summary)}; {proposal.reasons[0]}"
    reasons = (reason, *_strays(summary))
    if proposal.role != "unused":
        reasons += tuple(sentinels(summary))
    lenient = proposal.role == "unused" or bool(summary.text_count)
    return replace(proposal, reasons=reasons, bad_value="missing" if lenient else "reject")


def numeric(summary: ColumnSummary) -> bool:
    """Return whether a column holds numbers, except for 1 % of its values at most."""
    lossless = not summary.leading_zeros and not summary.too_large
    numbers = summary.numbers + summary.not_finite
    return lossless and summary.numbers > 0 and numbers >= NUMERIC * summary.present


def type_of(summary: ColumnSummary) -> ColumnType:
    """Return the type that holds the numbers of a column."""
    return "float32" if summary.decimals.count else "int64"


def _identifier(name: str, summary: ColumnSummary) -> ColumnProposal | None:
    """Propose to leave out integers that identify their rows."""
    if not summary.almost_unique():
        return None
    ends = summary.integers.moments
    years = ends is not None and ends.minimum >= 1800 and ends.maximum <= 2200
    if summary.present >= ENOUGH and not summary.sequence.broken and not years:
        reason = f"each is the one before {summary.sequence.step:+d}: an identifier, left out"
    elif summary.present > 2 and last_word(name) in _ID:
        reason = f"{distinct_count(summary)} and named as one: an identifier, left out"
    else:
        return None
    return ColumnProposal("identifier", "int64", (reason,), role="unused")


def _codes(name: str, summary: ColumnSummary) -> ColumnProposal | None:
    """Propose a category for integers that name categories, and neither count nor measure."""
    unique = summary.unique()
    if unique <= 2:
        reason = "a category"
    elif last_word(name) in _ID | _CODE:
        reason = "named as a code: a category"
    elif unique <= _FEW_CODES and summary.present >= 10 * unique and has_gaps(summary):
        reason = "with gaps between them: codes, so a category"
    else:
        return None
    step: Step = "vocabulary_ids"
    if unique > VOCABULARY:
        step = {"hash_buckets": {"num_buckets": buckets(summary)}}
    reason = f"{distinct_count(summary)}{':' if unique <= 2 else ','} {reason}"
    return ColumnProposal("category", "int64", (reason,), (Feature("", (step,)),))


def _amount(summary: ColumnSummary) -> ColumnProposal:
    """Propose a normalized number for numbers that count or measure."""
    skew, of_logarithm = skewness(summary)
    steps: tuple[Step, ...] = ("z_score",)
    reason = "a number"
    if lowest(summary) >= 0 and skew > _SKEWED and abs(of_logarithm) < skew / 2:
        steps = ("log", "z_score")
        reason = (
            f"a number, never negative and with a long tail (skewness {skew:.1f}, of the logarithm "
            f"{of_logarithm:.1f})"
        )
    features = [Feature("", steps)]
    if summary.absent >= _OFTEN_MISSING * summary.rows:
        features.append(Feature("_missing", ("missing_indicator",)))
        reason += "; whether it is missing is a feature too"
    reason = f"{distinct_count(summary)}: {reason}"
    return ColumnProposal("number", type_of(summary), (reason,), tuple(features))


def _strays(summary: ColumnSummary) -> tuple[str, ...]:
    """Describe the values of a number column that are no numbers; none where all are."""
    if not summary.text_count:
        return ()
    texts = list_of([pair for pair in summary.common() if not re.fullmatch(r"-?\d+", pair[0])])
    return (f"{count_of(summary.text_count, 'value')} taken as missing, being no number: {texts}",)
