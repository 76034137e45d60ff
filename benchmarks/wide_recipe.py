"""Recipe of the wide table."""

from __future__ import annotations

from benchmarks.peers.problems import PROBLEMS
from recordmill.pipelines.config.csv_format import CsvFormat
from recordmill.pipelines.config.recipe import Recipe

RECIPE = Recipe(
    name="wide",
    schema=PROBLEMS["wide"].schema,
    preprocessing_fn=PROBLEMS["wide"].preprocessing_fn,
    csv=CsvFormat(header=True),
)
