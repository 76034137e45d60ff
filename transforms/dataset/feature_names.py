"""Selection of features by name, in the same order for batches, inputs and exports."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from ...schemas.errors import RecipeError
from ...schemas.suggestions import did_you_mean

__all__ = ["choose_features"]


def choose_features(
    names: Iterable[str] | None, available: Collection[str], *, label: Collection[str] = ()
) -> list[str]:
    """Return the names of selected features, in the order of the selection.

    Args:
      names: The names of the selected features; None for all.
      available: The names of all features.
      label: The names of the label's tensors, which are no features.

    Raises:
      RecipeError: A name is unknown or a duplicate, or there is no name.

    >>> choose_features(["b", "a"], ["a", "b", "c"]), choose_features(None, ["a", "b"])
    (['b', 'a'], ['a', 'b'])
    """
    if names is None:
        return list(available)
    if isinstance(names, (str, bytes)):
        raise RecipeError(f"features: expected a list of names, got {names!r}")
    selected = list(names)
    if not selected:
        raise RecipeError("features: expected at least one name, got none")
    for index, name in enumerate(selected):
        if name in selected[:index]:
            raise RecipeError(f'features: expected each name once, got "{name}" again')
        if name not in available:
            raise RecipeError(f"features: {_unknown(name, available, label)}")
    return selected


def _unknown(name: str, available: Collection[str], label: Collection[str]) -> str:
    """Describe a name that is no feature."""
    if name in label:
        return f'"{name}" is the label, which dataset(...) returns separately; leave it out'
    hint = did_you_mean(str(name), available) or f"; there are {', '.join(available)}"
    return f'the dataset has no feature "{name}"{hint}'
