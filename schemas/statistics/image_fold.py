"""`ImageStatisticsFold`: statistics of images and boxes in one pass, in bounded memory.

Images and boxes are two tables, with one row an image and one row a box, and each has the
statistics of a table (`recordmill.schemas.statistics.fold` says which are exact). So a statistic of
boxes counts boxes; only its "missing" and "non-missing" count images, without and with a box.

    of every image   image/format, image/width, image/height, image/aspect_ratio (width / height),
                     image/bytes, image/brightness, image/contrast, image/mean_red,
                     image/mean_green, image/mean_blue, the further columns of the schema, and
                     label or image/boxes (the number of boxes)
    of every box     box/height, box/width, box/area (relative to the image), box/class
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, cast

import pyarrow as pa
import pyarrow.compute as pc

from ..column import Column
from ..images import BOX_LABELS, BOXES, ImageSchema
from ..schema import Schema
from .columns import Numbers
from .fold import Profile, StatisticsFold

if TYPE_CHECKING:
    from tensorflow_metadata.proto.v0 import statistics_pb2

__all__ = ["ImageProfile", "ImageStatisticsFold"]

_UNPROFILED = ("filename", "sha256")
"""Columns without statistics, since they differ from image to image."""

_ASPECT_RATIO = Column("image/aspect_ratio", "float32", "width / height")
_BOX_COUNT = Column("image/boxes", "int64", "number of boxes in the image")
_BOX_SCHEMA = Schema(
    (
        Column("box/height", "float32", "relative to the image's"),
        Column("box/width", "float32", "relative to the image's"),
        Column("box/area", "float32", "relative to the image's"),
        Column("box/class", "string"),
    )
)


@dataclass
class ImageProfile:
    """Statistics of images.

    Attributes:
      images: Profile with one row an image.
      boxes: Profile with one row a box; empty for classification.
    """

    images: Profile
    boxes: Profile

    @property
    def rows(self) -> int:
        """The number of images."""
        return self.images.rows


@dataclass(frozen=True)
class ImageStatisticsFold:
    """Fold of images into an `ImageProfile`; a `recordmill.pipelines.runtime.elements.Fold`.

    As with `StatisticsFold`, exact numbers depend only on the images, and the others also on the
    sequence of batches and merges.

    Attributes:
      schema: Schema of the rows, which may lack the column of the encoded image.
    """

    schema: ImageSchema

    def setup(self) -> None:
        """Do nothing: there is nothing to load."""

    def start(self) -> ImageProfile:
        """Return the profile of no images."""
        return ImageProfile(self._images.start(), _BOXES_FOLD.start())

    def add(self, accumulator: ImageProfile, batch: pa.RecordBatch) -> ImageProfile:
        """Add a batch of `ImageSchema.arrow_schema()`; change and return the profile."""
        self._images.add(accumulator.images, self._image_rows(batch))
        if self.schema.kind == "detection":
            _BOXES_FOLD.add(accumulator.boxes, _box_rows(batch))
        return accumulator

    def merge(self, accumulators: list[ImageProfile]) -> ImageProfile:
        """Merge profiles into a new one; the accumulators are unchanged."""
        return ImageProfile(
            self._images.merge([accumulator.images for accumulator in accumulators]),
            _BOXES_FOLD.merge([accumulator.boxes for accumulator in accumulators]),
        )

    def unseen(self, profile: ImageProfile, training: ImageProfile) -> dict[str, int | None]:
        """Count the images of each string column whose value training lacks.

        Returns:
          The number of images by column, and of boxes for "box/class"; None where either profile
          has too many distinct values to list them all.
        """
        unseen = self._images.unseen(profile.images, training.images)
        if self.schema.kind == "detection":
            unseen |= _BOXES_FOLD.unseen(profile.boxes, training.boxes)
        return unseen

    def to_proto(
        self, profiles: Mapping[str, ImageProfile]
    ) -> statistics_pb2.DatasetFeatureStatisticsList:
        """Return the statistics as TensorFlow Data Validation and Facets read them.

        Args:
          profiles: Profiles by the name of the split.

        Returns:
          One dataset a split, in the order of `profiles`, with the name of the split; in it the
          features that this module lists, in that order. See `recordmill.schemas.statistics.proto`
          for their `custom_stats`.
        """
        proto = self._images.to_proto({name: profiles[name].images for name in profiles})
        if self.schema.kind == "detection":
            box_proto = _BOXES_FOLD.to_proto({name: profiles[name].boxes for name in profiles})
            splits = zip(proto.datasets, box_proto.datasets, profiles.values(), strict=True)
            for dataset, box_dataset, profile in splits:
                box_counts = cast(Numbers, profile.images.columns[-1])  # image/boxes
                for feature in box_dataset.features:
                    _count_images(feature, box_counts)
                dataset.features.extend(box_dataset.features)
        return proto

    @cached_property
    def _images(self) -> StatisticsFold:
        facts = [Column(name, self.schema[source].type) for name, source in self._sources.items()]
        counts = (_BOX_COUNT,) if self.schema.kind == "detection" else ()
        return StatisticsFold(Schema((*facts, _ASPECT_RATIO, *counts)))

    @cached_property
    def _sources(self) -> dict[str, str]:
        """The column of the rows by the name that it has in the statistics."""
        annotated = {column.name for column in (self.schema.label, *self.schema.further) if column}
        return {
            name if name in annotated else f"image/{name}": name
            for name in self.schema.names
            if name not in _UNPROFILED
        }

    def _image_rows(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        columns = {name: batch.column(source) for name, source in self._sources.items()}
        width, height = (batch.column(name).cast(pa.float64()) for name in ("width", "height"))
        columns[_ASPECT_RATIO.name] = pc.divide(width, height).cast(pa.float32())
        if self.schema.kind == "detection":
            counts = pc.list_value_length(batch.column(BOXES)).fill_null(0)
            columns[_BOX_COUNT.name] = counts.cast(pa.int64())
        return pa.RecordBatch.from_pydict(columns)


_BOXES_FOLD = StatisticsFold(_BOX_SCHEMA)


def _box_rows(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Return the boxes of all images, one row a box."""
    sides = batch.column(BOXES).flatten().flatten().to_numpy().reshape(-1, 4)
    height, width = sides[:, 2] - sides[:, 0], sides[:, 3] - sides[:, 1]
    labels = batch.column(BOX_LABELS).flatten()
    columns = [height, width, height * width, labels.dictionary_encode()]
    return pa.RecordBatch.from_arrays(list(map(pa.array, columns)), names=list(_BOX_SCHEMA.names))


def _count_images(feature: statistics_pb2.FeatureNameStatistics, boxes: Numbers) -> None:
    """Set the counts of images in the statistics of a feature of boxes, which counts boxes alone.

    Args:
      feature: Feature of the boxes, which is changed.
      boxes: Number of boxes of each image.
    """
    common = getattr(feature, feature.WhichOneof("stats") or "").common_stats
    numbers, images = boxes.points()
    positive = numbers > 0
    common.num_non_missing = int(images[positive].sum())
    common.num_missing = int(images[~positive].sum())
    common.ClearField("num_values_histogram")  # image/boxes has it
    if common.num_non_missing:
        common.min_num_values, common.max_num_values = int(numbers[positive][0]), int(numbers[-1])
        common.avg_num_values = common.tot_num_values / common.num_non_missing
