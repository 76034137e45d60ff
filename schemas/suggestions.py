"""`did_you_mean`: a hint at the nearest name, for messages about an unknown one."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

__all__ = ["did_you_mean"]


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """Return '; did you mean "age"?' with the nearest of the names; "" where none is near.

    >>> did_you_mean("agr", ["age", "sex"]), did_you_mean("income", ["age", "sex"])
    ('; did you mean "age"?', '')
    """
    near = get_close_matches(name, list(names), n=1)
    return f'; did you mean "{near[0]}"?' if near else ""
