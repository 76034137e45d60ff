"""Reading of images: list -> chunk -> read, check and route, with facts about all of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial, reduce
from operator import add
from typing import Any, TypeAlias

import apache_beam as beam
import numpy as np
import numpy.typing as npt
import pyarrow as pa
from apache_beam.pvalue import AsIter, AsSingleton, TaggedOutput

from ...schemas.images import ImageSchema
from ...schemas.manifest import SourceFile
from ..analysis.analyze import ExportGraph
from ..analysis.transform_function import configure_tensorflow_threads
from ..config.images import Images
from ..config.input import Input
from ..config.row_selection import RowSelection
from ..runtime.thread_pool import ElementFn, SerialDoFn, ThreadedDoFn
from ..selection.read_counts import read_counts_of
from ..selection.row_router import RowRouter
from ..shuffle.shuffle import RowSink
from ..stage_types import IngestResult
from .annotations.listing import list_images
from .annotations.refs import Listing
from .boxes.check import ListedBoxes, check_listed
from .boxes.frame_scan import FindBoxFrame
from .boxes.frames import BoxFrame
from .chunks import Chunk, Tally, chunks, read_chunk
from .encoder import EncodeImages
from .findings import ImageFindings
from .near_duplicates import NearDuplicateFindings, find_near

__all__ = ["IngestImages", "ScanImages"]

SAMPLE_IMAGES = 16
"""Images of a split that are sampled for the parity check: those with the smallest keys."""

ListedInput: TypeAlias = tuple[int, Input, Listing]
"""(index of the input, the input, its images)."""

InputKey: TypeAlias = tuple[int, str | None, str]
"""(index of the input, split, pattern)."""


@dataclass(eq=False)
class ScanImages(beam.PTransform):  # type: ignore[misc]
    """Lists the images of each input: PBegin -> PCollection[(index, Input, Listing)].

    Attributes:
      inputs: Inputs to list.
      images: Settings of the images, for the format of annotations.
    """

    inputs: Sequence[Input]
    images: Images

    def expand(self, begin: beam.pvalue.PBegin) -> beam.PCollection[ListedInput]:
        """Add the stages."""
        return (
            begin
            | "Inputs" >> beam.Create(list(enumerate(self.inputs)))
            | "SpreadInputs" >> beam.Reshuffle()
            | "List" >> beam.MapTuple(partial(_list, images=self.images))
        )


def _list(index: int, entry: Input, images: Images) -> ListedInput:
    return index, entry, list_images(entry, images.format, input_index=index)


@dataclass
class IngestImages(beam.PTransform):  # type: ignore[misc]
    """Reads and checks images: PCollection[(index, Input, Listing)] -> `IngestResult`.

    Attributes:
      schema: Schema of the images.
      images: Settings of the images.
      selection: Filters, sampling and split ratios.
      sink: First step of the shuffle, which takes rows as soon as they are checked.
      rejects: Folder of the rejects.
      in_threads: Whether to use a pool of threads; otherwise one chunk is read after another.
      graph: Stage that exports the transform graph, where it can be there before images are read:
        then rows contain encoded records instead of the bytes of images.
      checks_boxes: Whether doubtful or absent boxes fail the run.
    """

    schema: ImageSchema
    images: Images
    selection: RowSelection
    sink: RowSink
    rejects: str
    in_threads: bool
    graph: ExportGraph | None = None
    checks_boxes: bool = False

    def expand(self, listed: beam.PCollection[ListedInput]) -> IngestResult:
        """Add the stages."""
        router = RowRouter(self.sink, SAMPLE_IMAGES)
        read = _ReadChunk(self.schema, self.images, self.selection, router, self.rejects)
        graph = self.graph and listed.pipeline | "ExportGraph" >> self.graph  # its folder
        frame = self._frame(listed)
        side_inputs = [AsSingleton(frame), *([AsSingleton(graph)] if graph else [])]
        outputs = (
            self._chunks(listed)
            # Chunk
            | "OpenAndCheck"
            >> beam.ParDo(
                ThreadedDoFn(read) if self.in_threads else SerialDoFn(read), *side_inputs
            ).with_outputs("counts", "sample", "tally", "hashes", "boxes", main="rows")
        )
        tallies = (
            (outputs.tally, listed | "TallyListing" >> beam.MapTuple(_tally_of_listing))
            | "AllTallies" >> beam.Flatten()
            | "SumTallies" >> beam.CombinePerKey(_sum_tallies)
        )  # (InputKey, Tally)
        return IngestResult(
            rows=outputs.rows,
            read_counts=outputs.counts,
            samples=router.samples(outputs.sample),
            sources=tallies | "Source" >> beam.MapTuple(_source_file),
            box_evidence=outputs.boxes if self.checks_boxes else None,
            transform_fn=graph,
            image_findings=self._findings(listed, tallies, frame, outputs.hashes),
        )

    def _frame(self, listed: beam.PCollection[ListedInput]) -> beam.PCollection[BoxFrame]:
        """Return the frame of boxes, one; no header is read where images have a label."""
        if self.schema.kind == "classification":
            return listed.pipeline | "NoFrame" >> beam.Create([BoxFrame()])
        return listed | "FindFrame" >> FindBoxFrame(self.images, self.in_threads)

    def _chunks(self, listed: beam.PCollection[ListedInput]) -> beam.PCollection[Chunk]:
        """Return the chunks to read; none before each split is known to have a box."""
        spread = listed | "Chunk" >> beam.FlatMapTuple(chunks) | "SpreadChunks" >> beam.Reshuffle()
        if not self.checks_boxes:
            return spread
        boxes = (
            listed
            | "BoxesOfListing" >> beam.MapTuple(lambda index, *listing: ListedBoxes.of(*listing))
            | "GatherListed" >> beam.CombineGlobally(beam.combiners.ToListCombineFn())
        )
        check = partial(_check_listed, images=self.images)
        return spread | "CheckListed" >> beam.Map(check, AsSingleton(boxes))

    def _findings(
        self,
        listed: beam.PCollection[ListedInput],
        tallies: beam.PCollection[tuple[InputKey, Tally]],
        frame: beam.PCollection[BoxFrame],
        hashes: beam.PCollection[Any],
    ) -> beam.PCollection[ImageFindings]:
        near = (
            hashes
            | "GatherHashes" >> beam.CombineGlobally(beam.combiners.ToListCombineFn())
            | "FindNear" >> beam.Map(find_near, drop=self.images.near_duplicates == "drop")
        )
        unannotated = (
            listed
            | "Unannotated" >> beam.MapTuple(lambda index, entry, listing: listing.unannotated)
            | "SumUnannotated" >> beam.CombineGlobally(sum)
        )
        return (
            listed.pipeline
            | "OnceAll" >> beam.Impulse()
            | "Findings"
            >> beam.Map(
                _image_findings,
                tallies=AsIter(tallies | "Tallies" >> beam.Values()),
                unannotated=AsSingleton(unannotated),
                near=AsSingleton(near),
                frame=AsSingleton(frame),
            )
        )


def _check_listed(chunk: Chunk, listed: Sequence[ListedBoxes], *, images: Images) -> Chunk:
    check_listed(listed, images=images)
    return chunk


def _sum_tallies(tallies: Iterable[Tally]) -> Tally:
    return reduce(add, tallies, Tally())


def _tally_of_listing(index: int, entry: Input, listing: Listing) -> tuple[InputKey, Tally]:
    return (index, entry.split, entry.pattern), Tally(digest=int(listing.source.sha256, 16))


def _source_file(key: InputKey, tally: Tally) -> tuple[int, SourceFile]:
    index, split, pattern = key
    digest = f"{tally.digest:064x}"
    return index, SourceFile(pattern, split, tally.bytes, digest, tally.records)


def _image_findings(
    once: bytes,
    *,
    tallies: Iterable[Tally],
    unannotated: int,
    near: NearDuplicateFindings,
    frame: BoxFrame,
) -> ImageFindings:
    total = _sum_tallies(tallies)
    return ImageFindings(
        formats=Counter(total.formats),
        converted=Counter(total.converted),
        without_end_marker=total.without_end_marker,
        unannotated=unannotated,
        near_duplicates=near,
        frame=frame,
        frame_evidence=total.frames,
    )


@dataclass
class _ReadChunk(ElementFn):
    """Chunk -> routed rows, and outputs tagged "counts", "sample", "tally", "hashes" and "boxes".

    The side inputs are the frame of boxes, and the folder of the graph where it is exported first.
    """

    schema: ImageSchema
    images: Images
    selection: RowSelection
    router: RowRouter
    rejects: str

    def setup(self) -> None:
        configure_tensorflow_threads()
        self.router.setup()
        self._encoders = EncodeImages(self.schema, self.images, self.selection.seed)

    def __call__(self, chunk: Chunk, frame: BoxFrame, *graph: str) -> Iterator[Any]:
        encoder = self._encoders(*graph) if graph else None
        read = read_chunk(
            chunk, self.schema, self.images, self.selection, encoder, frame=frame.frame
        )
        cleaned, position = read.cleaned, chunk.position
        yield from read_counts_of(
            cleaned, self.rejects, split=chunk.split, position=position, size=read.tally.bytes
        )
        rows = replace(cleaned, batch=read.rows)
        yield from self.router(rows, partial(_sample, cleaned.batch))
        yield TaggedOutput("tally", ((position[0], chunk.split, chunk.source), read.tally))
        for hashes in read.hash_batches():
            yield TaggedOutput("hashes", hashes)
        for evidence in read.boxes.items():
            yield TaggedOutput("boxes", evidence)

    def finish(self) -> Iterator[Any]:
        return self.router.finish()


def _sample(rows: pa.RecordBatch, indices: npt.NDArray[np.int64]) -> pa.RecordBatch:
    """Return some rows, with strings instead of dictionaries."""
    taken = rows.take(pa.array(indices))
    columns = [
        column.dictionary_decode() if pa.types.is_dictionary(column.type) else column
        for column in taken.columns
    ]
    return pa.RecordBatch.from_arrays(columns, taken.schema.names)
