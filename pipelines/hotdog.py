"""The recipe of "hot dog or not", a folder a class: `recipes/hotdog.yaml`."""

from __future__ import annotations

from .recipes.built_in import built_in

__all__ = ["HOTDOG"]

HOTDOG = built_in("hotdog")
"""Give each split a folder with the folders `hot_dog` and `not_hot_dog` in it."""
