"""`ImageStatisticsFold`: what a pass over the images tells of them, in bounded memory.

Images and boxes are two tables: of one row an image, and of one row a box. Both are profiled as
any other table is (`recordmill.schemas.statistics.fold` says what is exact), so a statistic of
boxes counts boxes; only what it has "missing" and "non-missing" are images, without and with a box.

    of every image   image/format, image/width, image/height, image/aspect_ratio (width / height),
                     image/bytes, image/brightness, image/contrast, image/mean_red,
                     image/mean_green, image/mean_blue, the further columns of the schema, and
                     label or image/boxes (how many it has)
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
"""These differ from image to image."""

_ASPECT_RATIO = Column("image/aspect_ratio", "float32", "width / height")
_BOX_COUNT = Column("image/boxes", "int64", "how many boxes the image has")
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
    """What was found in some images.

    Attributes:
      images: A row is an image.
      boxes: A row is a box; there are none in a dataset of labels.
    """

    images: Profile
    boxes: Profile

    @property
    def rows(self) -> int:
        """How many images there were."""
        return self.images.rows


@dataclass(frozen=True)
class ImageStatisticsFold:
    """Folds rows of images into an `ImageProfile`; a `recordmill.pipelines.runtime.elements.Fold`.

    As with `StatisticsFold`, exact numbers depend on the images alone, and the others on the
    sequence of batches and merges too.

    Attributes:
      schema: What the rows have. The encoded image need not be among their columns.
    """

    schema: ImageSchema

    def setup(self) -> None:
        """Do nothing: there is nothing to load."""

    def start(self) -> ImageProfile:
        """The profile of no images."""
        return ImageProfile(self._images.start(), _BOXES_FOLD.start())

    def add(self, accumulator: ImageProfile, batch: pa.RecordBatch) -> ImageProfile:
        """Add a batch of `ImageSchema.arrow_schema()` to the profile, which is changed."""
        self._images.add(accumulator.images, self._image_rows(batch))
        if self.schema.kind == "detection":
            _BOXES_FOLD.add(accumulator.boxes, _box_rows(batch))
        return accumulator

    def merge(self, accumulators: list[ImageProfile]) -> ImageProfile:
        """A new profile of all the images; the given ones stay as they are."""
        return ImageProfile(
            self._images.merge([accumulator.images for accumulator in accumulators]),
            _BOXES_FOLD.merge([accumulator.boxes for accumulator in accumulators]),
        )

    def unseen(self, profile: ImageProfile, training: ImageProfile) -> dict[str, int | None]:
        """How many values of each text column were never seen in training.

        Returns:
          The number of images, and for "box/class" of boxes; None where one of the two has too
          many different values to know them all.
        """
        unseen = self._images.unseen(profile.images, training.images)
        if self.schema.kind == "detection":
            unseen |= _BOXES_FOLD.unseen(profile.boxes, training.boxes)
        return unseen

    def to_proto(
        self, profiles: Mapping[str, ImageProfile]
    ) -> statistics_pb2.DatasetFeatureStatisticsList:
        """The statistics as TensorFlow Data Validation and Facets read them.

        Args:
          profiles: The profile of each split, by the split's name.

        Returns:
          One dataset a split, in the order given, named as the split; in it the features that the
          module names, in that order. See `statistics_proto` for their `custom_stats`.
        """
        proto = self._images.to_proto({name: profiles[name].images for name in profiles})
        if self.schema.kind == "detection":
            of_boxes = _BOXES_FOLD.to_proto({name: profiles[name].boxes for name in profiles})
            parts = zip(proto.datasets, of_boxes.datasets, profiles.values(), strict=True)
            for dataset, boxes, profile in parts:
                counts = cast(Numbers, profile.images.columns[-1])
                for feature in boxes.features:
                    _count_images(feature, counts)
                dataset.features.extend(boxes.features)
        return proto

    @cached_property
    def _images(self) -> StatisticsFold:
        facts = [Column(name, self.schema[source].type) for name, source in self._sources.items()]
        counts = (_BOX_COUNT,) if self.schema.kind == "detection" else ()
        return StatisticsFold(Schema((*facts, _ASPECT_RATIO, *counts)))

    @cached_property
    def _sources(self) -> dict[str, str]:
        """The columns that are profiled as they are, by the names they are given."""
        given = {column.name for column in (self.schema.label, *self.schema.further) if column}
        return {
            name if name in given else f"image/{name}": name
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
    """The boxes of all images, a row each."""
    sides = batch.column(BOXES).flatten().flatten().to_numpy().reshape(-1, 4)
    height, width = sides[:, 2] - sides[:, 0], sides[:, 3] - sides[:, 1]
    labels = batch.column(BOX_LABELS).flatten()
    columns = [height, width, height * width, labels.dictionary_encode()]
    return pa.RecordBatch.from_arrays(list(map(pa.array, columns)), names=list(_BOX_SCHEMA.names))


def _count_images(feature: statistics_pb2.FeatureNameStatistics, boxes: Numbers) -> None:
    """Says how many images have values, and how many each has: the fold of boxes knows no images.

    Args:
      feature: Of the boxes; is changed.
      boxes: How many boxes each image has.
    """
    common = getattr(feature, feature.WhichOneof("stats") or "").common_stats
    numbers, images = boxes.points()
    some = numbers > 0
    common.num_non_missing, common.num_missing = int(images[some].sum()), int(images[~some].sum())
    common.ClearField("num_values_histogram")  # image/boxes has it
    if common.num_non_missing:
        common.min_num_values, common.max_num_values = int(numbers[some][0]), int(numbers[-1])
        common.avg_num_values = common.tot_num_values / common.num_non_missing
