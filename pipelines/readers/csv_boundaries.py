"""Where the records of a CSV begin and end, found without parsing it.

A record ends at a line end outside quotes. Line ends and quotes are found with numpy, and the
parity of the quotes before a line end says whether it is outside. That is exact as long as every
opening quote stands at the start of a field; bytes with other quotes are walked quote by quote.
The rules are those of `pyarrow.csv`: LF, CR and CRLF end a line, a quote opens only at the start
of a field, a doubled quote inside quotes stands for one, text after a closing quote belongs to the
field, and a line without a byte is no record.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..config.csv_format import CsvFormat

__all__ = [
    "BYTE_ORDER_MARK",
    "RecordBoundaries",
    "find_record_boundaries",
]


BYTE_ORDER_MARK = b"\xef\xbb\xbf"

_LF, _CR = 10, 13
_PIECE = 1 << 18

Positions = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class RecordBoundaries:
    """The units of some bytes: records, blank lines and comment lines, in order.

    Attributes:
      bounds: Unit i is `data[bounds[i]:bounds[i + 1]]`, its line end included; int64, [n + 1].
        What comes after the last bound is no whole unit yet.
      lines: The physical lines before each bound; int64, [n + 1].
      blank: Which units are empty lines; bool, [n].
      comment: Which units are comment lines; bool, [n].
      misplaced: The units, by number, with a quoted field that spans lines and goes on after its
        closing quote: nearly always the trace of a quote missing further up, and then it has
        swallowed rows. int64.
      open_line: The lines before the one where a quote opens that these bytes do not close; None
        where every quote is closed.
    """

    bounds: Positions
    lines: Positions
    blank: Mask
    comment: Mask
    misplaced: Positions
    open_line: int | None

    @property
    def size(self) -> int:
        """The bytes in whole units."""
        return int(self.bounds[-1])

    @property
    def is_record(self) -> Mask:
        """Which units are records; bool, [n]."""
        return ~(self.blank | self.comment)


def find_record_boundaries(data: bytes, csv_format: CsvFormat, *, final: bool) -> RecordBoundaries:
    """The units of `data`, which begins where a unit begins.

    Args:
      data: A piece of a CSV, decompressed; it may be empty.
      csv_format: How it is written.
      final: Whether nothing follows: then the last line needs no line end, and a CR at the end
        cannot be half of a CRLF.

    Returns:
      The whole units; with `final` and without an open quote they are all of `data`.

    >>> data = b'a,"x\\ny"\\n\\n# no record\\nb,c'
    >>> found = find_record_boundaries(data, CsvFormat(comment="#"), final=True)
    >>> found.bounds.tolist(), found.lines.tolist(), found.is_record.tolist()
    ([0, 8, 9, 21, 24], [0, 2, 3, 4, 5], [True, False, False, True])
    """
    view = np.frombuffer(data, np.uint8)
    line_ends = _line_ends(data, view, final=final)
    quotes = _quotes(data, view, csv_format, line_ends)
    outside = line_ends[np.searchsorted(quotes, line_ends) % 2 == 0] if len(quotes) else line_ends
    bounds = np.concatenate([[0], outside])
    first = view[bounds[:-1]]
    return RecordBoundaries(
        bounds=bounds,
        lines=np.searchsorted(line_ends, bounds, side="right"),
        blank=(first == _LF) | (first == _CR),
        comment=_is_comment(first, csv_format),
        misplaced=_misplaced(view, csv_format, line_ends, quotes, bounds),
        open_line=_line(line_ends, quotes[-1]) if len(quotes) % 2 else None,
    )


def _is_comment(first: Bytes, csv_format: CsvFormat) -> Mask:
    """Which lines are comments, by their first bytes, where they start outside quotes."""
    mask: Mask = first == ord(csv_format.comment or "\0")
    return mask & bool(csv_format.comment)


def _where(view: Bytes, byte: int) -> Positions:
    """The positions of a byte, looked for in pieces that stay in the processor's cache."""
    pieces = range(0, len(view), _PIECE)
    found = [np.flatnonzero(view[begin : begin + _PIECE] == byte) + begin for begin in pieces]
    return np.concatenate(found) if found else np.zeros(0, np.int64)


def _line(line_ends: Positions, position: int) -> int:
    return int(np.searchsorted(line_ends, position, side="right"))


def _line_ends(data: bytes, view: Bytes, *, final: bool) -> Positions:
    """The positions after each LF, CR and CRLF, inside quotes or not."""
    ends = _where(view, _LF) + 1
    if b"\r" in data:
        after = _where(view, _CR) + 1
        known = after if final else after[after < len(data)]
        alone = known[view[np.minimum(known, len(data) - 1)] != _LF]
        ends = np.union1d(ends, alone) if len(alone) else ends
    if final and data and (not len(ends) or ends[-1] != len(data)):
        ends = np.append(ends, len(data))
    return ends


def _quotes(data: bytes, view: Bytes, csv_format: CsvFormat, line_ends: Positions) -> Positions:
    """The positions of the quotes that open and close, in turn: an opening one at even places.

    A doubled quote counts as one that closes and one that opens.
    """
    if not csv_format.quote or csv_format.quote.encode() not in data:
        return np.zeros(0, np.int64)
    quotes = _where(view, ord(csv_format.quote))
    before = view[quotes - 1]
    starts_field = (before == ord(csv_format.delimiter)) | (before == _LF) | (before == _CR)
    starts_field[0] |= quotes[0] == 0
    opens = starts_field[0::2].copy()
    opens[1:] |= quotes[2::2] == quotes[1:-1:2] + 1
    comments = _comment_starts(view, csv_format, line_ends, quotes)
    if opens.all() and comments.max() < 0:
        return quotes
    return quotes[_walk(quotes, starts_field, comments)]


def _comment_starts(
    view: Bytes, csv_format: CsvFormat, line_ends: Positions, quotes: Positions
) -> Positions:
    """Where the line of each quote starts, if it starts as a comment does, else -1."""
    line_starts = np.concatenate([[0], line_ends[line_ends < len(view)]])
    is_comment = _is_comment(view[line_starts], csv_format)
    if not is_comment.any():
        return np.full(len(quotes), -1)
    lines = np.searchsorted(line_ends, quotes, side="right")
    return np.where(is_comment[lines], line_starts[lines], -1)


def _walk(quotes: Positions, starts_field: Mask, comment_starts: Positions) -> list[int]:
    """The places, in `quotes`, of those that open and close; the others are text.

    Args:
      quotes: The positions of all quotes; [n].
      starts_field: Whether the byte before is a delimiter or a line end; [n].
      comment_starts: Where the quote's line starts, if it starts as a comment, else -1; [n].
    """
    places = []
    is_open, closed = False, -1
    rows = zip(quotes.tolist(), starts_field.tolist(), comment_starts.tolist(), strict=True)
    for place, (quote, at_start, comment) in enumerate(rows):
        if is_open:
            is_open, closed = False, quote
        elif quote == closed + 1 or (at_start and comment <= closed):
            is_open = True
        else:
            continue
        places.append(place)
    return places


def _misplaced(
    view: Bytes, csv_format: CsvFormat, line_ends: Positions, quotes: Positions, bounds: Positions
) -> Positions:
    """The units with a quoted field that spans lines and goes on after its closing quote."""
    opening, closing = quotes[0::2][: len(quotes) // 2], quotes[1::2]
    if not len(closing) or len(line_ends) == len(bounds) - 1:
        return np.zeros(0, np.int64)
    after = view[np.minimum(closing + 1, len(view) - 1)]
    goes_on = (closing + 1 < len(view)) & ~np.isin(
        after, [ord(csv_format.delimiter), ord(csv_format.quote), _LF, _CR]
    )
    opens_field = np.ones_like(goes_on)
    opens_field[1:] = opening[1:] != closing[:-1] + 1
    field = np.maximum.accumulate(np.where(opens_field, opening, 0))
    first = np.searchsorted(line_ends, field, side="right")
    last = np.searchsorted(line_ends, closing, side="right")
    places = closing[goes_on & (first < last) & (closing < bounds[-1])]
    return np.unique(np.searchsorted(bounds, places, side="right") - 1)
