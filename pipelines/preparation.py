"""The whole way of a row or an image, from its file to a published dataset.

scan -> read (parse, clean, key, split) -> shuffle -> analyze and profile -> transform
     -> shards -> parity and findings -> publish
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Literal

import apache_beam as beam
import pyarrow as pa
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.pvalue import AsDict, AsIter, AsSingleton

from ..schemas.errors import DataError, RecipeError, RecordmillError
from ..schemas.manifest import Manifest
from . import files
from .analyze import Analyze
from .concurrent import Concurrently
from .elements import Bucket, Fold
from .findings import STATISTICS, draft_manifest, publish_draft
from .progress import Note, NoteFold, Progress
from .publish import Staging, stage
from .read import Input
from .recipe import Recipe
from .roads import Road, road_of
from .rows import Account, check_rejects
from .shards import WriteShards
from .shuffle import ArrowCoder, CountRepeats, ShuffleByGroup, ShuffleOnDisk
from .transform import configure_tensorflow_threads

__all__ = ["prepare", "write_template"]

Shuffle = Literal["disk", "group"]


def prepare(
    recipe: Recipe,
    *,
    output: str,
    inputs: Sequence[Input],
    overwrite: bool = False,
    shuffle: Shuffle = "disk",
    progress: str = "",
    runner: beam.runners.PipelineRunner | None = None,
    options: PipelineOptions | None = None,
) -> Manifest:
    """Prepares a dataset: reads, cleans, splits, profiles, analyzes, transforms and publishes.

    Args:
      recipe: What the dataset is made of.
      output: The dataset's folder.
      inputs: The files to read. Either every input names its split, or none does and content
        decides.
      overwrite: Whether a dataset that is there is replaced, once the new one is whole.
      shuffle: "disk" where all workers see one disk, else "group"; the result is the same.
      progress: A local folder to note the progress in, or "".
      runner: A Beam runner; None for the FnApiRunner.
      options: Beam's options.

    Returns:
      The manifest that was published.

    Raises:
      DataError: The data is bad; nothing was published.
      RecipeError: The recipe or the output is; no data was read.
    """
    splits = _checked(recipe, inputs)
    with stage(output, overwrite=overwrite) as staging:
        with _own_errors(), beam.Pipeline(runner or _direct_runner(), options) as p:
            build(p, recipe, inputs, splits, staging, shuffle, Progress(progress))
        return publish_draft(staging)


def write_template(
    recipe: Recipe,
    *,
    output: str,
    inputs: Sequence[Input],
    runner: beam.runners.PipelineRunner,
    options: PipelineOptions,
) -> None:
    """Builds a job to be started later, where Beam's option `template_location` says.

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
    splits = _checked(recipe, inputs)
    with beam.Pipeline(runner, options) as p:
        build(p, recipe, inputs, splits, Staging(output, output), "group", Progress(""))


def _checked(recipe: Recipe, inputs: Sequence[Input]) -> tuple[str, ...]:
    """The splits there will be, once all that can be wrong before a run is found to be right."""
    splits = _splits(recipe, inputs)
    road_of(recipe).check(inputs)
    beam.coders.registry.register_coder(pa.RecordBatch, ArrowCoder)
    configure_tensorflow_threads()
    return splits


def build(
    p: beam.Pipeline,
    recipe: Recipe,
    inputs: Sequence[Input],
    splits: Sequence[str],
    staging: Staging,
    shuffle: Shuffle,
    progress: Progress,
) -> None:
    """Adds the whole way of a row to a pipeline; what comes of it is in the staging folder."""
    road = road_of(recipe)
    scratch = partial(files.join, staging.scratch)
    on_disk = shuffle == "disk"
    order = (
        ShuffleOnDisk(scratch("runs"), splits, recipe.distinct, road.layout)
        if on_disk
        else ShuffleByGroup(recipe.distinct, road.layout)
    )

    scanned = (
        p | "Scan" >> road.scan(inputs) | "NoteScan" >> Note(progress, "scan", road.scanned)
    )  # what is to be read
    read = scanned | "Read" >> road.read(order.place, scratch("rejects"), in_threads=on_disk)
    account = read.account | "CheckRejects" >> beam.Map(
        check_rejects, limit=recipe.max_reject_ratio, folder=scratch("rejects")
    )  # Account, one
    shuffled = (
        read.rows
        | "NoteRead" >> Note(progress, "read", lambda rows: (rows.rows, 0))
        | "Shuffle" >> order
        | "OnceChecked" >> beam.Map(_after, AsSingleton(account))
    )  # Bucket
    buckets = read.thin(shuffled)  # Bucket
    analysis = buckets | "Analyze" >> Analyze(
        recipe.preprocessing_fn, road.feed, staging.folder, also=_folds(road, progress)
    )  # transform_fn: its folder; folds: (name, split, accumulator)
    transformed = buckets | "Transform" >> beam.ParDo(
        Concurrently(road.transform(scratch("segments"))), AsSingleton(analysis.transform_fn)
    ).with_outputs("expansion", main="segments")
    shards = (
        transformed.segments
        | "NoteTransform" >> Note(progress, "transform", lambda s: (s.records, s.bytes))
        # Segment
        | "Write" >> _write(recipe, splits, staging)
        | "NoteWrite" >> Note(progress, "write", lambda s: (s[2].records, s[2].bytes))
    )  # (split, index, Shard)
    found = {
        "sources": AsIter(read.sources),
        "account": AsSingleton(account),
        "samples": AsDict(read.samples),
        "findings": AsIter(read.findings),
        "repeats": AsDict(buckets | "CountRepeats" >> CountRepeats()),
        "folds": AsIter(analysis.folds),
        "expansions": AsIter(transformed.expansion),
        "shards": AsIter(shards),
    }
    drafted = (
        p
        | "Once" >> beam.Create([staging])
        | "DraftManifest" >> beam.Map(draft_manifest, recipe=recipe, splits=splits, **found)
    )  # Staging, one
    if files.is_remote(staging.output):
        _ = drafted | "Publish" >> beam.Map(publish_draft)


def _folds(road: Road, progress: Progress) -> dict[str, Fold]:
    return {STATISTICS: road.statistics, "progress": NoteFold(progress, "analyze")}


def _write(recipe: Recipe, splits: Sequence[str], staging: Staging) -> WriteShards:
    return WriteShards(
        staging.folder,
        splits,
        recipe.target_shard_mb * 1_000_000,
        recipe.shards,
        recipe.compression,
    )


def _after(bucket: Bucket, account: Account) -> Bucket:
    """The bucket; taking the account makes what follows wait for its check."""
    return bucket


def _splits(recipe: Recipe, inputs: Sequence[Input]) -> tuple[str, ...]:
    named = {one.split for one in inputs}
    if None not in named:
        splits = tuple(dict.fromkeys(one.split for one in inputs if one.split))
    elif named == {None}:
        splits = tuple(recipe.split.ratios)
    else:
        raise RecipeError("either every input names its split (SPLIT=GLOB), or none does")
    if "train" not in splits:
        raise RecipeError(
            f'the graph is analyzed on the split "train", and there is none: got '
            f"{', '.join(splits) or 'no input'}"
        )
    for name in recipe.shards:
        if name not in splits:
            raise RecipeError(f'recipe {recipe.name}: shards: there is no split "{name}"')
    return splits


def _direct_runner() -> beam.runners.PipelineRunner:
    """Beam's in-process runner by its own name: `DirectRunner` tries to download another first."""
    from apache_beam.runners.portability.fn_api_runner import FnApiRunner

    return FnApiRunner()


@contextmanager
def _own_errors() -> Iterator[None]:
    """Takes our errors out of what Beam wraps them in.

    In process, Beam adds the name of the stage to the message, and makes a RuntimeError of an
    interrupt; from another process an error comes as a RuntimeError that holds the traceback.
    """
    try:
        yield
    except RecordmillError as error:
        raise type(error)(_WHILE.sub("", str(error))) from error
    except RuntimeError as error:
        if str(error).startswith("KeyboardInterrupt"):
            raise KeyboardInterrupt from None
        found = _OWN.search(str(error))
        if found is None:
            raise
        kind = {"DataError": DataError, "RecipeError": RecipeError}[found["kind"]]
        raise kind(_WHILE.sub("", found["message"])) from error


_WHILE = re.compile(r" \[while running '[^']*'\]\s*$")
_OWN = re.compile(
    r"^recordmill\.schemas\.errors\.(?P<kind>DataError|RecipeError): (?P<message>.*?)"
    r"(?= \[while running '|\n\n|\Z)",
    re.DOTALL | re.MULTILINE,
)
