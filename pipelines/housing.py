"""The recipe of the Boston housing data: `recipes/housing.yaml`."""

from __future__ import annotations

from .recipes.built_in import built_in

__all__ = ["HOUSING"]

HOUSING = built_in("housing")
"""One CSV with a header; content decides the split."""
