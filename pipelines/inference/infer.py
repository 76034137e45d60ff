"""Infer a recipe from undescribed files: sniff -> scan -> parse -> observe -> choose -> text.

A summary beside the recipe describes the data and lists suspicious columns.

One pass counts every value of every column, in memory that depends on the number of columns alone;
the rules of `schemas.inference.rules` then choose the types and transforms, and give reasons.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from ...schemas.errors import DataError
from ...schemas.inference.label import choose_label
from ...schemas.inference.observed import ColumnSummary
from ...schemas.inference.proposal import ColumnProposal
from ...schemas.inference.rules import propose_column, propose_feature
from ...schemas.wording import count_of
from ..config.input import Input
from ..readers.csv_stages import match
from ..readers.parse import parse_fragment
from ..readers.scan import file_fragments, scan
from ..runtime.elements import InputFile, TextBatch
from .checks import check_understood
from .observe import observe
from .sniff import Dialect, sniff
from .summary import summarize
from .table import InferredTable
from .text import recipe_text

__all__ = ["Inferred", "infer", "infer_recipe"]

_BLOCK_BYTES = 16 << 20
_THREADS = 2


@dataclass(frozen=True)
class Inferred:
    """Inferred recipe, and a summary of the files.

    Attributes:
      text: Recipe, YAML with a comment that gives the reason for each choice.
      summary: A few lines on rows, columns, format and label, on columns left out, and on values
        that look wrong.
    """

    text: str
    summary: tuple[str, ...]


def infer(patterns: Sequence[str], *, label: str | None = None) -> str:
    """Return the text of an inferred recipe, with comments that give the reason for each choice.

    Args:
      patterns: Paths or globs of the files, all of one format; they become the recipe's inputs.
      label: Name of the label column; None to guess it.

    Raises:
      DataError: As in `infer_recipe`.
      RecipeError: As in `infer_recipe`.
    """
    return infer_recipe(patterns, label=label).text


def infer_recipe(
    patterns: Sequence[str], *, label: str | None = None, single_column: bool = False
) -> Inferred:
    """Read files, and infer a recipe and a summary.

    Args:
      patterns: Paths or globs of the files, all of one format; they become the recipe's inputs.
      label: Name of the label column; None to guess it.
      single_column: Whether to accept files of one column where no other delimiter splits it.

    Raises:
      DataError: A file cannot be read, as in a run; only one column was understood, or fewer than
        90 % of the records are rows; or no column has a value.
      RecipeError: There is no column of the label's name, or it cannot be a label.
    """
    files = match([Input(None, pattern) for pattern in patterns])
    table = _summarize_columns(files, sniff([file.path for file in files]))
    check_understood(table, single_column=single_column)
    names = table.dialect.names
    label_choice = choose_label(names, table.columns, wanted=label)
    choices = [
        propose_column(name, column) for name, column in zip(names, table.columns, strict=True)
    ]
    if label_choice:
        choices[label_choice.index] = label_choice.proposal
    choices = _with_features(choices, table.columns, files)
    text = recipe_text(
        patterns,
        names=names,
        choices=choices,
        csv_format=table.dialect.csv,
        csv_reasons=table.dialect.reasons,
        records=table.records,
        rejected=table.rejected,
        left_out=table.dialect.left_out,
    )
    return Inferred(text, tuple(summarize(table, choices, label_choice)))


def _summarize_columns(files: Sequence[InputFile], dialect: Dialect) -> InferredTable:
    """Count every value of every column, file by file.

    Raises:
      DataError: As in `scan` and `parse_fragment`.
    """
    more = f" and {count_of(len(files) - 1, 'more file')}" if len(files) > 1 else ""
    table = InferredTable(files[0].path + more, dialect, [ColumnSummary() for _ in dialect.names])
    with ThreadPoolExecutor(min(_THREADS, os.cpu_count() or 1)) as pool:
        for file in files:
            for batch in _text_batches(file, table):
                list(pool.map(observe, table.columns, batch.batch.columns))
                table.add(batch)
    return table


def _text_batches(file: InputFile, table: InferredTable) -> Iterator[TextBatch]:
    """Scan a file, add its comment lines to the table's, and parse it."""
    names, csv_format = table.dialect.names, table.dialect.csv
    scanned = scan(file, column_names=names, csv_format=csv_format, block_bytes=_BLOCK_BYTES)
    table.comment_lines += scanned.comment_lines
    for part in file_fragments(scanned):
        yield from parse_fragment(part, column_names=names, csv_format=csv_format)


def _with_features(
    choices: list[ColumnProposal], columns: Sequence[ColumnSummary], files: Sequence[InputFile]
) -> list[ColumnProposal]:
    """Turn unused columns into features where no column but the label would be one."""
    if any(choice.features and choice.role == "feature" for choice in choices):
        return choices
    choices = [
        propose_feature(choice, column) if choice.role == "unused" and column.present else choice
        for choice, column in zip(choices, columns, strict=True)
    ]
    if not any(choice.features for choice in choices):
        paths = ", ".join(file.path for file in files)
        raise DataError(f"{paths}: no column has a value, so no recipe can be inferred")
    return choices
