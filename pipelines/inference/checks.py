"""Checks that files were understood well enough to infer a recipe from them."""

from __future__ import annotations

from ...schemas.errors import DataError
from ...schemas.inference.facts import percent, shown
from ...schemas.wording import count_of
from ..readers.text_encoding import rejects_advice
from .table import InferredTable

__all__ = ["check_understood", "rejected_records"]

_UNDERSTOOD = 0.9
"""Smallest share of records that must be rows for a recipe to be inferred."""

_ADVICE = {
    "nul_byte": "NUL bytes are not text: is the file binary, or UTF-16? Convert it.",
    "misplaced_quote": "Double each quote inside a quoted field, or close the one further up.",
    "too_few_fields": "Is another character the delimiter, or are several tables in one file?",
    "too_many_fields": "Quote each field that contains a delimiter, as CSV writers do.",
    "field_too_long": "Is a closing quote missing?",
}
"""Advice on records that cannot be read as rows, by reject reason."""


def check_understood(table: InferredTable, *, single_column: bool) -> None:
    """Check that more than one column and nearly all records could be read.

    Args:
      table: Summary of the files.
      single_column: Whether to accept one column where no other delimiter splits it.

    Raises:
      DataError: Fewer than 90 % of the records are rows, or there is only one column. The message
        says what was read, and what to do.
    """
    if table.records and table.rows < _UNDERSTOOD * table.records:
        raise DataError(
            f"{table.source}: understood {table.rows:,} of {count_of(table.records, 'record')}, "
            f"less than {percent(_UNDERSTOOD)}. {' '.join(rejected_records(table))}"
        )
    names = table.dialect.names
    if len(names) == 1 and (table.dialect.other is not None or not single_column):
        raise DataError(
            f"{table.source}: understood one column, {shown(names[0])}, in "
            f"{count_of(table.rows, 'row')}; expected several, to predict one from the others. "
            f"{_more_columns(table)}"
        )


def _more_columns(table: InferredTable) -> str:
    """Return advice on getting more than one column."""
    dialect = table.dialect
    if dialect.left_out:
        reasons = "; ".join(f"{shown(name)}: {reason}" for name, reason in dialect.left_out)
        return f"Left out: {reasons}."
    if dialect.other is not None:
        return str(dialect.other)
    return (
        "No delimiter splits it: neither comma, tab, semicolon or bar, nor blanks, colons and the "
        "like. Join it with the columns that belong to it. `recordmill profile` describes a single "
        "column."
    )


def rejected_records(table: InferredTable) -> list[str]:
    """Return sentences on the records that are not rows: count, first example, advice."""
    if not table.rejected:
        return []
    counts = ", ".join(f"{reason} {count:,}" for reason, count in table.rejected.most_common())
    count = table.rejected.total()
    share = percent(count / table.records)
    common = table.rejected.most_common(1)[0][0]
    first = next(reject for reject in table.rejects if reject.reason == common)
    advice = [_ADVICE.get(common, ""), rejects_advice(table.rejects)]
    return [
        f"{count_of(count, 'record')} ({share}) cannot be read as rows, and a run rejects them: "
        f"{counts}, such as {first}.",
        *filter(None, advice),
    ]
