"""Hints at the nearest name, for messages about an unknown one."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

__all__ = ["did_you_mean", "nearest_name"]


def nearest_name(name: str, names: Iterable[str]) -> str | None:
    """Return the nearest of the names; None where none is near.

    >>> nearest_name("agr", ["age", "sex"]), nearest_name("income", ["age", "sex"])
    ('age', None)
    """
    return next(iter(get_close_matches(name, list(names), n=1)), None)


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """Return '; did you mean "age"?' with the nearest of the names; "" where none is near.

    >>> did_you_mean("agr", ["age", "sex"]), did_you_mean("income", ["age", "sex"])
    ('; did you mean "age"?', '')
    """
    near = nearest_name(name, names)
    return f'; did you mean "{near}"?' if near else ""
