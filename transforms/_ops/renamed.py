"""Keyword arguments under their former names, until the next minor version."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from typing import Any, TypeVar

__all__ = ["renamed_arguments"]

_Function = TypeVar("_Function", bound=Callable[..., Any])


def renamed_arguments(**names: str) -> Callable[[_Function], _Function]:
    """Return a decorator by which a function still takes arguments under their former names.

    Args:
      names: The new name of each argument, by its former name.

    Returns:
      The decorator. A call with a former name issues a `DeprecationWarning`.

    >>> @renamed_arguments(one="left")
    ... def negative(left):
    ...     return -left
    >>> with warnings.catch_warnings(action="ignore"):
    ...     negative(one=3)
    -3
    """

    def decorated(function: _Function) -> _Function:
        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            for old, new in names.items():
                if old in kwargs:
                    warnings.warn(
                        f"{old}= of {function.__name__} is deprecated and goes in 0.3.0: "
                        f"use {new}=",
                        DeprecationWarning,
                        stacklevel=2,
                    )
                    kwargs[new] = kwargs.pop(old)
            return function(*args, **kwargs)

        return call  # type: ignore[return-value]

    return decorated
