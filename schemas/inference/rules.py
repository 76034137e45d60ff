"""Rules of inference: each proposes a declaration and features of a column, with its reasons.

The rules are tried in the order of `RULES`; the first that applies decides. None sets a range or
a closed domain for a feature: a larger number and a new category of a later day are ordinary data,
and must not be rejected.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ..column import BadValue
from ..wording import count_of
from .facts import (
    buckets,
    distinct_count,
    is_flag,
    list_of,
    missing_note,
    of_all,
    one_pattern,
    parts_of,
    percent,
    shown,
    tokens_of,
)
from .numbers import number, numeric, type_of
from .observed import DATE_FORMATS, ISO, ColumnSummary
from .proposal import ENOUGH, NUMERIC, VOCABULARY, ColumnProposal, Feature, Step

__all__ = ["RULES", "formatted", "propose_column", "propose_feature"]

_COVERED = 0.8
"""Least share of the most common values at which all others get one id."""

_TEXT_WORDS = 4
"""Least mean number of words at which texts are prose."""

_TOP_WORDS = 100
_MULTI_HOT = 100
_SWAPPED = {"%m/%d/%Y": "%d/%m/%Y", "%m/%d/%Y %H:%M": "%d/%m/%Y %H:%M"}


def propose_column(name: str, summary: ColumnSummary) -> ColumnProposal:
    """Propose the declaration and features of a column that is not the label.

    Args:
      name: Name of the column; it decides where the values leave identifiers and codes open.
      summary: Counts of its values.
    """
    proposals = (proposal for rule in RULES if (proposal := rule(name, summary)))
    return replace(next(proposals, None) or _hashed(summary), missing=tokens_of(summary))


def propose_feature(proposal: ColumnProposal, summary: ColumnSummary) -> ColumnProposal:
    """Make a feature of a column that was left out, for a table without another feature."""
    step: Step = {"hash_buckets": {"num_buckets": buckets(summary)}}
    steps = ("z_score",) if proposal.type != "string" else (step,)
    reasons = (*proposal.reasons, "kept all the same, because no other column is left")
    return replace(proposal, role="feature", features=(Feature("", steps),), reasons=reasons)


def _nothing(name: str, summary: ColumnSummary) -> ColumnProposal | None:
    if summary.present:
        return None
    if not summary.rows:
        reason = "there is no row to infer from: check the type"
        return ColumnProposal("category", "string", (reason,), (Feature("", ("vocabulary_ids",)),))
    reason = f"all {count_of(summary.rows, 'value')} are missing: left out"
    return ColumnProposal("nothing", "string", (reason,), role="unused")


def _constant(name: str, summary: ColumnSummary) -> ColumnProposal | None:
    if summary.unique() > 1 or summary.present < 2:
        return None
    value = (summary.common() or [(str(summary.decimals.values[0]), 0)])[0][0]
    reason = f"{of_all(summary.present, summary)} are {shown(value)}"
    kind = type_of(summary) if numeric(summary) else "string"
    if not summary.absent:
        lenient: BadValue = "reject" if kind == "string" else "missing"
        reason += ": a constant, left out"
        return ColumnProposal("constant", kind, (reason,), role="unused", bad_value=lenient)
    reason += ", the others missing: what counts is whether there is one"
    feature = Feature("_missing", ("missing_indicator",))
    return ColumnProposal("category", kind, (reason,), (feature,))


def _date(name: str, summary: ColumnSummary) -> ColumnProposal | None:
    best = max(DATE_FORMATS, key=lambda name: summary.dates[name])
    count = summary.dates[best]
    compact = best == "%Y%m%d" and summary.unique() < ENOUGH
    if count < NUMERIC * summary.present or compact:
        return None
    written = "as ISO 8601" if best == ISO else f"as {best}"
    reasons = [f"{of_all(count, summary)} are dates written {written}{missing_note(summary)}"]
    if summary.dates[_SWAPPED.get(best, "")] == count:
        reasons.append("no day above 12 tells days from months: check which comes first")
    format_ = {} if best == ISO else {"format": best}
    periods = ["year", "week", *(["day"] if summary.timed else [])]
    return ColumnProposal(
        "date",
        "string",
        tuple(reasons),
        (
            Feature("_days", ({"days_since": format_} if format_ else "days_since", "z_score")),
            *(
                Feature(f"_{period}", ({"cyclical_date": {"period": period} | format_},))
                for period in periods
            ),
        ),
    )


def _flag(name: str, summary: ColumnSummary) -> ColumnProposal | None:
    if summary.unique() != 2 or summary.text_count < summary.present or not is_flag(summary):
        return None
    values = sorted(value for value, _ in summary.common())
    reason = (
        f"{of_all(summary.present, summary)} are {' or '.join(map(shown, values))}"
        f"{missing_note(summary)}: yes or no, and anything else is taken as missing, not rejected"
    )
    return ColumnProposal(
        "category",
        "string",
        (reason,),
        (_vocabulary(summary, {}),),
        domain=tuple(values),
        bad_value="missing",
    )


def _identifier(name: str, summary: ColumnSummary) -> ColumnProposal | None:
    if summary.present < ENOUGH or not summary.almost_unique() or formatted(summary):
        return None
    if not (pattern := one_pattern(summary)):
        return None
    reason = (
        f"{distinct_count(summary)} of {count_of(summary.present, 'value')}, {pattern}: "
        f"an identifier, left out{missing_note(summary)}"
    )
    return ColumnProposal("identifier", "string", (reason,), role="unused")


def _several(name: str, summary: ColumnSummary) -> ColumnProposal | None:
    parts = parts_of(summary)
    if not parts:
        return None
    separator, share, count = parts
    reason = (
        f'{percent(share)} of the values have a "{separator}" in them, and between these only '
        f"{count_of(count, 'different word')} or phrases: several values a field"
    )
    steps: tuple[Step, ...] = (
        {"split_values": {"separator": separator}},
        "vocabulary_ids",
        {"multi_hot": {"depth": count + 1}},
    )
    if count > _MULTI_HOT:
        steps = (steps[0], {"vocabulary_ids": {"top_k": VOCABULARY}})
    return ColumnProposal("several", "string", (reason,), (Feature("", steps),))


def _text(name: str, summary: ColumnSummary) -> ColumnProposal | None:
    words = summary.words / max(1, summary.text_count)
    if words < _TEXT_WORDS or summary.unique() < 0.5 * summary.present or summary.present < ENOUGH:
        return None
    reason = (
        f"{distinct_count(summary)} of {count_of(summary.present, 'value')}, of {words:.1f} words "
        f"on average: free text, as the {_TOP_WORDS:,} most common words"
    )
    steps: tuple[Step, ...] = ("lower", {"tf_idf": {"top_k": _TOP_WORDS}})
    return ColumnProposal("text", "string", (reason,), (Feature("", steps),))


def _category(name: str, summary: ColumnSummary) -> ColumnProposal | None:
    often = summary.unique() <= 0.5 * summary.present or summary.present < 100
    if summary.unique() > VOCABULARY or not often:
        return None
    reason = f"{_distinct_of_present(summary)}: a category"
    return ColumnProposal(
        "category",
        "string",
        (reason, list_of(summary.common()), *_notes(summary)),
        (_vocabulary(summary, {}),),
    )


def _hashed(summary: ColumnSummary) -> ColumnProposal:
    """Propose hash buckets for a string column of many values, or its most common values."""
    covered = sum(count for _, count in summary.common()[:VOCABULARY]) / summary.present
    reason = f"{_distinct_of_present(summary)}: too many to "
    notes = _notes(summary)
    if covered >= _COVERED and summary.unique() > VOCABULARY:
        reason += f"list, but the {VOCABULARY:,} most common are {percent(covered)} of them"
        feature = _vocabulary(summary, {"top_k": VOCABULARY})
        return ColumnProposal("category", "string", (reason, *notes), (feature,))
    step: Step = {"hash_buckets": {"num_buckets": buckets(summary)}}
    reason += "list, so hashed"
    return ColumnProposal("hashed", "string", (reason, *notes), (Feature("", (step,)),))


def _distinct_of_present(summary: ColumnSummary) -> str:
    values = count_of(summary.present, "value")
    return f"{distinct_count(summary)} in {values}{missing_note(summary)}"


RULES: tuple[Callable[[str, ColumnSummary], ColumnProposal | None], ...] = (
    _nothing,
    _constant,
    _date,
    number,
    _flag,
    _several,
    _text,
    _identifier,
    _category,
)


def _vocabulary(summary: ColumnSummary, arguments: dict[str, Any]) -> Feature:
    """Return a feature of category ids; missing values, if any, are a category of their own."""
    ids: Step = {"vocabulary_ids": arguments} if arguments else "vocabulary_ids"
    token = next(iter(tokens_of(summary)), "?")
    return Feature("", ({"fill_missing": token}, ids) if summary.absent else (ids,))


def _notes(summary: ColumnSummary) -> tuple[str, ...]:
    """Describe texts that look like numbers."""
    notes = []
    if summary.leading_zeros:
        count = count_of(summary.leading_zeros, "value")
        notes.append(f"{count} of digits with leading zeros, which a number would lose: text")
    elif summary.numbers >= 0.5 * summary.present:
        notes.append(
            f"{of_all(summary.numbers, summary)} are numbers, and the others are not: text"
        )
    return (*notes, *formatted(summary))


def formatted(summary: ColumnSummary) -> list[str]:
    """Return a note on texts that are mostly amounts, such as "$1,200"; none of others."""
    if summary.formatted < 0.5 * max(1, summary.text_count):
        return []
    return [
        "numbers with a currency, a percent sign or separators: "
        f"{count_of(summary.formatted, 'value')}, such as {shown(summary.common()[0][0])}; to have "
        "them as numbers, write them without"
    ]
