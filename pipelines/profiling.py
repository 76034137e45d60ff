"""The way of a row into a profile: what is in the files, and no dataset.

scan -> read (parse, clean, key, split) -> shuffle -> profile -> draft -> publish

It is the way of `preparation` without the graph and the shards. Rejects are counted and shown,
and are never too many. With a statistics cache each day of the input goes its own way, and those
that went before do not go again.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.pvalue import AsIter

from .config.input import Input
from .config.recipe import Recipe
from .dataset.metadata import STATISTICS
from .inputs.outside import check_cache_outside
from .profiles.cache import StatisticsCache, write_profiled, write_profiles
from .profiles.draft import LEFT_OUT, draft_profile, drafted_sources, publish_profile, read_draft
from .profiles.profiled import Profiled, ProfiledSpan, stage_profile
from .profiles.spans import Unit, dated, units_of
from .resolve import resolve_inputs, splits_of
from .runtime import filesystem as files
from .runtime.elements import Bucket
from .runtime.errors import direct_runner, unwrap_beam_errors
from .runtime.ordered_fold import Block, CombineBuckets, FoldWork, Key
from .runtime.progress import Note, Progress
from .runtime.publish import Staging
from .shuffle.shuffle import CountRepeats, ShuffleOnDisk
from .sources import StatisticsAccumulator, source_for

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
    """Profiles files: reads, cleans and splits them as a run does, and tells what is in them.

    Args:
      recipe: How they are read. Its features are not looked at.
      inputs: The files, or pandas DataFrames (`frame_input`); those of the recipe where none are
        given. Either every input names its split, or none does and content decides.
      output: The profile's folder, on this machine: profile.json, stats, schema, rejects and
        report.html.
      overwrite: Whether a profile or a dataset that is there is replaced. A folder that holds other
        files too, or an input, is refused.
      facets: Whether `facets.pb` is written too: the statistics of all splits, for Facets
        Overview.
      statistics_cache: A local folder where the statistics of each span are kept, and taken from.
        The same files give the same profile, whatever of them was there; without a cache it can
        differ from that in the last bits of floats, and in sketches within their errors. Rows of
        different spans are then not compared to count repeats.
      progress: A local folder to note the progress in, or "".
      runner: A Beam runner whose workers see this machine's disk; None for the FnApiRunner.
      options: Beam's options.

    Returns:
      What was published as profile.json.

    Raises:
      DataError: A file cannot be read; nothing was published.
      RecipeError: The recipe or the output is wrong; no data was read.
    """
    cache = StatisticsCache(statistics_cache, recipe) if statistics_cache else None
    check_cache_outside(statistics_cache, output)
    runner = runner or direct_runner()
    with stage_profile(output, overwrite=overwrite) as staging, unwrap_beam_errors():
        read = resolve_inputs(recipe, inputs, staging, runner=runner, options=options)
        splits = splits_of(recipe, read.inputs)
        source_for(recipe).check(read.inputs)
        if cache:
            units = units_of(dated(read.named), cache)
        else:
            told = tuple(ProfiledSpan(**one) for one in read.told.get("spans", ()))
            units = (Unit(read.inputs, told),)
        run = _Run(recipe, splits, units, staging, cache, Progress(progress))
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
    """Write the profile of each split, for `draft_manifest`, with what the cache has of it.

    Args:
      recipe: As in `profile`.
      inputs: As in `profile`.
      statistics_cache: As in `profile`.
      folder: Where `<split>.profile` goes, for each split, and which files they are of.
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
        run = _Run(recipe, splits, units, staging, cache, Progress(progress))
        run(runner or direct_runner(), options)
        write_profiles(folder, read_draft(staging, cache.fold, splits))
        write_profiled(folder, drafted_sources(staging))


@dataclass(frozen=True)
class _Run:
    """The pipeline; what comes of it is the draft in the staging folder."""

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
            parts = [
                p | f"Unit{place}" >> _ReadUnit(self, place)
                for place, unit in enumerate(self.units)
                if not unit.cached
            ]
            found = parts or [p | "Nothing" >> beam.Create([])]
            _ = (
                p
                | "Once" >> beam.Create([self.staging])
                | "Draft"
                >> beam.Map(
                    draft_profile,
                    recipe=self.recipe,
                    splits=self.splits,
                    units=self.units,
                    cache=self.cache,
                    found=AsIter(tuple(found) | "All" >> beam.Flatten()),
                )
            )


class _ReadUnit(beam.PTransform):  # type: ignore[misc]
    """PBegin -> what is found of a unit: (place of the unit, field of `Found`, element)."""

    def __init__(self, run: _Run, place: int) -> None:
        super().__init__()
        self._run = run
        self._place = place

    def expand(self, begin: beam.pvalue.PBegin) -> beam.PCollection[tuple[int, str, Any]]:
        run, recipe = self._run, self._run.recipe
        source = source_for(recipe, prepares=False)
        folder = partial(files.join, run.staging.scratch, f"unit-{self._place}")
        layout, splits = source.layout, run.splits
        order = ShuffleOnDisk(folder("runs"), splits, recipe.distinct, layout)
        scanned = (
            begin
            | "Scan" >> source.scan(run.units[self._place].inputs)
            | "NoteScan" >> Note(run.progress, "scan", source.scanned)
        )  # what is to be read
        read = scanned | "Read" >> source.read(
            order.place, folder("rejects"), run.staging.folder, in_threads=True
        )
        buckets = read.thin(read.rows | "Shuffle" >> order)  # Bucket
        every = read.rows | "ShuffleDistinct" >> ShuffleOnDisk(folder("runs"), splits, True, layout)
        found = {
            "sources": read.sources,
            "accounts": read.account(run.progress),
            "findings": read.findings,
            "profiles": buckets
            | "Profile" >> CombineBuckets(_Profile(source.statistics, run.progress)),
            "repeats": every | "CountRepeats" >> CountRepeats(),
        }
        return (
            tuple(
                part | f"Of{name}" >> beam.Map(_of_unit, self._place, name)
                for name, part in found.items()
            )
            | "Found" >> beam.Flatten()
        )


def _of_unit(element: Any, place: int, name: str) -> tuple[int, str, Any]:
    return place, name, element


@dataclass(frozen=True)
class _Profile(FoldWork):
    """The work on one bucket: its profile, and how many rows it leaves out as repeats."""

    fold: StatisticsAccumulator
    progress: Progress

    def setup(self) -> None:
        self.fold.setup()

    def __call__(self, element: Bucket, *side_inputs: Any) -> Iterator[tuple[Key, Block]]:
        accumulator = self.fold.start()
        for batch in element.open():
            accumulator = self.fold.add(accumulator, batch)
            self.progress.note("profile", batch.num_rows)
        found = {STATISTICS: accumulator, LEFT_OUT: element.repeats()}
        for name, one in found.items():
            yield (name, element.split, ""), (0, 0, element.index, one)

    def merge(self, key: Key, accumulators: list[Any]) -> Any:
        return sum(accumulators) if key[0] == LEFT_OUT else self.fold.merge(accumulators)
