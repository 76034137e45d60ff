"""Which column is the label, and what is learned of it: a class or a number."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches

from ..errors import RecipeError
from .facts import absent, amount, different, list_of, of_all, range_of, tokens_of
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
"""Up to so many different whole numbers are classes, where each comes often."""

_TEXT_CLASSES = 100
_OFTEN = 5
_WORDS = ("None", "-", "--")
"""Missing tokens that name a class in the label of a classification."""


@dataclass(frozen=True)
class Label:
    """The label.

    Attributes:
      place: Its column's place.
      choice: What becomes of it.
      reason: Why it is the label.
    """

    place: int
    choice: ColumnProposal
    reason: str


def choose_label(
    names: Sequence[str], columns: Sequence[ColumnSummary], *, wanted: str | None
) -> Label | None:
    """The label among columns.

    Args:
      names: Of the columns, in order.
      columns: Their values.
      wanted: The name of the label; None to guess: a column that is called like one, else the
        last one, where its values can be classes or amounts.

    Raises:
      RecipeError: There is no column `wanted`, or it can be no label.
    """
    if wanted is not None:
        return _wanted(names, columns, wanted)
    if len(names) < 2:
        return None
    for place, reason in _candidates(names):
        choice = _choice(columns[place])
        if choice and not _counts_rows(columns[place]):
            said = (f"the label, {reason}: {choice.reasons[0]}", *choice.reasons[1:])
            return Label(place, replace(choice, reasons=said), reason)
    return None


def _wanted(names: Sequence[str], columns: Sequence[ColumnSummary], wanted: str) -> Label:
    if wanted not in names:
        near = get_close_matches(wanted, names, n=1)
        hint = f'; did you mean "{near[0]}"?' if near else ""
        raise RecipeError(f'--label: there is no column "{wanted}"{hint}')
    place = list(names).index(wanted)
    seen = columns[place]
    choice = _choice(seen)
    if choice is None:
        raise RecipeError(
            f'--label: "{wanted}" can be no label: expected numbers, or from 2 to {_TEXT_CLASSES} '
            f"classes; got {different(seen)} in {amount(seen.present, 'value')}"
        )
    reason = "as --label says"
    said = (f"the label, {reason}: {choice.reasons[0]}", *choice.reasons[1:])
    return Label(place, replace(choice, reasons=said), reason)


def _candidates(names: Sequence[str]) -> list[tuple[int, str]]:
    """The places of the columns that may be the label, the likeliest first, and why."""
    plain = [re.sub(r"[\W_]", "", name).lower() for name in names]
    known = [
        (place, "by its name")
        for wanted in _NAMES
        for place, name in enumerate(plain)
        if name == wanted
    ]
    ending = [(i, "by its name") for i, name in enumerate(names) if _LAST_WORDS.search(name)]
    return [*known, *ending, (len(names) - 1, "because it is the last column")]


def _counts_rows(seen: ColumnSummary) -> bool:
    """Whether the numbers only count the rows."""
    return numeric(seen) and seen.almost_unique() and not seen.sequence.broken


def _choice(seen: ColumnSummary) -> ColumnProposal | None:
    """What a label of these values is; None where they can be none."""
    if seen.unique() < 2:
        return None
    whole = numeric(seen) and not seen.text_count and not seen.decimals.count and not seen.signed
    often = seen.unique() == 2 or seen.present >= _OFTEN * seen.unique()
    if whole and seen.unique() <= _CLASSES and often:
        values = [str(value) for value in seen.integers.values.tolist()]
        return _classes(seen, values, tokens_of(seen), "whole numbers")
    if numeric(seen):
        return _regression(seen)
    few = seen.exact and not seen.decimals.count and seen.unique() <= _TEXT_CLASSES
    if not few or not often:
        return None
    classes = [token for token in _WORDS if seen.missing[token]]
    values = [*sorted(value for value, _ in seen.common()), *classes]
    tokens = tuple(token for token in tokens_of(seen) if token not in classes)
    return _classes(seen, values, tokens, "texts")


def _classes(
    seen: ColumnSummary, values: list[str], missing: tuple[str, ...], noun: str
) -> ColumnProposal:
    dotted = tuple(
        (value, value[:-1]) for value in values if value[-1:] == "." and value[:-1] in values
    )
    classes = tuple(value for value in values if value not in dict(dotted))
    reason = (
        f"{amount(len(classes), 'different one')} in {amount(seen.rows, 'value')}{absent(seen)}, "
        f"{noun}: classes, whose ids are their places in the domain"
    )
    notes = [list_of(seen.common()), "a label outside the domain is rejected"]
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
        required=not (seen.missing[""] or missing),
    )


def _regression(seen: ColumnSummary) -> ColumnProposal:
    reason = f"{of_all(seen.numbers, seen)} are numbers {range_of(seen)}{absent(seen)}"
    return ColumnProposal(
        "number",
        type_of(seen),
        (f"{reason}; {different(seen)}: an amount, passed on as it is",),
        (Feature("", ("as_is",)),),
        missing=tokens_of(seen),
        role="label",
        required=not seen.absent and not seen.text_count,
        bad_value="missing" if seen.text_count else "reject",
    )
