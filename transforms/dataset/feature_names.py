"""Features of a dataset by name: the same ones in the same order wherever they are named."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from difflib import get_close_matches

from ...schemas.errors import RecipeError

__all__ = ["choose_features"]


def choose_features(
    names: Iterable[str] | None, available: Collection[str], *, label: Collection[str] = ()
) -> list[str]:
    """Return the chosen features in the order they are named; all of them where none are.

    Args:
      names: Those that are chosen; None for all.
      available: The names of all features.
      label: The names of what a model is to tell, which is no feature.

    Raises:
      RecipeError: A name is no feature's, or comes twice; or there is none.

    >>> choose_features(["b", "a"], ["a", "b", "c"]), choose_features(None, ["a", "b"])
    (['b', 'a'], ['a', 'b'])
    """
    if names is None:
        return list(available)
    if isinstance(names, (str, bytes)):
        raise RecipeError(f"features: expected a list of names, got {names!r}")
    chosen = list(names)
    if not chosen:
        raise RecipeError("features: expected at least one name, got none")
    for index, name in enumerate(chosen):
        if name in chosen[:index]:
            raise RecipeError(f'features: expected each name once, got "{name}" again')
        if name not in available:
            raise RecipeError(f"features: {_unknown(name, available, label)}")
    return chosen


def _unknown(name: str, available: Collection[str], label: Collection[str]) -> str:
    if name in label:
        return f'"{name}" is the label, which dataset(...) gives beside the features; leave it out'
    near = get_close_matches(str(name), available, n=1)
    hint = f'did you mean "{near[0]}"?' if near else f"there are {', '.join(available)}"
    return f'the dataset has no feature "{name}"; {hint}'
