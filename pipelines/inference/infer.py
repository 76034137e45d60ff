"""A recipe of files that nobody has described: sniff -> scan -> parse -> observe -> choose -> text.

What was read, and what looks wrong, is the summary beside the text.

Every value of every column is counted, in one pass and in memory that depends on the number of
columns alone; the rules of `schemas.inference.rules` then decide, and say why.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from ...schemas.errors import DataError
from ...schemas.inference.facts import amount
from ...schemas.inference.label import choose_label
from ...schemas.inference.observed import ColumnSummary
from ...schemas.inference.proposal import ColumnProposal
from ...schemas.inference.rules import propose_column, propose_feature
from ..config.input import Input
from ..readers.csv_source import match
from ..readers.parse import parse_part
from ..readers.scan import parts, scan
from ..runtime.elements import InputFile, TextBatch
from .checks import check_understood
from .observe import observe
from .sniff import Dialect, sniff
from .summary import summarize
from .table import InferredTable
from .text import recipe_text

__all__ = ["Inferred", "infer", "infer_recipe", "look"]

_BLOCK_BYTES = 16 << 20
_THREADS = 2


@dataclass(frozen=True)
class Inferred:
    """A recipe, and what there is to say about the files it was made of.

    Attributes:
      text: The recipe, YAML with a comment that gives the reason for each choice.
      summary: Rows, columns, the label, what was left out and what looks wrong; a few lines.
    """

    text: str
    summary: tuple[str, ...]


def infer(patterns: Sequence[str], *, label: str | None = None) -> str:
    """The text of a recipe, with a comment that gives the reason for each choice.

    Args:
      patterns: Paths or globs of the files, all of one kind; they become the recipe's inputs.
      label: The name of the label; None to guess it.

    Raises:
      DataError: As `infer_recipe` says.
      RecipeError: As `infer_recipe` says.
    """
    return infer_recipe(patterns, label=label).text


def infer_recipe(
    patterns: Sequence[str], *, label: str | None = None, single_column: bool = False
) -> Inferred:
    """Read files, and make a recipe and a summary of them.

    Args:
      patterns: Paths or globs of the files, all of one kind; they become the recipe's inputs.
      label: The name of the label; None to guess it.
      single_column: Whether files of one column are good, where no other delimiter makes more.

    Raises:
      DataError: A file cannot be read, as in a run; one column was understood, or less than 90 %
        of the rows; or no column has anything to learn from.
      RecipeError: There is no such label, or it can be none.
    """
    files = match([Input(None, pattern) for pattern in patterns])
    table = look(files, sniff([one.path for one in files]))
    check_understood(table, single_column=single_column)
    found = choose_label(table.dialect.names, table.columns, wanted=label)
    choices = [
        propose_column(name, seen)
        for name, seen in zip(table.dialect.names, table.columns, strict=True)
    ]
    if found:
        choices[found.index] = found.proposal
    choices = _with_features(choices, table.columns, files)
    text = recipe_text(
        patterns,
        names=table.dialect.names,
        choices=choices,
        csv_format=table.dialect.csv,
        csv_reasons=table.dialect.reasons,
        records=table.records,
        rejected=table.rejected,
        left_out=table.dialect.left_out,
    )
    return Inferred(text, tuple(summarize(table, choices, found)))


def look(files: Sequence[InputFile], dialect: Dialect) -> InferredTable:
    """Count every value of files, in the order of the files.

    Raises:
      DataError: As `scan` and `parse_part` say.
    """
    more = f" and {amount(len(files) - 1, 'more file')}" if len(files) > 1 else ""
    table = InferredTable(files[0].path + more, dialect, [ColumnSummary() for _ in dialect.names])
    with ThreadPoolExecutor(min(_THREADS, os.cpu_count() or 1)) as pool:
        for file in files:
            for block in _blocks(file, table):
                list(pool.map(observe, table.columns, block.batch.columns))
                table.add(block)
    return table


def _blocks(file: InputFile, table: InferredTable) -> Iterator[TextBatch]:
    """Scan a file, whose lines that are no records the table counts, and parse it."""
    names, csv_format = table.dialect.names, table.dialect.csv
    scanned = scan(file, column_names=names, csv_format=csv_format, block_bytes=_BLOCK_BYTES)
    table.comment_lines += scanned.comment_lines
    for part in parts(scanned):
        yield from parse_part(part, column_names=names, csv_format=csv_format)


def _with_features(
    choices: list[ColumnProposal], columns: Sequence[ColumnSummary], files: Sequence[InputFile]
) -> list[ColumnProposal]:
    """The choices, with what can be kept where every column but the label was left out."""
    if any(one.features and one.role == "feature" for one in choices):
        return choices
    made = [
        propose_feature(one, seen) if one.role == "unused" and seen.present else one
        for one, seen in zip(choices, columns, strict=True)
    ]
    if not any(one.features for one in made):
        paths = ", ".join(one.path for one in files)
        raise DataError(f"{paths}: no column has a value: there is nothing to make a recipe of")
    return made
