"""Counts in words, for messages."""

from __future__ import annotations

__all__ = ["count_of"]


def count_of(number: int, noun: str, plural: str = "") -> str:
    """Return a number with its noun, in the singular or the plural.

    >>> count_of(1, "row"), count_of(2000, "row"), count_of(0, "box", "boxes")
    ('1 row', '2,000 rows', '0 boxes')
    """
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"
