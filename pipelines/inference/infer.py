"""A recipe of files that nobody has described: sniff -> scan -> parse -> observe -> choose -> text.

Every value of every column is counted, in one pass and in memory that depends on the number of
columns alone; the rules of `schemas.inference_rules` then decide, and say why.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from ...schemas.errors import DataError
from ...schemas.inference import Observed
from ...schemas.inference_choice import Choice
from ...schemas.inference_label import choose_label
from ...schemas.inference_rules import choose, kept
from ..elements import Block
from ..parse import parse_part
from ..read import Input, InputFile, match
from ..scan import parts, scan
from .observe import observe
from .sniff import Dialect, sniff
from .text import recipe_text

__all__ = ["Table", "infer", "look"]

_BLOCK_BYTES = 16 << 20
_THREADS = 2


@dataclass
class Table:
    """What files were seen to hold.

    Attributes:
      dialect: How they are written.
      columns: What each column holds, in order.
      records: How many records there are.
      rejected: How many records are no rows, by reason.
    """

    dialect: Dialect
    columns: list[Observed]
    records: int = 0
    rejected: Counter[str] = field(default_factory=Counter)


def infer(patterns: Sequence[str], *, label: str | None = None) -> str:
    """The text of a recipe, with a comment that gives the reason for each choice.

    Args:
      patterns: Paths or globs of the files, all of one kind; they become the recipe's inputs.
      label: The name of the label; None to guess it.

    Raises:
      DataError: A file cannot be read, as in a run, or no column has anything to learn from.
      RecipeError: There is no such label, or it can be none.
    """
    files = match([Input(None, pattern) for pattern in patterns])
    table = look(files, sniff([one.path for one in files]))
    found = choose_label(table.dialect.names, table.columns, wanted=label)
    choices = [
        choose(name, seen) for name, seen in zip(table.dialect.names, table.columns, strict=True)
    ]
    if found:
        choices[found.place] = found.choice
    return recipe_text(
        patterns,
        names=table.dialect.names,
        choices=_with_features(choices, table.columns, files),
        csv_format=table.dialect.csv,
        csv_reasons=table.dialect.reasons,
        records=table.records,
        rejected=table.rejected,
    )


def look(files: Sequence[InputFile], dialect: Dialect) -> Table:
    """Counts every value of files, in the order of the files.

    Raises:
      DataError: As `scan` and `parse_part` say.
    """
    table = Table(dialect, [Observed() for _ in dialect.names])
    with ThreadPoolExecutor(min(_THREADS, os.cpu_count() or 1)) as pool:
        for block in _blocks(files, dialect):
            list(pool.map(observe, table.columns, block.batch.columns))
            table.records += block.records
            table.rejected.update(reject.reason for reject in block.rejects)
    return table


def _blocks(files: Sequence[InputFile], dialect: Dialect) -> Iterator[Block]:
    for file in files:
        scanned = scan(
            file,
            column_names=dialect.names,
            csv_format=dialect.csv,
            block_bytes=_BLOCK_BYTES,
        )
        for part in parts(scanned):
            yield from parse_part(part, column_names=dialect.names, csv_format=dialect.csv)


def _with_features(
    choices: list[Choice], columns: Sequence[Observed], files: Sequence[InputFile]
) -> list[Choice]:
    """The choices, with what can be kept where every column but the label was left out."""
    if any(one.features and one.role == "feature" for one in choices):
        return choices
    made = [
        kept(one, seen) if one.role == "unused" and seen.present else one
        for one, seen in zip(choices, columns, strict=True)
    ]
    if not any(one.features for one in made):
        paths = ", ".join(one.path for one in files)
        raise DataError(f"{paths}: no column has a value: there is nothing to make a recipe of")
    return made
