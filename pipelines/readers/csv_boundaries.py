"""Find the boundaries of CSV records without parsing them.

A record ends at a line end outside quotes. numpy finds line ends and quotes, and a line end is
outside quotes if the number of quotes before it is even. That is exact as long as every opening
quote is at the start of a field; where it is not, the quotes are walked one by one.

The rules are those of `pyarrow.csv`, since both must count the same records: LF, CR and CRLF end a
line, a quote opens only at the start of a field, a doubled quote inside quotes stands for one, text
after a closing quote belongs to the field, and an empty line is not a record.
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
_CACHED_BYTES = 1 << 18

Positions = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class RecordBoundaries:
    """Boundaries of the units of a text: records, blank lines and comment lines, in order.

    Attributes:
      bounds: Unit i is `data[bounds[i]:bounds[i + 1]]`, its line end included; int64, [n + 1].
        Bytes after the last bound are an incomplete unit.
      lines: Number of physical lines before each bound; int64, [n + 1].
      blank: Mask of the units that are empty lines; bool, [n].
      comment: Mask of the units that are comment lines; bool, [n].
      misplaced: Indices of the units with a quoted field that spans lines and continues after its
        closing quote: nearly always the trace of a quote missing further up, and then it has
        swallowed rows. int64.
      open_line: Number of lines before the one with a quote that is never closed; None where every
        quote is closed.
    """

    bounds: Positions
    lines: Positions
    blank: Mask
    comment: Mask
    misplaced: Positions
    open_line: int | None

    @property
    def size(self) -> int:
        """Number of bytes in complete units."""
        return int(self.bounds[-1])

    @property
    def is_record(self) -> Mask:
        """Mask of the units that are records; bool, [n]."""
        return ~(self.blank | self.comment)


def find_record_boundaries(data: bytes, csv_format: CsvFormat, *, final: bool) -> RecordBoundaries:
    r"""Find the units of `data`, which begins where a unit begins.

    Args:
      data: Piece of a CSV, decompressed; may be empty.
      csv_format: Format of the CSV.
      final: Whether the text ends here: then the last line needs no line end, and a CR at the end
        cannot be half of a CRLF.

    Returns:
      The complete units; all of `data` if `final` and no quote is open.

    >>> data = b'a,"x\ny"\n\n# no record\nb,c'
    >>> boundaries = find_record_boundaries(data, CsvFormat(comment="#"), final=True)
    >>> boundaries.bounds.tolist(), boundaries.lines.tolist(), boundaries.is_record.tolist()
    ([0, 8, 9, 21, 24], [0, 2, 3, 4, 5], [True, False, False, True])
    """
    view = np.frombuffer(data, np.uint8)
    line_ends = _line_ends(data, view, final=final)
    quotes = _quotes(data, view, csv_format, line_ends)
    # An even number of quotes before a line end: it is outside quotes, and ends a record.
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
    """Mark the lines whose first bytes begin a comment; they must start outside quotes."""
    mask: Mask = first == ord(csv_format.comment or "\0")
    return mask & bool(csv_format.comment)


def _positions(view: Bytes, byte: int) -> Positions:
    """Return the positions of a byte, searched in pieces that fit into the processor's cache."""
    positions = [
        np.flatnonzero(view[begin : begin + _CACHED_BYTES] == byte) + begin
        for begin in range(0, len(view), _CACHED_BYTES)
    ]
    return np.concatenate(positions) if positions else np.zeros(0, np.int64)


def _line(line_ends: Positions, position: int) -> int:
    return int(np.searchsorted(line_ends, position, side="right"))


def _line_ends(data: bytes, view: Bytes, *, final: bool) -> Positions:
    """Return the positions after each LF, CR and CRLF, inside quotes or not."""
    ends = _positions(view, _LF) + 1
    if b"\r" in data:
        after_cr = _positions(view, _CR) + 1
        if not final:  # a CR in the last byte may be half of a CRLF: the next piece decides
            after_cr = after_cr[after_cr < len(data)]
        # The byte after a final CR is the CR itself, clamped, and so no LF.
        alone = after_cr[view[np.minimum(after_cr, len(data) - 1)] != _LF]
        ends = np.union1d(ends, alone) if len(alone) else ends
    if final and data and (not len(ends) or ends[-1] != len(data)):
        ends = np.append(ends, len(data))
    return ends


def _quotes(data: bytes, view: Bytes, csv_format: CsvFormat, line_ends: Positions) -> Positions:
    """Return the positions of opening and closing quotes in turn: opening ones at even indices.

    A doubled quote counts as one that closes and one that opens, which keeps the parity.
    """
    if not csv_format.quote or csv_format.quote.encode() not in data:
        return np.zeros(0, np.int64)
    quotes = _positions(view, ord(csv_format.quote))
    before = view[quotes - 1]  # of a quote in the first byte it is the last byte: mended below
    starts_field = (before == ord(csv_format.delimiter)) | (before == _LF) | (before == _CR)
    starts_field[0] |= quotes[0] == 0
    # Suppose that every quote opens or closes. That is right if each one at an even index starts a
    # field or follows the quote that closed before it, and no quote is in a comment.
    opens = starts_field[0::2].copy()
    opens[1:] |= quotes[2::2] == quotes[1:-1:2] + 1
    comments = _comment_starts(view, csv_format, line_ends, quotes)
    if opens.all() and comments.max() < 0:
        return quotes
    return quotes[_walk(quotes, starts_field, comments)]


def _comment_starts(
    view: Bytes, csv_format: CsvFormat, line_ends: Positions, quotes: Positions
) -> Positions:
    """Return the start of each quote's line where the line begins like a comment, else -1."""
    line_starts = np.concatenate([[0], line_ends[line_ends < len(view)]])
    is_comment = _is_comment(view[line_starts], csv_format)
    if not is_comment.any():
        return np.full(len(quotes), -1)
    lines = np.searchsorted(line_ends, quotes, side="right")
    return np.where(is_comment[lines], line_starts[lines], -1)


def _walk(quotes: Positions, starts_field: Mask, comment_starts: Positions) -> list[int]:
    """Return the indices of the quotes that open or close; the others are text.

    Args:
      quotes: Positions of all quotes; [n].
      starts_field: Mask of the quotes after a delimiter or a line end; [n].
      comment_starts: Start of the quote's line where it begins like a comment, else -1; [n].
    """
    indices = []
    is_open, closed = False, -1
    rows = zip(quotes.tolist(), starts_field.tolist(), comment_starts.tolist(), strict=True)
    for index, (quote, at_start, comment) in enumerate(rows):
        if is_open:
            is_open, closed = False, quote
        # A line is a comment only if it starts outside quotes: after the last closing quote.
        elif quote == closed + 1 or (at_start and comment <= closed):
            is_open = True
        else:
            continue
        indices.append(index)
    return indices


def _misplaced(
    view: Bytes, csv_format: CsvFormat, line_ends: Positions, quotes: Positions, bounds: Positions
) -> Positions:
    """Return the units with a quoted field that spans lines and continues after its quote."""
    opening, closing = quotes[0::2][: len(quotes) // 2], quotes[1::2]
    if not len(closing) or len(line_ends) == len(bounds) - 1:  # no field spans lines
        return np.zeros(0, np.int64)
    after = view[np.minimum(closing + 1, len(view) - 1)]
    continues = (closing + 1 < len(view)) & ~np.isin(
        after, [ord(csv_format.delimiter), ord(csv_format.quote), _LF, _CR]
    )
    # Of a field with doubled quotes, `field` is the position of its first quote.
    opens_field = np.ones_like(continues)
    opens_field[1:] = opening[1:] != closing[:-1] + 1
    field = np.maximum.accumulate(np.where(opens_field, opening, 0))
    first = np.searchsorted(line_ends, field, side="right")
    last = np.searchsorted(line_ends, closing, side="right")
    misplaced = closing[continues & (first < last) & (closing < bounds[-1])]
    return np.unique(np.searchsorted(bounds, misplaced, side="right") - 1)
