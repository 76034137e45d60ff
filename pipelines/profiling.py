"""`profile`: the complete flow of a row into a profile, which describes files without a dataset.

Read (scan, parse, clean, key, split) -> Shuffle -> Profile -> Draft -> publish

It is the flow of `preparation` without graph and shards. Rejects are counted and shown, and never
fail the run. With a statistics cache each day of the input is a unit of its own, and a unit that is
in the cache is not read again.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.pvalue import AsDict, AsIter, AsSingleton

from ..schemas.manifest import SourceFile
from .config.input import Input
from .config.recipe import Recipe
from .dataset.metadata import STATISTICS
from .images.near_duplicates import DropNearDuplicates
from .inputs.outside import check_cache_outside
from .profiles.cache import StatisticsCache, write_profiled, write_profiles
from .profiles.draft import (
    LEFT_OUT,
    UnitFindings,
    draft_profile,
    drafted_sources,
    publish_profile,
    read_draft,
)
from .profiles.profiled import Profiled, ProfiledSpan, stage_profile
from .profiles.spans import Unit, dated, units_of
from .read_rows import ReadRows
from .resolve import resolve_inputs, splits_of
from .runtime import filesystem as files
from .runtime.elements import Bucket, StatisticsFold
from .runtime.errors import direct_runner, unwrap_beam_errors
from .runtime.ordered_fold import Block, CombineBuckets, FoldWork, Key
from .runtime.progress import Progress
from .runtime.publish import Staging
from .selection.read_counts import ReadCounts
from .shuffle.shuffle import CountRepeats, ShuffleOnDisk
from .sources import source_for

if TYPE_CHECKING:
    from .tables.dataframes import FrameInput

__all__ = ["profile", "write_cached_profiles"]


def profile(
    recipe: Recipe,
    *,
    inputs: Sequence[Input | FrameInput] = (),
    output: str,
    overwrite: bool = False,
    facets: bool = False,
    statistics_cache: str | None = None,
    progress: str = "",
    runner: beam.runners.PipelineRunner | None = None,
    options: PipelineOptions | None = None,
) -> Profiled:
    """Profile files: read, clean and split them as a run does, and describe every column.

    Args:
      recipe: Settings with which files are read. Its features are ignored.
      inputs: Files, or pandas DataFrames (`frame_input`); empty for the inputs of the recipe.
        Either every input names its split, or none does and content decides.
      output: Local folder of the profile: profile.json, stats, schema, rejects and report.html.
      overwrite: Whether to replace a profile or a dataset that is there. A folder that contains
        other files too, or an input, is refused.
      facets: Whether to write `facets.pb` too, the statistics of all splits for Facets Overview.
      statistics_cache: Local folder that the statistics of each span are saved in and read from.
        The same files give the same profile, whichever of their spans were in the cache; without a
        cache it can differ from that in the last bits of floats, and in sketches within their
        errors. With a cache, rows of different spans are not compared to count repeats.
      progress: Local folder to note the progress in, or "".
      runner: Beam runner whose workers see this machine's disk; None for the FnApiRunner.
      options: Beam's options.

    Returns:
      The published profile, the content of profile.json.

    Raises:
      DataError: A file cannot be read; nothing was published.
      RecipeError: The recipe or the output is wrong; no data was read.
    """
    cache = StatisticsCache(statistics_cache, recipe) if statistics_cache else None
    check_cache_outside(statistics_cache, output)
    runner = runner or direct_runner()
    with stage_profile(output, overwrite=overwrite) as staging, unwrap_beam_errors():
        resolved = resolve_inputs(recipe, inputs, staging, runner=runner, options=options)
        splits = splits_of(recipe, resolved.inputs)
        source_for(recipe).check_inputs(resolved.inputs)
        if cache:
            units = units_of(dated(resolved.named), cache)
        else:
            spans = tuple(ProfiledSpan(**span) for span in resolved.spans)
            units = (Unit(resolved.inputs, spans),)
        run = _ProfileRun(recipe, splits, units, staging, cache, Progress(progress))
        run(runner, options)
        return publish_profile(staging, recipe, facets=facets)


def write_cached_profiles(
    recipe: Recipe,
    *,
    inputs: Sequence[Input],
    statistics_cache: str,
    folder: str,
    progress: str = "",
    runner: beam.runners.PipelineRunner | None = None,
    options: PipelineOptions | None = None,
) -> None:
    """Write the profile of each split to a folder; spans that the cache has are not read.

    Args:
      recipe: As in `profile`.
      inputs: As in `profile`.
      statistics_cache: As in `profile`.
      folder: Folder of `<split>.profile` of each split, and of the digests of the files.
      progress: As in `profile`.
      runner: As in `profile`.
      options: As in `profile`.

    Raises:
      DataError: As in `profile`.
      RecipeError: As in `profile`.
    """
    cache = StatisticsCache(statistics_cache, recipe)
    splits, units = splits_of(recipe, inputs), units_of(dated(inputs), cache)
    with tempfile.TemporaryDirectory() as scratch, unwrap_beam_errors():
        staging = Staging(folder, scratch)
        run = _ProfileRun(recipe, splits, units, staging, cache, Progress(progress))
        run(runner or direct_runner(), options)
        write_profiles(folder, read_draft(staging, cache.fold, splits))
        write_profiled(folder, drafted_sources(staging))


@dataclass(frozen=True)
class _ProfileRun:
    """The pipeline of a profile; it writes a draft to the staging folder."""

    recipe: Recipe
    splits: tuple[str, ...]
    units: tuple[Unit, ...]
    staging: Staging
    cache: StatisticsCache | None
    progress: Progress

    def __call__(
        self, runner: beam.runners.PipelineRunner, options: PipelineOptions | None
    ) -> None:
        with beam.Pipeline(runner, options) as p:
            findings = [
                p | f"Unit{index}" >> _ReadUnit(self, index)
                for index, unit in enumerate(self.units)
                if not unit.cached
            ] or [p | "NoUnit" >> beam.Create([])]
            _ = (
                p
                | "Once" >> beam.Create([self.staging])
                | "Draft"
                >> beam.Map(
                    draft_profile,
                    recipe=self.recipe,
                    fold=source_for(self.recipe).statistics,
                    splits=self.splits,
                    units=self.units,
                    cache=self.cache,
                    findings=AsIter(tuple(findings) | "AllUnits" >> beam.Flatten()),
                )
            )


class _ReadUnit(beam.PTransform):  # type: ignore[misc]
    """Reads and profiles the files of a unit: PBegin -> PCollection[UnitFindings], one."""

    def __init__(self, run: _ProfileRun, index: int) -> None:
        super().__init__()
        self._run = run
        self._index = index

    def expand(self, begin: beam.pvalue.PBegin) -> beam.PCollection[UnitFindings]:
        run, recipe = self._run, self._run.recipe
        source = source_for(recipe)
        folder = partial(files.join, run.staging.scratch, f"unit-{self._index}")
        shuffle = ShuffleOnDisk(folder("runs"), run.splits, recipe.distinct, source.layout)
        distinct = ShuffleOnDisk(folder("runs"), run.splits, True, source.layout)

        ingested = begin | "Read" >> ReadRows(
            source,
            run.units[self._index].inputs,
            shuffle.sink,
            rejects=folder("rejects"),
            progress=run.progress,
        )
        buckets = ingested.rows | "Shuffle" >> shuffle  # Bucket
        if recipe.drops_near_duplicates:
            buckets = buckets | "DropNearDuplicates" >> DropNearDuplicates(ingested.image_findings)
        profiles = buckets | "Profile" >> CombineBuckets(_Profile(source.statistics, run.progress))
        repeats = (
            ingested.rows | "ShuffleDistinct" >> distinct | "CountRepeats" >> CountRepeats()
        )  # (split, count)
        return (
            begin
            | "Once" >> beam.Impulse()
            | "UnitFindings"
            >> beam.Map(
                _unit_findings,
                index=self._index,
                sources=AsIter(ingested.sources),
                read_counts=AsSingleton(ingested.read_counts),
                repeats=AsDict(repeats),
                profiles=AsIter(profiles),
            )
        )


def _unit_findings(
    once: bytes,
    *,
    index: int,
    sources: Iterable[tuple[int, SourceFile]],
    read_counts: ReadCounts,
    repeats: Mapping[str, int],
    profiles: Iterable[tuple[Key, Any]],
) -> UnitFindings:
    folded = {key[:2]: accumulator for key, accumulator in profiles}
    return UnitFindings(
        index,
        tuple(source for _, source in sorted(sources, key=lambda entry: entry[0])),
        read_counts,
        dict(repeats),
        left_out={split: count for (name, split), count in folded.items() if name == LEFT_OUT},
        profiles={split: folded[name, split] for name, split in folded if name == STATISTICS},
    )


@dataclass(frozen=True)
class _Profile(FoldWork):
    """Profiles a bucket, and counts the rows that it leaves out as repeats."""

    fold: StatisticsFold
    progress: Progress

    def setup(self) -> None:
        """Set the fold up."""
        self.fold.setup()

    def __call__(self, element: Bucket, *side_inputs: Any) -> Iterator[tuple[Key, Block]]:
        accumulator = self.fold.start()
        for batch in element.open():
            accumulator = self.fold.add(accumulator, batch)
            self.progress.note("profile", batch.num_rows)
        yield (STATISTICS, element.split, ""), (0, 0, element.index, accumulator)
        yield (LEFT_OUT, element.split, ""), (0, 0, element.index, element.repeats())

    def merge(self, key: Key, accumulators: list[Any]) -> Any:
        """Merge the profiles of buckets, or sum their repeats."""
        return sum(accumulators) if key[0] == LEFT_OUT else self.fold.merge(accumulators)
