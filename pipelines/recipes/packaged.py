"""`SAMPLES` and the YAML texts of the recipes in the package."""

from __future__ import annotations

from collections.abc import Callable
from importlib import resources

from ...schemas.errors import RecipeError
from ..config.input import Input
from ..samples.census import write_census_sample
from ..samples.hotdog import write_hotdog_sample
from ..samples.housing import write_housing_sample
from ..samples.planes import write_planes_sample

__all__ = ["SAMPLES", "built_in_text"]


def _census(directory: str) -> tuple[Input, ...]:
    train, evaluation = write_census_sample(directory)
    return Input("train", train), Input("eval", evaluation)


def _housing(directory: str) -> tuple[Input, ...]:
    return (Input(None, write_housing_sample(directory)),)


def _hotdog(directory: str) -> tuple[Input, ...]:
    train, test = write_hotdog_sample(directory)
    return Input("train", train), Input("eval", test)


def _planes(directory: str) -> tuple[Input, ...]:
    train, evaluation = write_planes_sample(directory)
    return (
        Input("train", f"{train}/annotations/*.xml"),
        Input("eval", f"{evaluation}/annotations/*.xml"),
    )


SAMPLES: dict[str, Callable[[str], tuple[Input, ...]]] = {
    "census": _census,
    "housing": _housing,
    "hotdog": _hotdog,
    "planes": _planes,
}
"""Functions that write the small synthetic input of a built-in into a folder, by name."""


def built_in_text(name: str) -> str:
    """Return the YAML of a built-in recipe.

    Saved as a file it is the same recipe, and without inputs it runs on the same sample.

    Raises:
      RecipeError: There is no such recipe.

    >>> built_in_text("census").splitlines()[0]
    '# US Census (Adult): is the yearly income of a person above 50,000 USD?'
    """
    if name not in SAMPLES:
        raise RecipeError(f'no built-in recipe "{name}": there are {", ".join(SAMPLES)}')
    return resources.files(__package__).joinpath(f"{name}.yaml").read_text("utf-8")
