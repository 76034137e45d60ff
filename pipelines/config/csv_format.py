"""`CsvFormat`: the dialect of a CSV file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pyarrow.csv

from ...schemas.errors import RecipeError

__all__ = ["CsvFormat", "MAX_RECORD_BYTES"]


MAX_RECORD_BYTES = 64 << 20
"""Upper limit for a record, so that a quote that is never closed cannot fill the memory."""


@dataclass(frozen=True, kw_only=True)
class CsvFormat:
    """Dialect of a CSV file. Its text is UTF-8, with or without a byte order mark.

    Attributes:
      header: Whether the first record names the columns.
      delimiter: ASCII character between fields.
      quote: ASCII character around a field that contains a delimiter, a quote (doubled) or a
        line end; "" for files in which quotes have no meaning.
      comment: ASCII character that begins a comment line, outside quotes; "" for no comments.
      max_field_bytes: Upper limit for a field, in bytes, unquoted; from 1 to `MAX_RECORD_BYTES`.

    Raises:
      RecipeError: A character is not one ASCII character, or has two meanings.
    """

    header: bool = True
    delimiter: str = ","
    quote: str = '"'
    comment: str = ""
    max_field_bytes: int = 1 << 20

    def __post_init__(self) -> None:
        for field, problem in self._problems():
            raise RecipeError(problem, subject="CSV format", field=field)

    def _problems(self) -> list[tuple[str, str]]:
        special = {"delimiter": self.delimiter, "quote": self.quote, "comment": self.comment}
        used = {name: value for name, value in special.items() if value or name == "delimiter"}
        problems = [
            (name, f"expected one ASCII character that ends no line, got {value!r}")
            for name, value in used.items()
            if len(value) != 1 or not value.isascii() or value in "\r\n\0"
        ]
        if len(set(used.values())) < len(used):
            meanings = ", ".join(f"{name} {value!r}" for name, value in used.items())
            problems.append(("", f"one character has two meanings: {meanings}"))
        if not 1 <= self.max_field_bytes <= MAX_RECORD_BYTES:
            problem = f"expected 1 to {MAX_RECORD_BYTES}, got {self.max_field_bytes}"
            problems.append(("max_field_bytes", problem))
        return problems

    def parse_options(self, **options: Any) -> pyarrow.csv.ParseOptions:
        """Return the dialect for `pyarrow.csv`, without comments, which it does not support.

        Args:
          **options: Further options of `pyarrow.csv.ParseOptions`.
        """
        return pyarrow.csv.ParseOptions(
            delimiter=self.delimiter,
            quote_char=self.quote or False,
            newlines_in_values=bool(self.quote),
            **options,
        )
