"""The recipe of the US Census (Adult) data."""

from __future__ import annotations

from ..schemas import census as schema
from ..transforms import census as transforms
from .census_sample import write_census_sample
from .read import CsvFormat, Input
from .recipe import Recipe

__all__ = ["CENSUS"]


def _sample(directory: str) -> tuple[Input, ...]:
    train, evaluation = write_census_sample(directory)
    return Input("train", train), Input("eval", evaluation)


CENSUS = Recipe(
    name="census",
    schema=schema.CENSUS,
    preprocessing_fn=transforms.preprocessing_fn,
    csv=CsvFormat(header=False, comment="|"),
    sample=_sample,
)
"""The published files are read as they are: `adult.data` for train, `adult.test` for eval."""
