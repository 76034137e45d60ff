"""Choice of the label among columns, and of the task: classification or regression."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..errors import RecipeError
from ..suggestions import did_you_mean
from ..wording import count_of
from .facts import distinct_count, list_of, missing_note, of_all, range_of, tokens_of
from .numbers import numeric, type_of
from .observed import ColumnSummary
from .proposal import ColumnProposal, Feature

__all__ = ["Label", "choose_label"]

_NAMES = (
    *("label", "labels", "target", "class", "y", "outcome", "response", "survived", "churn"),
    *("income", "price", "saleprice", "salary", "species", "diagnosis", "quality"),
)
_LAST_WORDS = re.compile(r"(^|[\W_])(label|target)$", re.IGNORECASE)

_CLASSES = 20
"""Most distinct integers that are classes, where each occurs often."""

_TEXT_CLASSES = 100
_OFTEN = 5
_WORDS = ("None", "-", "--")
"""Missing tokens that name a class in the label of a classification."""


@dataclass(frozen=True)
class Label:
    """Label of a table.

    Attributes:
      index: Index of its column.
      proposal: Proposed declaration of the column.
      reason: Reason why the column is the label.
    """

    index: int
    proposal: ColumnProposal
    reason: str


def choose_label(
    names: Sequence[str], columns: Sequence[ColumnSummary], *, wanted: str | None
) -> Label | None:
    """Choose the label among columns.

    Args:
      names: Names of the columns, in order.
      columns: Values of the columns.
      wanted: Name of the label; None to guess: a column with the name of a label, else the last
        column, where its values can be classes or amounts.

    Returns:
      The label; None where no column is likely.

    Raises:
      RecipeError: There is no column `wanted`, or it cannot be a label.
    """
    if wanted is not None:
        return _wanted(names, columns, wanted)
    if len(names) < 2:
        return None
    for index, reason in _candidates(names):
        proposal = _propose(columns[index])
        if proposal and not _counts_rows(columns[index]):
            return _label(index, proposal, reason)
    return None


def _wanted(names: Sequence[str], columns: Sequence[ColumnSummary], wanted: str) -> Label:
    if wanted not in names:
        hint = did_you_mean(wanted, names)
        raise RecipeError(f'--label: there is no column "{wanted}"{hint}')
    index = list(names).index(wanted)
    summary = columns[index]
    proposal = _propose(summary)
    if proposal is None:
        raise RecipeError(
            f'--label: "{wanted}" can be no label: expected numbers, or from 2 to {_TEXT_CLASSES} '
            f"classes; got {distinct_count(summary)} in {count_of(summary.present, 'value')}"
        )
    return _label(index, proposal, "as --label says")


def _label(index: int, proposal: ColumnProposal, reason: str) -> Label:
    first, *others = proposal.reasons
    reasons = (f"the label, {reason}: {first}", *others)
    return Label(index, replace(proposal, reasons=reasons), reason)


def _candidates(names: Sequence[str]) -> list[tuple[int, str]]:
    """Return (index, reason) of the columns that may be the label, the likeliest first."""
    plain = [re.sub(r"[\W_]", "", name).lower() for name in names]
    by_name = [
        (index, "by its name")
        for wanted in _NAMES
        for index, name in enumerate(plain)
        if name == wanted
    ]
    by_ending = [(i, "by its name") for i, name in enumerate(names) if _LAST_WORDS.search(name)]
    return [*by_name, *by_ending, (len(names) - 1, "because it is the last column")]


def _counts_rows(summary: ColumnSummary) -> bool:
    """Return whether the numbers only count the rows."""
    return numeric(summary) and summary.almost_unique() and not summary.sequence.broken


def _propose(summary: ColumnSummary) -> ColumnProposal | None:
    """Propose classes or a number for a label of these values; None where neither is possible."""
    if summary.unique() < 2:
        return None
    integral = numeric(summary) and not (
        summary.text_count or summary.decimals.count or summary.signed
    )
    often = summary.unique() == 2 or summary.present >= _OFTEN * summary.unique()
    if integral and summary.unique() <= _CLASSES and often:
        values = [str(value) for value in summary.integers.values.tolist()]
        return _classes(summary, values, tokens_of(summary), "whole numbers")
    if numeric(summary):
        return _regression(summary)
    few = summary.exact and not summary.decimals.count and summary.unique() <= _TEXT_CLASSES
    if not few or not often:
        return None
    classes = [token for token in _WORDS if summary.missing[token]]
    values = [*sorted(value for value, _ in summary.common()), *classes]
    tokens = tuple(token for token in tokens_of(summary) if token not in classes)
    return _classes(summary, values, tokens, "texts")


def _classes(
    summary: ColumnSummary, values: list[str], missing: tuple[str, ...], noun: str
) -> ColumnProposal:
    dotted = tuple(
        (value, value[:-1]) for value in values if value[-1:] == "." and value[:-1] in values
    )
    classes = tuple(value for value in values if value not in dict(dotted))
    reason = (
        f"{count_of(len(classes), 'different one')} in {count_of(summary.rows, 'value')}"
        f"{missing_note(summary)}, {noun}: classes, whose ids are their places in the domain"
    )
    notes = [list_of(summary.common()), "a label outside the domain is rejected"]
    if dotted:
        notes.append("some are also written with a dot at the end, as spelling says")
    return ColumnProposal(
        "category",
        "string",
        (reason, *notes),
        (Feature("", ("label_ids",)),),
        missing=missing,
        domain=classes,
        spelling=dotted,
        role="label",
        required=not (summary.missing[""] or missing),
    )


def _regression(summary: ColumnSummary) -> ColumnProposal:
    reason = (
        f"{of_all(summary.numbers, summary)} are numbers {range_of(summary)}{missing_note(summary)}"
    )
    return ColumnProposal(
        "number",
        type_of(summary),
        (f"{reason}; {distinct_count(summary)}: an amount, passed on as it is",),
        (Feature("", ("as_is",)),),
        missing=tokens_of(summary),
        role="label",
        required=not summary.absent and not summary.text_count,
        bad_value="missing" if summary.text_count else "reject",
    )
