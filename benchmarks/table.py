"""Markdown tables that are aligned on a terminal too, and their insertion into a page."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["between_markers", "markdown"]


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table with aligned columns, the first to the left, others to the right.

    >>> print(markdown(["what", "s"], [["a", "1.5"], ["long one", "10.0"]]))
    | what     |    s |
    |----------|-----:|
    | a        |  1.5 |
    | long one | 10.0 |
    """
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    rule = ["-" * (widths[0] + 2)] + ["-" * (width + 1) + ":" for width in widths[1:]]
    lines = [_line(header, widths), f"|{'|'.join(rule)}|", *(_line(row, widths) for row in rows)]
    return "\n".join(lines)


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    first = f" {cells[0]:<{widths[0]}} "
    others = (f" {cell:>{width}} " for cell, width in zip(cells[1:], widths[1:], strict=True))
    return f"|{'|'.join([first, *others])}|"


def between_markers(text: str, name: str, results: str) -> str:
    """Replace the text between the two markers of a name.

    Raises:
      ValueError: A marker is missing.
    """
    markers = f"<!-- results of {name} -->", f"<!-- end of {name} -->"
    before, begin, rest = text.partition(markers[0])
    _, end, after = rest.partition(markers[1])
    if not (begin and end):
        raise ValueError(f"expected the lines {' and '.join(markers)}")
    return f"{before}{begin}\n\n{results}\n\n{end}{after}"
