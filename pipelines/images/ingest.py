"""Image files into rows: list -> chunk -> read and place, and what else is told of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial, reduce
from operator import add
from typing import Any, TypeAlias

import apache_beam as beam
import pyarrow as pa
from apache_beam.pvalue import AsDict, AsSingleton, TaggedOutput

from ...schemas.images import ImageSchema
from ...schemas.manifest import SourceFile
from ..analysis.analyze import ExportGraph
from ..analysis.transform_function import configure_tensorflow_threads
from ..config.images import Images
from ..config.input import Input
from ..config.recipe import Recipe
from ..runtime.elements import Bucket
from ..runtime.thread_pool import ElementFn, SerialDoFn, ThreadedDoFn
from ..selection.ingest_result import IngestResult
from ..selection.read_counts import read_counts_of
from ..selection.row_router import RowRouter
from ..shuffle.shuffle import RowSink
from .annotations.listing import list_images
from .annotations.refs import Listing
from .boxes.check import ListedBoxes, check_boxes, check_listed
from .boxes.frame_scan import FindBoxFrame
from .boxes.frames import BoxFrame
from .boxes.marks import BoxEvidence
from .chunks import Chunk, Tally, chunks, read_chunk
from .encoder import EncodeImages
from .near_duplicates import find_near, without

__all__ = ["FRAME", "FRAME_COUNTS", "NEAR", "IngestImages", "ScanImages"]

NEAR = "near"
"""The name of the finding that is a `Near`."""

FRAME, FRAME_COUNTS = "frame", "frame_counts"
"""The names of the findings that are a `BoxFrame`, and the `FrameEvidence` of an input."""

SAMPLE_IMAGES = 16
"""Images of a split that are kept for the parity check: those with the smallest keys."""


InputKey: TypeAlias = tuple[int, str | None, str]
"""(place among the inputs, split, pattern)."""


@dataclass(eq=False)
class ScanImages(beam.PTransform):  # type: ignore[misc]
    """Lists the images of each input: PBegin -> PCollection[(place, Input, Listing)].

    Attributes:
      inputs: What to read.
      images: How annotations name images.
    """

    inputs: Sequence[Input]
    images: Images

    def expand(self, begin: beam.pvalue.PBegin) -> beam.PCollection[tuple[int, Input, Listing]]:
        return (
            begin
            | "Inputs" >> beam.Create(list(enumerate(self.inputs)))
            | "SpreadInputs" >> beam.Reshuffle()
            | "List" >> beam.MapTuple(partial(_listed, images=self.images))
        )


def _listed(place: int, one: Input, images: Images) -> tuple[int, Input, Listing]:
    return place, one, list_images(one, images.format, input_index=place)


@dataclass
class IngestImages(beam.PTransform):  # type: ignore[misc]
    """PCollection[(place, Input, Listing)] -> `IngestResult`, with a `Near` among its findings.

    Attributes:
      recipe: Which images count.
      schema: What they have.
      images: How they are checked.
      place: What happens to rows as soon as they are checked.
      rejects: A folder for the rejects.
      in_threads: Whether a pool of threads works, or one chunk is read after the other.
      graph: Writes the transform graph, where it can be there before the images are read: then
        the rows carry records in place of the bytes of images.
      checks_boxes: Whether boxes that are doubtful or absent fail the run.
    """

    recipe: Recipe
    schema: ImageSchema
    images: Images
    place: RowSink
    rejects: str
    in_threads: bool
    graph: ExportGraph | None = None
    checks_boxes: bool = False

    def expand(self, listed: beam.PCollection[tuple[int, Input, Listing]]) -> IngestResult:
        placing = RowRouter(self.place, SAMPLE_IMAGES)
        work: ElementFn = _ReadChunk(self.recipe, self.schema, self.images, placing, self.rejects)
        graph = self.graph and listed.pipeline | "Graph" >> self.graph  # its folder
        frame = self._frame(listed)
        side_inputs = [AsSingleton(frame), *([AsSingleton(graph)] if graph else [])]
        spread = listed | "Chunk" >> beam.FlatMapTuple(chunks) | "SpreadChunks" >> beam.Reshuffle()
        read = (
            self._once_boxes_are_listed(spread, listed)
            # Chunk
            | "OpenAndCheck"
            >> beam.ParDo(
                ThreadedDoFn(work) if self.in_threads else SerialDoFn(work), *side_inputs
            ).with_outputs("account", "sample", "tally", "look", "boxes", main="rows")
        )
        tallies = (
            (read.tally, listed | "OfListing" >> beam.MapTuple(_of_listing))
            | "AllTallies" >> beam.Flatten()
            | "AddTallies" >> beam.CombinePerKey(_sum_tallies)
        )
        near = (
            read.look
            | "GatherLooks" >> beam.CombineGlobally(beam.combiners.ToListCombineFn())
            | "FindNear" >> beam.Map(find_near, drop=self.images.near_duplicates == "drop")
        )
        findings = (
            frame | "Frame" >> beam.Map(lambda found: (FRAME, found)),
            tallies | "FrameCounts" >> beam.MapTuple(_frames_found),
            tallies | "Formats" >> beam.MapTuple(_formats_found),
            tallies | "EndMarkers" >> beam.MapTuple(_end_markers_found),
            listed | "Unannotated" >> beam.MapTuple(_unannotated_found),
            near | "Near" >> beam.Map(lambda found: (NEAR, found)),
        ) | "Findings" >> beam.Flatten()
        return IngestResult(
            rows=read.rows,
            accounts=read.account,
            samples=placing.samples(read.sample),
            sources=tallies | "Source" >> beam.MapTuple(_source),
            findings=findings,
            transform_fn=graph,
            thin=lambda buckets: (
                self._once_boxes_are_good(buckets, read.boxes)
                | "LeaveOut" >> beam.Map(without, AsSingleton(near))
            ),
        )

    def _frame(
        self, listed: beam.PCollection[tuple[int, Input, Listing]]
    ) -> beam.PCollection[BoxFrame]:
        """The frame of boxes, one; no header is read where images have a label."""
        if self.schema.kind == "classification":
            return listed.pipeline | "NoFrame" >> beam.Create([BoxFrame()])
        return listed | "FindFrame" >> FindBoxFrame(self.images, self.in_threads)

    def _once_boxes_are_listed(
        self,
        spread: beam.PCollection[Chunk],
        listed: beam.PCollection[tuple[int, Input, Listing]],
    ) -> beam.PCollection[Chunk]:
        """Pass the chunks on once the annotations of each split are known to have a box."""
        if not self.checks_boxes:
            return spread
        boxes = (
            listed
            | "BoxesOfListing" >> beam.MapTuple(lambda place, *of: ListedBoxes.of(*of))
            | "GatherListed" >> beam.CombineGlobally(beam.combiners.ToListCombineFn())
        )
        check = partial(_once_listed, images=self.images)
        return spread | "CheckListed" >> beam.Map(check, AsSingleton(boxes))

    def _once_boxes_are_good(
        self, buckets: beam.PCollection[Bucket], boxes: beam.PCollection[tuple[str, BoxEvidence]]
    ) -> beam.PCollection[Bucket]:
        """Pass the buckets on once few boxes of all images are known to be doubtful."""
        if not self.checks_boxes:
            return buckets
        evidence = boxes | "AddBoxes" >> beam.CombinePerKey(_sum_evidence)
        check = partial(_once_good, images=self.images)
        return buckets | "CheckBoxes" >> beam.Map(check, AsDict(evidence))


def _once_listed(chunk: Chunk, listed: Sequence[ListedBoxes], *, images: Images) -> Chunk:
    check_listed(listed, images=images)
    return chunk


def _once_good(bucket: Bucket, evidence: Mapping[str, BoxEvidence], *, images: Images) -> Bucket:
    check_boxes(evidence, images=images)
    return bucket


def _sum_evidence(evidence: Iterable[BoxEvidence]) -> BoxEvidence:
    return reduce(add, evidence, BoxEvidence())


def _sum_tallies(tallies: Iterable[Tally]) -> Tally:
    return reduce(add, tallies, Tally())


def _of_listing(place: int, one: Input, listing: Listing) -> tuple[InputKey, Tally]:
    return (place, one.split, one.pattern), Tally(digest=int(listing.source.sha256, 16))


def _source(key: InputKey, tally: Tally) -> tuple[int, SourceFile]:
    index, split, pattern = key
    digest = f"{tally.digest:064x}"
    return index, SourceFile(pattern, split, tally.bytes, digest, tally.records)


def _formats_found(key: InputKey, tally: Tally) -> tuple[str, Any]:
    return "formats", (tally.formats, tally.converted)


def _frames_found(key: InputKey, tally: Tally) -> tuple[str, Any]:
    return FRAME_COUNTS, tally.frames


def _end_markers_found(key: InputKey, tally: Tally) -> tuple[str, Any]:
    return "without_end_marker", tally.without_end_marker


def _unannotated_found(place: int, one: Input, listing: Listing) -> tuple[str, Any]:
    return "unannotated", listing.unannotated


@dataclass
class _ReadChunk(ElementFn):
    """The work: Chunk -> placed rows, and tagged "account", "sample", "tally", "look" and "boxes".

    The side inputs are the frame of boxes, and the folder of the graph, if it is there already.
    """

    recipe: Recipe
    schema: ImageSchema
    images: Images
    placing: RowRouter
    rejects: str

    def setup(self) -> None:
        configure_tensorflow_threads()
        self.placing.setup()
        self._presses = EncodeImages(self.schema, self.images, self.recipe.seed)

    def __call__(self, chunk: Chunk, frame: BoxFrame, *graph: str) -> Iterator[Any]:
        press = self._presses(*graph) if graph else None
        read = read_chunk(chunk, self.recipe, self.schema, self.images, press, frame=frame.frame)
        cleaned, position = read.cleaned, chunk.position
        yield from read_counts_of(
            cleaned, self.rejects, split=chunk.split, position=position, size=read.tally.bytes
        )
        rows = replace(cleaned, batch=read.rows)
        yield from self.placing(rows, partial(_sample, cleaned.batch))
        yield TaggedOutput("tally", ((position[0], chunk.split, chunk.source), read.tally))
        for look in read.looks():
            yield TaggedOutput("look", look)
        for found in read.boxes.items():
            yield TaggedOutput("boxes", found)

    def finish(self) -> Iterator[Any]:
        return self.placing.finish()


def _sample(rows: pa.RecordBatch, chosen: Any) -> pa.RecordBatch:
    taken = rows.take(pa.array(chosen))
    columns = [
        column.dictionary_decode() if pa.types.is_dictionary(column.type) else column
        for column in taken.columns
    ]
    return pa.RecordBatch.from_arrays(columns, taken.schema.names)
