"""Reads the headers of photos with boxes, to decide the frame of the boxes before they are read.

    listed | "FindFrame" >> FindBoxFrame(...)    PCollection[(place, Input, Listing)] -> BoxFrame

A chunk becomes a few numbers and names, which add up, so that no worker holds more than its own.
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
"""Bytes that nearly always hold all of a JPEG that stands before its pixels."""


@dataclass
class FindBoxFrame(beam.PTransform):  # type: ignore[misc]
    """PCollection[(place, Input, Listing)] -> PCollection[BoxFrame], one.

    Attributes:
      images: What the recipe says of them.
      in_threads: Whether a pool of threads reads the headers.
    """

    images: Images
    in_threads: bool

    def expand(
        self, listed: beam.PCollection[tuple[int, Input, Listing]]
    ) -> beam.PCollection[BoxFrame]:
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
    """The work: Chunk -> FrameEvidence."""

    limits: ImageLimits

    def __call__(self, chunk: Chunk) -> Iterator[FrameEvidence]:
        yield FrameEvidence.sum(_evidence(ref, self.limits) for ref in chunk.images if ref.boxes)


def _evidence(ref: ImageRef, limits: ImageLimits) -> FrameEvidence:
    """Return what a photo shows; nothing where it cannot be read, which is seen again later."""
    try:
        size, orientation = read_header(_head(ref, limits), limits=limits)
    except BadImage:
        return FrameEvidence()
    return evidence_of(ref, size, orientation)


def _head(ref: ImageRef, limits: ImageLimits) -> bytes:
    """The bytes of a file up to its pixels; all of them where other formats may need them."""
    with files.read(ref.path) as file:
        head: bytes = file.read(min(_HEAD, limits.max_bytes))
        return head if has_scan(head) else head + file.read(limits.max_bytes - len(head))
