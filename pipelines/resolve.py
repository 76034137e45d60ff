"""Resolution of a run's inputs to files: days found, frames written, rows reshaped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
    """Files that a run reads.

    Attributes:
      inputs: Inputs of files; the days of a window are one input each.
      named: The same inputs as the user named them, with `{date}`.
      spans: Days of the inputs, for `Manifest.spans`.
      reshape: Facts about a reshape, for `Manifest.reshape`; empty where there was none.
    """

    inputs: tuple[Input, ...]
    named: tuple[Input, ...]
    spans: tuple[dict[str, Any], ...] = ()
    reshape: Mapping[str, Any] = field(default_factory=dict)


def resolve_inputs(
    recipe: Recipe,
    inputs: Sequence[Input | FrameInput],
    staging: Staging,
    *,
    runner: beam.runners.PipelineRunner,
    options: PipelineOptions | None,
) -> ResolvedInputs:
    """Find the files of a run, and write those that do not exist yet.

    Args:
      recipe: Settings of the dataset; its own inputs are read where none are given.
      inputs: Inputs of the run.
      staging: Frames and reshaped rows are written to its scratch folder, and the rejects of a
        reshape to the dataset's.
      runner: Beam runner of a reshape.
      options: Beam's options for a reshape.

    Raises:
      DataError: A file is missing or bad.
      RecipeError: There is nothing to read, or an input lies in the folder that is replaced, or the
        reshape is wrong; no data was read.
    """
    scratch = partial(files.join, staging.scratch)
    schema = recipe.reshape.schema if recipe.reshape else recipe.schema
    named = _with_files(inputs or recipe.inputs, scratch("frames"), schema)
    resolved, found_spans = resolve(named)
    check = partial(check_inputs_outside, staging, recipe)
    check(resolved)
    spans = tuple(map(asdict, found_spans))
    if recipe.reshape is not None:
        reshaped, facts = _reshape(recipe, resolved, staging, check, runner, options)
        return ResolvedInputs(reshaped, reshaped, spans, facts)
    if not resolved:
        raise RecipeError(f"recipe {recipe.name}: there is nothing to read: give an input")
    return ResolvedInputs(resolved, tuple(named), spans)


def _reshape(
    recipe: Recipe,
    inputs: tuple[Input, ...],
    staging: Staging,
    check: Any,
    runner: beam.runners.PipelineRunner,
    options: PipelineOptions | None,
) -> tuple[tuple[Input, ...], Mapping[str, Any]]:
    """Run the reshape; return the files of its rows, and facts about it for the manifest."""
    from .reshape.reshape import check_reshape
    from .reshape.reshaping import reshape

    assert recipe.reshape is not None and isinstance(recipe.schema, Schema)
    check_reshape(recipe.reshape, recipe.schema)
    reshaped = reshape(
        recipe.reshape,
        inputs,
        schema=recipe.schema,
        csv=recipe.csv,
        max_reject_ratio=recipe.max_reject_ratio,
        folder=files.join(staging.scratch, "reshaped"),
        rejects=files.join(staging.folder, "rejects"),
        check=check,
        runner=runner,
        options=options,
    )
    return reshaped.inputs, dict(reshaped.metadata)


def splits_of(recipe: Recipe, inputs: Sequence[Input]) -> tuple[str, ...]:
    """Return the splits: those that the inputs name, or those that content decides.

    Raises:
      RecipeError: Some inputs name their split, and some do not; or two names differ in capitals
        alone.
    """
    named = [entry.split for entry in inputs]
    if set(named) == {None}:
        return tuple(recipe.split.ratios)
    splits = tuple(dict.fromkeys(name for name in named if name is not None))
    check_split_names(splits, key="split", subject="inputs")
    if None not in named:
        return splits
    raise RecipeError("either every input names its split (SPLIT=GLOB), or none does")


def _with_files(inputs: Sequence[Any], folder: str, schema: Any) -> list[Input]:
    """Return the inputs, with files written in place of DataFrames."""
    if all(isinstance(entry, Input) for entry in inputs):
        return list(inputs)
    if not isinstance(schema, Schema):
        raise RecipeError("a DataFrame cannot be an input of this recipe: it reads no table")
    from .tables.dataframes import write_frames

    return list(write_frames(inputs, folder, schema))
