"""What must be understood of files before a recipe is made of them."""

from __future__ import annotations

from ...schemas.errors import DataError
from ...schemas.inference.facts import amount, percent, shown
from ..readers.text_encoding import rejects_advice
from .table import InferredTable

__all__ = ["check_understood", "rejected_records"]

_UNDERSTOOD = 0.9
"""A recipe is made of files where at least this share of the records are rows."""

_ADVICE = {
    "nul_byte": "NUL bytes are no text: is the file binary, or UTF-16? Convert it.",
    "misplaced_quote": "Double each quote inside a quoted field, or close the one further up.",
    "too_few_fields": "Is another character the delimiter, or are several tables in one file?",
    "too_many_fields": "Quote each field that has a delimiter in it, as a writer of CSV does.",
    "field_too_long": "Is a closing quote missing?",
}
"""What to do about records that are no rows, by the reason."""


def check_understood(table: InferredTable, *, single_column: bool) -> None:
    """Check that files were understood: more than one column, and nearly all rows.

    Args:
      table: What they were seen to hold.
      single_column: Whether one column is enough, where no other delimiter makes more of it.

    Raises:
      DataError: They were not; the message says what was seen, and what to do.
    """
    if table.records and table.rows < _UNDERSTOOD * table.records:
        raise DataError(
            f"{table.source}: understood {table.rows:,} of {amount(table.records, 'record')}, "
            f"less than {percent(_UNDERSTOOD)}. {' '.join(rejected_records(table))}"
        )
    names = table.dialect.names
    if len(names) == 1 and (table.dialect.other is not None or not single_column):
        raise DataError(
            f"{table.source}: understood one column, {shown(names[0])}, in "
            f"{amount(table.rows, 'row')}; expected several, to learn one from the others. "
            f"{_more_columns(table)}"
        )


def _more_columns(table: InferredTable) -> str:
    """Return advice on how to get at more than one column."""
    dialect = table.dialect
    if dialect.left_out:
        reasons = "; ".join(f"{shown(name)}: {reason}" for name, reason in dialect.left_out)
        return f"Left out: {reasons}."
    if dialect.other is not None:
        return str(dialect.other)
    return (
        "No delimiter makes more of it: neither comma, tab, semicolon and bar, nor blanks, colons "
        "and the like. Join it with the columns that belong to it. `recordmill profile` shows what "
        "is in one column."
    )


def rejected_records(table: InferredTable) -> list[str]:
    """Return sentences on the records that are no rows: how many, the first, and what to do."""
    if not table.rejected:
        return []
    counts = ", ".join(f"{reason} {count:,}" for reason, count in table.rejected.most_common())
    count = table.rejected.total()
    share = percent(count / table.records)
    common = table.rejected.most_common(1)[0][0]
    first = next(reject for reject in table.rejects if reject.reason == common)
    advice = [_ADVICE.get(common, ""), rejects_advice(table.rejects)]
    return [
        f"{amount(count, 'record')} ({share}) cannot be read as rows, and a run rejects them: "
        f"{counts}, such as {first}.",
        *filter(None, advice),
    ]
