"""The whole way of a row or an image, from its file to a published dataset.

scan -> read (parse, clean, key, split) -> shuffle -> analyze and profile -> transform
     -> shards -> parity and findings -> publish
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import apache_beam as beam
import pyarrow as pa
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.pvalue import AsDict, AsIter, AsSingleton

from ..schemas.errors import RecipeError
from ..schemas.manifest import Manifest
from .analysis.analyze import Analyze, Analyzed
from .analysis.checked_fn import CheckedFn
from .analysis.feature_statistics import MergeFeatures
from .analysis.number_ranges import NUMBER_RANGES, NumberRangesFold, check_integers
from .analysis.transform_function import configure_tensorflow_threads
from .config.input import Input
from .config.recipe import Recipe
from .dataset.metadata import STATISTICS
from .dataset.split_checks import LABELS, LabelsFold, check_splits
from .finalize import as_expected, draft_manifest, publish_draft
from .inputs.outside import check_cache_outside
from .profiling import write_cached_profiles
from .resolve import ResolvedInputs, resolve_inputs, splits_of
from .runtime import filesystem as files
from .runtime.arrow_coder import ArrowCoder
from .runtime.elements import Bucket, Fold
from .runtime.errors import direct_runner, unwrap_beam_errors
from .runtime.progress import Note, NoteFold, Progress
from .runtime.publish import Staging, stage
from .runtime.thread_pool import ThreadedDoFn
from .selection.read_counts import ReadCounts, check_rejects
from .shuffle.layout import BucketLayout
from .shuffle.shuffle import CountRepeats, ShuffleByGroup, ShuffleOnDisk
from .sources import RecordSource, source_for
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
      recipe: What the dataset is made of.
      output: The dataset's folder.
      inputs: The files to read, or pandas DataFrames (`frame_input`); those of the recipe where
        none are given. Either every input names its split, or none does and content decides.
      overwrite: Whether a dataset that is there is replaced, once the new one is whole. A folder
        that holds other files too, or an input of this run, is refused.
      shuffle: "disk" where all workers see one disk, else "group"; the result is the same.
      statistics_cache: A local folder where the statistics of each day of an input with `{date}`
        are kept, and taken from; see `profile`.
      progress: A local folder to note the progress in, or "".
      runner: A Beam runner; None for the FnApiRunner.
      options: Beam's options.

    Returns:
      The manifest that was published.

    Raises:
      DataError: The data is bad; nothing was published.
      RecipeError: The recipe or the output is; no data was read.
    """
    runner = runner or direct_runner()
    _check_recipe(recipe, statistics_cache)
    check_cache_outside(statistics_cache, output)
    with stage(output, overwrite=overwrite) as staging:
        with unwrap_beam_errors():
            read = resolve_inputs(recipe, inputs, staging, runner=runner, options=options)
            splits = _checked(recipe, read.inputs)
            run = Run(recipe, read, splits, staging, shuffle, Progress(progress))
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
    """Build a job to be started later, where Beam's option `template_location` says.

    Args:
      recipe: As in `prepare`.
      output: A remote folder. What is there is not looked at.
      inputs: As in `prepare`; globs are resolved now.
      runner: A runner that writes templates, which is Dataflow's.
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
    read = resolve_inputs(recipe, inputs, staging, runner=runner, options=options)
    splits = _checked(recipe, read.inputs)
    with beam.Pipeline(runner, options) as p:
        build(p, Run(recipe, read, splits, staging, "group", Progress("")))


def _check_recipe(recipe: Recipe, statistics_cache: str | None) -> None:
    """Raise RecipeError, or DataError for an expected schema, where a run cannot end well."""
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


def _checked(recipe: Recipe, inputs: Sequence[Input]) -> tuple[str, ...]:
    """The splits there will be, once all that can be wrong before a run is found to be right."""
    splits = _splits(recipe, inputs)
    source_for(recipe).check(inputs)
    beam.coders.registry.register_coder(pa.RecordBatch, ArrowCoder)
    configure_tensorflow_threads()
    return splits


@dataclass(frozen=True)
class Run:
    """A run, once it is known what it reads and where it writes.

    Attributes:
      recipe: What is made.
      read: What is read.
      splits: All splits, in the order people see.
      staging: Where it is written.
      shuffle: How rows get into order.
      progress: Where the progress is noted.
      profiles: A folder with the profiles of the splits; "" where they are made on the way.
    """

    recipe: Recipe
    read: ResolvedInputs
    splits: Sequence[str]
    staging: Staging
    shuffle: Shuffle
    progress: Progress
    profiles: str = ""

    def with_cached_statistics(self, cache: str) -> Run:
        """The run, with profiles made of what the cache has, and the rest read for it now."""
        folder = self.scratch("profiles")
        write_cached_profiles(
            self.recipe, inputs=self.read.named, statistics_cache=cache, folder=folder
        )
        return replace(self, profiles=folder)

    @property
    def by_content(self) -> bool:
        """Whether content decides the split, as no input names one."""
        return all(one.split is None for one in self.read.inputs)

    def scratch(self, *names: str) -> str:
        """A path in the folder that is gone when the run ends."""
        return files.join(self.staging.scratch, *names)

    def order(self, layout: BucketLayout) -> ShuffleOnDisk | ShuffleByGroup:
        """What puts rows into canonical order."""
        if self.shuffle == "group":
            return ShuffleByGroup(self.recipe.distinct, layout)
        return ShuffleOnDisk(self.scratch("runs"), self.splits, self.recipe.distinct, layout)

    def folds(self, source: RecordSource) -> dict[str, Fold]:
        """What is folded of the rows beside the analysis."""
        noted: dict[str, Fold] = {
            "progress": NoteFold(self.progress, "analyze"),
            NUMBER_RANGES: NumberRangesFold.of(self.recipe.schema),
            LABELS: LabelsFold.of(self.recipe.schema),
        }
        profiled = self.recipe.statistics and not self.profiles
        return {STATISTICS: source.statistics, **noted} if profiled else noted

    def analyze(self, source: RecordSource, transform_fn: beam.PCollection[str] | None) -> Analyze:
        """What makes the graph, where it is not there already, and the folds."""
        checked = CheckedFn(self.recipe.name, self.recipe.preprocessing_fn)
        also = self.folds(source)
        return Analyze(checked, source.feed, self.staging.folder, also, transform_fn=transform_fn)

    def write(self) -> WriteShards:
        """What makes shards of segments."""
        recipe = self.recipe
        size = recipe.target_shard_mb * 1_000_000
        return WriteShards(
            self.staging.folder, self.splits, size, recipe.shards, recipe.compression
        )


def build(p: beam.Pipeline, run: Run) -> None:
    """Add the whole way of a row to a pipeline; what comes of it is in the staging folder."""
    recipe, progress, scratch = run.recipe, run.progress, run.scratch
    source = source_for(recipe)
    order = run.order(source.layout)

    scanned = (
        p
        | "Scan" >> source.scan(run.read.inputs)
        | "NoteScan" >> Note(progress, "scan", source.scanned)
    )  # what is to be read
    read = scanned | "Read" >> source.read(
        order.place, scratch("rejects"), run.staging.folder, in_threads=run.shuffle == "disk"
    )
    account = (
        read.account(progress)
        | "CheckRejects"
        >> beam.Map(check_rejects, limit=recipe.max_reject_ratio, folder=scratch("rejects"))
        | "CheckSplits"
        >> beam.Map(check_splits, splits=run.splits, recipe=recipe, by_content=run.by_content)
    )  # Account, one
    shuffled = (
        read.rows | "Shuffle" >> order | "OnceChecked" >> beam.Map(_after, AsSingleton(account))
    )  # Bucket
    buckets = read.thin(shuffled)  # Bucket
    analysis = buckets | "Analyze" >> run.analyze(source, read.transform_fn)
    # transform_fn: its folder; folds: (name, split, accumulator)
    transformed = buckets | "Transform" >> beam.ParDo(
        ThreadedDoFn(source.transform(scratch("segments"))),
        AsSingleton(_as_expected(run, analysis)),
    ).with_outputs("expansion", "findings", "statistics", main="segments")
    shards = (
        transformed.segments
        | "NoteTransform" >> Note(progress, "transform", lambda s: (s.records, s.bytes))
        # Segment
        | "Write" >> run.write()
        | "NoteWrite" >> Note(progress, "write", lambda s: (s[2].records, s[2].bytes))
    )  # (split, index, Shard)
    _draft(
        p,
        run,
        sources=AsIter(read.sources),
        account=AsSingleton(account),
        samples=AsDict(read.samples),
        findings=AsIter((read.findings, transformed.findings) | "AllFindings" >> beam.Flatten()),
        repeats=AsDict(buckets | "CountRepeats" >> CountRepeats()),
        folds=AsIter(analysis.folds),
        expansions=AsIter(transformed.expansion),
        transformed=AsIter(transformed.statistics | "Features" >> MergeFeatures()),
        shards=AsIter(shards),
    )


def _as_expected(run: Run, analysis: Analyzed) -> beam.PCollection[str]:
    """The folder of the graph, once the data are known to suit it and to be as expected."""
    suited = analysis.transform_fn | "CheckIntegers" >> beam.Map(
        check_integers, schema=run.recipe.schema, folds=AsIter(analysis.folds)
    )
    if run.recipe.expect is None:
        return suited
    return suited | "AsExpected" >> beam.Map(
        as_expected,
        expect=run.recipe.expect,
        recipe=run.recipe,
        splits=run.splits,
        folds=AsIter(analysis.folds),
        profiles=run.profiles,
    )


def _draft(p: beam.Pipeline, run: Run, **found: Any) -> None:
    """Write what describes the dataset, once all of it is there."""
    drafted = (
        p
        | "Once" >> beam.Create([run.staging])
        | "DraftManifest"
        >> beam.Map(
            draft_manifest,
            recipe=run.recipe,
            splits=run.splits,
            profiles=run.profiles,
            told=run.read.told,
            **found,
        )
    )  # Staging, one
    if files.is_remote(run.staging.output):
        _ = drafted | "Publish" >> beam.Map(publish_draft)


def _after(bucket: Bucket, account: ReadCounts) -> Bucket:
    """The bucket; taking the account makes what follows wait for its check."""
    return bucket


def _splits(recipe: Recipe, inputs: Sequence[Input]) -> tuple[str, ...]:
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
