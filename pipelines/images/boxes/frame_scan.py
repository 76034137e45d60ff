"""Decide the frame of boxes by the headers of their photos, before the photos are read.

    listed | "FindFrame" >> FindBoxFrame(...)    PCollection[(index, Input, Listing)] -> BoxFrame

Each chunk becomes a few numbers and names that add up, so memory does not grow with the dataset.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import apache_beam as beam

from ...config.image_limits import ImageLimits
from ...config.images import Images
from ...config.input import Input
from ...runtime import filesystem as files
from ...runtime.thread_pool import ElementFn, SerialDoFn, ThreadedDoFn
from ..annotations.refs import ImageRef, Listing
from ..check import BadImage, read_header
from ..chunks import Chunk, chunks
from ..jpeg import has_scan
from .frames import BoxFrame, FrameEvidence, decide_frame, evidence_of

__all__ = ["FindBoxFrame"]

_HEAD = 1 << 18
"""Number of bytes that nearly always contains all headers of a JPEG."""


@dataclass
class FindBoxFrame(beam.PTransform):  # type: ignore[misc]
    """PCollection[(index, Input, Listing)] -> PCollection[BoxFrame], of one element.

    Attributes:
      images: Image settings of the recipe.
      in_threads: Whether to read the headers in a pool of threads.
    """

    images: Images
    in_threads: bool

    def expand(
        self, listed: beam.PCollection[tuple[int, Input, Listing]]
    ) -> beam.PCollection[BoxFrame]:
        """Take the frame from the recipe, or else from the headers."""
        frame = self.images.format.frame
        if frame != "auto":
            return listed.pipeline | "Given" >> beam.Create([BoxFrame(frame, "recipe")])
        work = _ReadHeaders(self.images.limits)
        return (
            listed
            | "Chunk" >> beam.FlatMapTuple(chunks)
            | "SpreadChunks" >> beam.Reshuffle()
            | "ReadHeaders"
            >> beam.ParDo(ThreadedDoFn(work) if self.in_threads else SerialDoFn(work))
            | "AddUp" >> beam.CombineGlobally(FrameEvidence.sum)
            | "Decide" >> beam.Map(decide_frame)
        )


@dataclass
class _ReadHeaders(ElementFn):
    """ElementFn: Chunk -> FrameEvidence."""

    limits: ImageLimits

    def __call__(self, chunk: Chunk) -> Iterator[FrameEvidence]:
        yield FrameEvidence.sum(_evidence(ref, self.limits) for ref in chunk.images if ref.boxes)


def _evidence(ref: ImageRef, limits: ImageLimits) -> FrameEvidence:
    """Return the evidence of a photo; none for a bad file, which is rejected later."""
    try:
        size, orientation = read_header(_head(ref, limits), limits=limits)
    except BadImage:
        return FrameEvidence()
    return evidence_of(ref, size, orientation)


def _head(ref: ImageRef, limits: ImageLimits) -> bytes:
    """Read a file up to its pixels; all of it where a format may have its header elsewhere."""
    with files.read(ref.path) as file:
        head: bytes = file.read(min(_HEAD, limits.max_bytes))
        return head if has_scan(head) else head + file.read(limits.max_bytes - len(head))
