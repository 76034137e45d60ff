"""What separates the fields of a text that recordmill reads as one column."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from ...schemas.inference.facts import shown

__all__ = ["OtherDelimiter", "find_other_delimiter"]

_LINES = 1000
_REGULAR = 0.9
"""The share of the lines that a delimiter must cut into equally many fields."""

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
"""What may separate fields: the pattern of each, and the command that puts another one there."""

_ONE_VALUE = re.compile(
    r"(\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4})?[T ]*(\d{1,2}:\d\d(:\d\d)?([.,]\d+)?)?( ?[AP]M)?"
    r"(Z|[+-]\d\d:?\d\d)?",
    re.IGNORECASE,
)
"""A date, a time of the day, or both."""


@dataclass(frozen=True)
class OtherDelimiter:
    """A separator that cuts a text into more fields.

    Attributes:
      name: What it is called.
      fields: How many fields a line has with it, at least 2.
      lines: How many lines have so many.
      among: Of how many lines looked at.
      example: The fields of a line.
      command: A command that reads the file and writes it with another separator.
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
            f"Cut at {self.name}, {self.lines:,} of the first {self.among:,} lines have "
            f"{self.fields:,} fields, such as {fields}: rewrite the file with one of the "
            f"delimiters that are looked for, as `{self.command}` does."
        )


def find_other_delimiter(text: str, *, whole: bool) -> OtherDelimiter | None:
    """Find what cuts nearly all lines of a text into as many fields, more than one.

    Args:
      text: The beginning of a file, of which comma, tab, semicolon and bar make one column.
      whole: Whether that is all of the file; else its last line is cut, and left out.

    Returns:
      The separator that makes the most lines alike, and of these the first in the order of
      `_SEPARATORS`; None where none does, or every line is a date or a time.

    >>> found = find_other_delimiter("a:b\\n1:x\\n2:y\\n", whole=True)
    >>> found.name, found.fields, found.command
    ('":"', 2, "tr : ','")
    """
    lines = [line.strip() for line in text.splitlines()]
    lines = [line for line in (lines if whole else lines[:-1]) if line][:_LINES]
    values = sum(bool(_ONE_VALUE.fullmatch(line)) for line in lines)
    if not lines or values >= _REGULAR * (len(lines) - 1) > 0:
        return None
    found = [_cut(name, lines) for name in _SEPARATORS]
    regular = [one for one in found if one.fields > 1 and one.lines >= _REGULAR * one.among]
    return max(regular, key=lambda one: one.lines, default=None)


def _cut(name: str, lines: Sequence[str]) -> OtherDelimiter:
    pattern, command = _SEPARATORS[name]
    cut = [re.split(pattern, line) for line in lines]
    fields, count = Counter(map(len, cut)).most_common(1)[0]
    example = next(line for line in reversed(cut) if len(line) == fields)
    unused = next((one for one in (",", r"\t", ";") if not any(_has(one, s) for s in lines)), ",")
    return OtherDelimiter(name, fields, count, len(lines), tuple(example), command.format(unused))


def _has(delimiter: str, line: str) -> bool:
    return delimiter.replace(r"\t", "\t") in line
