"""The check of a recipe's `preprocessing_fn` alone, without a run."""

from __future__ import annotations

from recordmill.pipelines import Recipe
from recordmill.pipelines.analysis.checked_fn import CheckedFn
from recordmill.pipelines.analysis.fused import graph
from recordmill.pipelines.sources import source_for


def check_preprocessing_fn(recipe: Recipe) -> None:
    """Traces the function of a recipe on placeholders, as a run does before it reads data."""
    graph.trace(
        CheckedFn(recipe.name, recipe.preprocessing_fn), source_for(recipe).feed.type_specs()
    )
