"""What a run reads, before its pipeline is built: days resolved, frames written, rows reshaped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions

from ..schemas.errors import RecipeError
from ..schemas.schema import Schema
from ..schemas.split_names import check_split_names
from .config.input import Input
from .config.recipe import Recipe
from .inputs.outside import check_inputs_outside
from .inputs.spans import resolve
from .runtime import filesystem as files
from .runtime.publish import Staging

if TYPE_CHECKING:
    from .tables.dataframes import FrameInput

__all__ = ["ResolvedInputs", "resolve_inputs", "splits_of"]


@dataclass(frozen=True)
class ResolvedInputs:
    """What there is to read.

    Attributes:
      inputs: Of files; the days of a window one by one.
      named: The same, as they were named, with `{date}`.
      told: For the manifest: its fields "spans" and "reshape", where there are any.
    """

    inputs: tuple[Input, ...]
    named: tuple[Input, ...]
    told: dict[str, Any] = field(default_factory=dict)


def resolve_inputs(
    recipe: Recipe,
    inputs: Sequence[Input | FrameInput],
    staging: Staging,
    *,
    runner: beam.runners.PipelineRunner,
    options: PipelineOptions | None,
) -> ResolvedInputs:
    """Find the files of a run, and make those that are not there yet.

    Args:
      recipe: What is to be prepared; its own inputs are read where none are given.
      inputs: Of the run.
      staging: Frames and reshaped rows are written to its scratch folder, and the rejects of a
        reshape to the dataset's.
      runner: As of `prepare`, for a reshape.
      options: As of `prepare`.

    Raises:
      DataError: A file is missing or bad.
      RecipeError: There is nothing to read, or it lies in the folder that is replaced, or the
        reshape is wrong; no data was read.
    """
    scratch = partial(files.join, staging.scratch)
    source = recipe.reshape.schema if recipe.reshape else recipe.schema
    found = _written(inputs or recipe.inputs, scratch("frames"), source)
    resolved, spans = resolve(found)
    check = partial(check_inputs_outside, staging, recipe)
    check(resolved)
    told: dict[str, Any] = {"spans": tuple(map(asdict, spans))}
    if recipe.reshape is None:
        if not resolved:
            raise RecipeError(f"recipe {recipe.name}: there is nothing to read: give an input")
        return ResolvedInputs(resolved, tuple(found), told)
    from .reshape.reshape import check_reshape
    from .reshape.reshaping import reshape

    assert isinstance(recipe.schema, Schema)
    check_reshape(recipe.reshape, recipe.schema)
    reshaped = reshape(
        recipe.reshape,
        resolved,
        schema=recipe.schema,
        csv=recipe.csv,
        max_reject_ratio=recipe.max_reject_ratio,
        folder=scratch("reshaped"),
        rejects=files.join(staging.folder, "rejects"),
        check=check,
        runner=runner,
        options=options,
    )
    return ResolvedInputs(
        reshaped.inputs, reshaped.inputs, {**told, "reshape": dict(reshaped.told)}
    )


def splits_of(recipe: Recipe, inputs: Sequence[Input]) -> tuple[str, ...]:
    """The splits of what is read: those that inputs name, or those that content decides.

    Raises:
      RecipeError: Some inputs name their split, and some do not; or two names differ in capitals
        alone.
    """
    named = [one.split for one in inputs]
    if set(named) == {None}:
        return tuple(recipe.split.ratios)
    splits = tuple(dict.fromkeys(name for name in named if name is not None))
    check_split_names(splits, key="inputs: split")
    if None not in named:
        return splits
    raise RecipeError("either every input names its split (SPLIT=GLOB), or none does")


def _written(inputs: Sequence[Any], folder: str, schema: Any) -> list[Input]:
    """The inputs, with files in the place of frames."""
    if all(isinstance(one, Input) for one in inputs):
        return list(inputs)
    if not isinstance(schema, Schema):
        raise RecipeError("a DataFrame cannot be an input of this recipe: it reads no table")
    from .tables.dataframes import write_frames

    return list(write_frames(inputs, folder, schema))
