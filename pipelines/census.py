"""The recipe of the US Census (Adult) data: `recipes/census.yaml`."""

from __future__ import annotations

from .recipes.built_in import built_in

__all__ = ["CENSUS"]

CENSUS = built_in("census")
"""The published files are read as they are: `adult.data` for train, `adult.test` for eval."""
