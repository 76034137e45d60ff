"""`prepare`: the complete flow of a row or an image, from its file to a published dataset.

Read (scan, parse, clean, key, split) -> Shuffle -> Analyze and profile -> Transform -> Write
-> Finalize (parity, metadata, manifest) -> publish
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import apache_beam as beam
import pyarrow as pa
from apache_beam.options.pipeline_options import PipelineOptions

from ..schemas.errors import RecipeError
from ..schemas.manifest import Manifest
from .analysis.analyze import Analyze
from .analysis.number_ranges import NUMBER_RANGES, NumberRangesFold
from .analysis.transform_function import configure_tensorflow_threads
from .checks import CheckBoxes, CheckCounts, CheckStatistics
from .config.images import Images
from .config.input import Input
from .config.recipe import Recipe
from .dataset.metadata import STATISTICS
from .dataset.split_checks import LABELS, LabelsFold
from .finalize import Finalize, StageOutputs, publish_draft, vocab_sizes
from .images.near_duplicates import DropNearDuplicates
from .inputs.outside import check_cache_outside
from .profiling import write_cached_profiles
from .read_rows import ReadRows
from .resolve import ResolvedInputs, resolve_inputs, splits_of
from .run_spec import RunSpec
from .runtime import filesystem as files
from .runtime.arrow_coder import ArrowCoder
from .runtime.elements import Fold
from .runtime.errors import direct_runner, unwrap_beam_errors
from .runtime.progress import Note, NoteFold, Progress
from .runtime.publish import Staging, stage
from .runtime.wait_for import WaitFor
from .shuffle.shuffle import CountRepeats, RowSink, ShuffleByGroup, ShuffleOnDisk
from .sources import RecordSource, source_for
from .stage_types import Plan
from .tfrecord.shards import WriteShards
from .validation.validate import check_expect

if TYPE_CHECKING:
    from .tables.dataframes import FrameInput

__all__ = ["prepare", "write_template"]

Shuffle = Literal["disk", "group"]


def prepare(
    recipe: Recipe,
    *,
    output: str,
    inputs: Sequence[Input | FrameInput] = (),
    overwrite: bool = False,
    shuffle: Shuffle = "disk",
    statistics_cache: str | None = None,
    progress: str = "",
    runner: beam.runners.PipelineRunner | None = None,
    options: PipelineOptions | None = None,
) -> Manifest:
    """Prepare a dataset: read, clean, split, profile, analyze, transform and publish it.

    Args:
      recipe: Settings of the dataset.
      output: Folder of the dataset.
      inputs: Files, or pandas DataFrames (`frame_input`); empty for the inputs of the recipe.
        Either every input names its split, or none does and content decides.
      overwrite: Whether to replace a dataset that is there, when the new one is complete. A folder
        that contains other files too, or an input of this run, is refused.
      shuffle: "disk" where all workers see one disk, else "group"; the result is the same.
      statistics_cache: Local folder that the statistics of each day of an input with `{date}` are
        saved in and read from; see `profile`.
      progress: Local folder to note the progress in, or "".
      runner: Beam runner; None for the FnApiRunner.
      options: Beam's options.

    Returns:
      The published manifest.

    Raises:
      DataError: The data is bad; nothing was published.
      RecipeError: The recipe or the output is wrong; no data was read.
    """
    runner = runner or direct_runner()
    _check_recipe(recipe, statistics_cache)
    check_cache_outside(statistics_cache, output)
    with stage(output, overwrite=overwrite) as staging:
        with unwrap_beam_errors():
            resolved = resolve_inputs(recipe, inputs, staging, runner=runner, options=options)
            run = _plan_run(recipe, resolved, staging, shuffle, Progress(progress))
            if statistics_cache:
                run = run.with_cached_statistics(statistics_cache)
            with beam.Pipeline(runner, options) as p:
                build(p, run)
        return publish_draft(staging)


def write_template(
    recipe: Recipe,
    *,
    output: str,
    inputs: Sequence[Input],
    runner: beam.runners.PipelineRunner,
    options: PipelineOptions,
) -> None:
    """Write a Dataflow template to the folder of Beam's option `template_location`.

    Args:
      recipe: As in `prepare`.
      output: Remote folder; its content is not checked.
      inputs: As in `prepare`; globs are resolved now.
      runner: Runner that writes templates: Dataflow's.
      options: Beam's options.

    Raises:
      DataError: An input matches nothing.
      RecipeError: The recipe is wrong, or the output is a local folder.
    """
    if not files.is_remote(output):
        raise RecipeError(
            f"{output}: a template needs an output that its workers see, such as gs://…"
        )
    if recipe.reshape is not None:
        raise RecipeError(f"recipe {recipe.name}: a template cannot reshape: run it directly")
    _check_recipe(recipe, None)
    staging = Staging(output, output)
    resolved = resolve_inputs(recipe, inputs, staging, runner=runner, options=options)
    run = _plan_run(recipe, resolved, staging, "group", Progress(""))
    with beam.Pipeline(runner, options) as p:
        build(p, run)


def _check_recipe(recipe: Recipe, statistics_cache: str | None) -> None:
    """Check the parts of a recipe that need no inputs.

    Raises:
      DataError: An expected schema cannot be read.
      RecipeError: The recipe contradicts itself, or the statistics cache.
    """
    if recipe.expect is not None:
        if not recipe.statistics:
            raise RecipeError(
                f"recipe {recipe.name}: expect needs statistics, and they are turned off"
            )
        check_expect(recipe.expect)
    if statistics_cache and recipe.reshape is not None:
        raise RecipeError(
            f"recipe {recipe.name}: a statistics cache is for files as they are, and this recipe "
            "reshapes them"
        )


def _plan_run(
    recipe: Recipe,
    inputs: ResolvedInputs,
    staging: Staging,
    shuffle: Shuffle,
    progress: Progress,
) -> Run:
    """Check recipe and inputs, and trace the `preprocessing_fn`; no data is read."""
    splits = _splits(recipe, inputs.inputs)
    source = source_for(recipe)
    source.check_inputs(inputs.inputs)
    beam.coders.registry.register_coder(pa.RecordBatch, ArrowCoder)
    configure_tensorflow_threads()
    spec = RunSpec(recipe, splits, inputs)
    return Run(source, source.plan(), spec, staging, shuffle, progress)


def _splits(recipe: Recipe, inputs: Sequence[Input]) -> tuple[str, ...]:
    """Return the splits; RecipeError where there is no "train", or one of `shards` is missing."""
    splits = splits_of(recipe, inputs)
    if "train" not in splits:
        raise RecipeError(
            f'the graph is analyzed on the split "train", and there is none: got '
            f"{', '.join(splits) or 'no input'}"
        )
    for name in recipe.shards:
        if name not in splits:
            raise RecipeError(f'recipe {recipe.name}: shards: there is no split "{name}"')
    return splits


@dataclass(frozen=True)
class Run:
    """Run with resolved inputs and a traced `preprocessing_fn`; its methods make the stages.

    Attributes:
      source: Source of the records.
      plan: Traced `preprocessing_fn` and layout of the rows.
      spec: Recipe, inputs and splits.
      staging: Folders that the run writes.
      shuffle_kind: "disk" or "group".
      progress: Progress to note in.
    """

    source: RecordSource
    plan: Plan
    spec: RunSpec
    staging: Staging
    shuffle_kind: Shuffle
    progress: Progress

    @property
    def recipe(self) -> Recipe:
        """Settings of the dataset."""
        return self.spec.recipe

    def scratch(self, *names: str) -> str:
        """Return a path in the folder that is deleted when the run ends."""
        return files.join(self.staging.scratch, *names)

    def with_cached_statistics(self, cache: str) -> Run:
        """Return the run with profiles from the cache; days that are not in it are read now."""
        folder = self.scratch("profiles")
        write_cached_profiles(
            self.recipe,
            inputs=self.spec.resolved_inputs.named,
            statistics_cache=cache,
            folder=folder,
        )
        return replace(self, spec=replace(self.spec, profiles=folder))

    def read_rows(self, sink: RowSink) -> ReadRows:
        """Return the stage that reads inputs and passes clean rows to a sink."""
        return ReadRows(
            self.source,
            self.spec.inputs,
            sink,
            rejects=self.scratch("rejects"),
            progress=self.progress,
            plan=self.plan,
            graph_folder=self.staging.folder,
            in_threads=self.shuffle_kind == "disk",
        )

    def shuffle_rows(self) -> ShuffleOnDisk | ShuffleByGroup:
        """Return the stage that brings rows into canonical order."""
        distinct, layout = self.recipe.distinct, self.plan.layout
        if self.shuffle_kind == "group":
            return ShuffleByGroup(distinct, layout)
        return ShuffleOnDisk(self.scratch("runs"), self.spec.splits, distinct, layout)

    def analyze(self, transform_fn: beam.PCollection[str] | None) -> Analyze:
        """Return the stage that writes the transform graph and computes the folds.

        Args:
          transform_fn: Folder of the graph, where it is exported before the rows are read.
        """
        return Analyze(
            self.plan.traced,
            self.staging.folder,
            folds=self._folds(),
            transform_fn=transform_fn,
        )

    def _folds(self) -> dict[str, Fold]:
        schema = self.recipe.schema
        folds: dict[str, Fold] = {
            "progress": NoteFold(self.progress, "analyze"),
            NUMBER_RANGES: NumberRangesFold.of(schema),
            LABELS: LabelsFold.of(schema),
        }
        if self.recipe.statistics and not self.spec.profiles:
            return {STATISTICS: self.source.statistics, **folds}
        return folds

    def write_shards(self) -> WriteShards:
        """Return the stage that writes shards of segments."""
        recipe = self.recipe
        return WriteShards(
            self.staging.folder,
            self.spec.splits,
            recipe.target_shard_mb * 1_000_000,
            recipe.shards,
            recipe.compression,
        )


def build(p: beam.Pipeline, run: Run) -> None:
    """Add all stages of a run to a pipeline; they write to the staging folder."""
    shuffle = run.shuffle_rows()
    ingested = p | "Read" >> run.read_rows(shuffle.sink)  # IngestResult

    read_counts = ingested.read_counts | "CheckCounts" >> CheckCounts(
        run.spec, rejects=run.scratch("rejects")
    )  # ReadCounts, one
    # A check emits one element or fails; the stages after it wait for that element.
    checks = [read_counts]
    if ingested.box_evidence is not None:
        images = run.recipe.images or Images()
        checked = ingested.box_evidence | "CheckBoxes" >> CheckBoxes(images, after=read_counts)
        checks.append(checked)

    buckets = ingested.rows | "Shuffle" >> shuffle | "AwaitChecks" >> WaitFor(*checks)  # Bucket
    if run.recipe.drops_near_duplicates:
        buckets = buckets | "DropNearDuplicates" >> DropNearDuplicates(ingested.image_findings)

    analyzed = buckets | "Analyze" >> run.analyze(ingested.transform_fn)  # Analyzed
    transform_fn = analyzed.transform_fn | "CheckStatistics" >> CheckStatistics(
        run.spec, analyzed.folds
    )  # folder of the transform graph, one

    transformed = buckets | "Transform" >> run.source.transform(
        run.plan, transform_fn, run.scratch("segments")
    )  # TransformResult
    shards = (
        transformed.segments  # Segment
        | "NoteTransform" >> Note(run.progress, "transform", lambda s: (s.records, s.bytes))
        | "Write" >> run.write_shards()  # (split, index, Shard)
        | "NoteWrite" >> Note(run.progress, "write", lambda s: (s[2].records, s[2].bytes))
    )
    outputs = StageOutputs(
        sources=ingested.sources,
        read_counts=read_counts,
        samples=ingested.samples,
        repeats=buckets | "CountRepeats" >> CountRepeats(),
        folds=analyzed.folds,
        vocab_sizes=transform_fn | "VocabSizes" >> beam.Map(vocab_sizes),
        shards=shards,
        feature_profiles=transformed.feature_profiles,
        expansions=transformed.expansions,
        image_findings=ingested.image_findings,
        image_counts=transformed.image_counts,
    )
    _ = p | "Finalize" >> Finalize(run.spec, run.staging, outputs)
