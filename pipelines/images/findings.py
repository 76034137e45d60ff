"""`ImageFindings`: facts about the images that a run read, for the manifest."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any

from .boxes.frames import BoxFrame, FrameEvidence
from .near_duplicates import NearDuplicateFindings

__all__ = ["ImageFindings"]


@dataclass(frozen=True)
class ImageFindings:
    """Facts about the images that were read, of all splits together.

    Attributes:
      formats: Number of images of each format.
      converted: Number of images of each format that Pillow decoded, since TensorFlow cannot.
      without_end_marker: Number of JPEGs that lack nothing but their end marker.
      unannotated: Number of image files that no annotation names.
      near_duplicates: Pictures that look the same, and those to drop.
      frame: Frame of the boxes.
      frame_evidence: What turned photos show about that frame.
    """

    formats: Counter[str]
    converted: Counter[str]
    without_end_marker: int
    unannotated: int
    near_duplicates: NearDuplicateFindings
    frame: BoxFrame
    frame_evidence: FrameEvidence

    def to_json(self, *, boxes: bool) -> dict[str, Any]:
        """Return the fields of `Manifest.images`; the frame only where images have boxes."""
        near = self.near_duplicates
        fields: dict[str, Any] = {
            "formats": dict(sorted(self.formats.items())),
            "converted_by_pillow": dict(sorted(self.converted.items())),
            "without_end_marker": self.without_end_marker,
            "unannotated": self.unannotated,
            "near_duplicates": asdict(near.summary) | {"dropped": len(near.dropped)},
        }
        if boxes:
            fields["box_frame"] = asdict(self.frame) | self.frame_evidence.counts()
        return fields
