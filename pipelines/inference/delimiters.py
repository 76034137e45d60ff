"""Search for the field separator of a text that the supported delimiters leave as one column."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from ...schemas.inference.facts import shown

__all__ = ["OtherDelimiter", "find_other_delimiter"]

_LINES = 1000
"""Number of lines to look at."""

_REGULAR = 0.9
"""Smallest share of lines that a separator must split into the same number of fields."""

_SEPARATORS = {
    '"::"': ("::", "sed 's/::/{}/g'"),
    '"||"': (r"\|\|", "sed 's/||/{}/g'"),
    '":"': (r":(?!//)", "tr : '{}'"),
    '"^"': (r"\^", "tr '^' '{}'"),
    '"~"': ("~", "tr '~' '{}'"),
    "the character U+0001": ("\x01", r"tr '\001' '{}'"),
    "the character U+001F": ("\x1f", r"tr '\037' '{}'"),
    "runs of blanks": (r"[ \t]+", r"tr -s ' \t' '{}'"),
}
"""Separators to try, by name: the pattern, and a shell command that replaces it with `{}`.

A colon before "//" belongs to a URL.
"""

_TIMESTAMP = re.compile(
    r"(\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4})?[T ]*(\d{1,2}:\d\d(:\d\d)?([.,]\d+)?)?( ?[AP]M)?"
    r"(Z|[+-]\d\d:?\d\d)?",
    re.IGNORECASE,
)
"""A date, a time of day, or both: its hyphens, colons and blanks separate no fields."""


@dataclass(frozen=True)
class OtherDelimiter:
    """Separator that splits a text into several fields.

    Attributes:
      name: Name for messages.
      fields: Most common number of fields a line, at least 2 in a result.
      lines: Number of lines with that many fields.
      among: Number of lines examined.
      example: Fields of one such line.
      command: Shell command that reads the file and writes it with a supported delimiter.
    """

    name: str
    fields: int
    lines: int
    among: int
    example: tuple[str, ...]
    command: str

    def __str__(self) -> str:
        fields = ", ".join(shown(field) for field in self.example)
        return (
            f"Split at {self.name}, {self.lines:,} of the first {self.among:,} lines have "
            f"{self.fields:,} fields, such as {fields}: rewrite the file with one of the "
            f"supported delimiters, as `{self.command}` does."
        )


def find_other_delimiter(text: str, *, complete: bool) -> OtherDelimiter | None:
    r"""Find a separator that splits nearly all lines into the same number of fields, above one.

    Args:
      text: Beginning of a file that comma, tab, semicolon and bar leave as one column.
      complete: Whether the text is the complete file; if not, its last line may be cut and is
        left out.

    Returns:
      The separator with the most lines of equal length; among equals, the first one in
      `_SEPARATORS`. None where no separator is regular, or every line is a date or a time.

    >>> delimiter = find_other_delimiter("a:b\n1:x\n2:y\n", complete=True)
    >>> delimiter.name, delimiter.fields, delimiter.command
    ('":"', 2, "tr : ','")
    """
    lines = [line.strip() for line in text.splitlines()]
    lines = [line for line in (lines if complete else lines[:-1]) if line][:_LINES]
    timestamps = sum(bool(_TIMESTAMP.fullmatch(line)) for line in lines)
    if not lines or timestamps >= _REGULAR * (len(lines) - 1) > 0:  # the first may be a header
        return None
    candidates = [_split(name, lines) for name in _SEPARATORS]
    regular = [
        each for each in candidates if each.fields > 1 and each.lines >= _REGULAR * each.among
    ]
    return max(regular, key=lambda delimiter: delimiter.lines, default=None)


def _split(name: str, lines: Sequence[str]) -> OtherDelimiter:
    pattern, command = _SEPARATORS[name]
    records = [re.split(pattern, line) for line in lines]
    fields, count = Counter(map(len, records)).most_common(1)[0]
    example = next(record for record in reversed(records) if len(record) == fields)
    delimiters = (",", r"\t", ";")  # the command must put one there that the text does not contain
    unused = next((d for d in delimiters if not any(_has(d, line) for line in lines)), ",")
    return OtherDelimiter(name, fields, count, len(lines), tuple(example), command.format(unused))


def _has(delimiter: str, line: str) -> bool:
    return delimiter.replace(r"\t", "\t") in line
