"""The wide table as a recipe of recordmill."""

from __future__ import annotations

from benchmarks.peers.problems import PROBLEMS
from recordmill.pipelines.config.recipe import Recipe
from recordmill.pipelines.readers.csv_source import CsvFormat

RECIPE = Recipe(
    name="wide",
    schema=PROBLEMS["wide"].schema,
    preprocessing_fn=PROBLEMS["wide"].preprocessing_fn,
    csv=CsvFormat(header=True),
)
