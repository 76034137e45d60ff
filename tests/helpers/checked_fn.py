"""The check of a recipe's `preprocessing_fn` alone, without a run."""

from __future__ import annotations

from recordmill.pipelines import Recipe
from recordmill.pipelines.sources import source_for


def check_preprocessing_fn(recipe: Recipe) -> None:
    """Trace the function of a recipe on placeholders, as a run does before it reads data."""
    source_for(recipe).plan()
