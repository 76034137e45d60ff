"""Summary of inferred files: rows, columns, format and label, and values that look wrong."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ...schemas.inference.facts import list_of, of_all, shown
from ...schemas.inference.label import Label
from ...schemas.inference.observed import ColumnSummary
from ...schemas.inference.proposal import ColumnProposal
from ...schemas.inference.rules import formatted
from ...schemas.wording import count_of
from .checks import rejected_records
from .table import InferredTable

__all__ = ["summarize"]

_SHOWN = 5
_LEFT_OUT = {
    "nothing": "no value in any row",
    "constant": "one value only",
    "identifier": "an identifier",
}


def summarize(
    table: InferredTable, choices: Sequence[ColumnProposal], label: Label | None
) -> Iterator[str]:
    """Yield one line each on size, format, label, columns left out, and problems.

    Args:
      table: Summary of the files.
      choices: Proposal for each column.
      label: Chosen label; None where there is none.
    """
    names = table.dialect.names
    yield (
        f"{table.source}: {count_of(table.rows, 'row')} of {count_of(len(names), 'column')}: "
        f"{_listed([shown(name) for name in names])}"
    )
    yield f"format: {_format(table)}"
    yield f"label: {_label(names, label)}"
    if left_out := [*_unused(names, choices), *_unread(table)]:
        yield f"left out: {_listed(left_out)}"
    yield from (f"looks wrong: {problem}" for problem in _problems(table, choices, label))


def _listed(texts: Sequence[str]) -> str:
    more = f" and {len(texts) - _SHOWN:,} more" if len(texts) > _SHOWN else ""
    return f"{', '.join(texts[:_SHOWN])}{more}"


def _format(table: InferredTable) -> str:
    reasons = "; ".join(table.dialect.reasons)
    if table.dialect.reasons[0].startswith("Parquet"):
        return reasons
    comments = f" ({table.comment_lines:,} in all)" if table.comment_lines else ""
    return f"CSV with delimiter {table.dialect.csv.delimiter!r}: {reasons}{comments}"


def _label(names: Sequence[str], label: Label | None) -> str:
    if label is None:
        return "none found; `init --label NAME` chooses one"
    classes = len(label.proposal.domain)
    target = f"{classes:,} classes" if classes else "an amount"
    return f"{shown(names[label.index])}, {label.reason}: {target}"


def _unused(names: Sequence[str], choices: Sequence[ColumnProposal]) -> Iterator[str]:
    for name, choice in zip(names, choices, strict=True):
        if choice.role == "unused":
            yield f"{shown(name)} ({_LEFT_OUT[choice.kind]})"


def _unread(table: InferredTable) -> Iterator[str]:
    for name, reason in table.dialect.left_out:
        yield f"{shown(name)} ({reason})"


def _problems(
    table: InferredTable, choices: Sequence[ColumnProposal], label: Label | None
) -> Iterator[str]:
    """Yield the problems a reader should check, the most serious first."""
    if not table.records:
        yield "there is no row, so the types are guesses"
    if table.rejected:
        yield " ".join(rejected_records(table))
    names = table.dialect.names
    if label is not None and (absent := _without_label(table.columns[label.index], label.proposal)):
        yield f"{count_of(absent, 'row')} without a label, which a filter of the recipe drops"
    doubts = [
        f"{shown(name)}: {doubt}"
        for name, seen, choice in zip(names, table.columns, choices, strict=True)
        if choice.role == "feature" and (doubt := _doubt(seen, choice))
    ]
    yield from doubts[:_SHOWN]
    if len(doubts) > _SHOWN:
        more = count_of(len(doubts) - _SHOWN, "more column")
        yield f"{more}: see the comments of the recipe"


def _without_label(seen: ColumnSummary, choice: ColumnProposal) -> int:
    strays = seen.text_count if choice.bad_value == "missing" else 0
    return 0 if choice.required else seen.absent + strays


def _doubt(seen: ColumnSummary, choice: ColumnProposal) -> str:
    """Return a doubt about the values of a column; "" where there is none."""
    if choice.type != "string":
        return _strays(seen) if seen.text_count else ""
    if notes := formatted(seen):
        return f"text, of {notes[0]}"
    if not seen.leading_zeros and 0.5 * seen.present <= seen.numbers < seen.present:
        return f"text, though {of_all(seen.numbers, seen)} are numbers"
    return ""


def _strays(seen: ColumnSummary) -> str:
    texts = seen.texts.values.to_pylist()
    strays = sorted(zip(texts, seen.texts.counts.tolist(), strict=True), key=lambda p: (-p[1], p))
    return f"{count_of(seen.text_count, 'value')} not a number, taken as missing: {list_of(strays)}"
