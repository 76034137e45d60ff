"""Record source of images, with a label or boxes each; `RecordSource` says what methods do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import pyarrow as pa

from ...schemas.errors import RecipeError
from ...schemas.images import IMAGE, ImageSchema
from ...schemas.manifest import Split
from ...schemas.statistics.image_fold import ImageStatisticsFold
from ...transforms.serving.transform_graph import TransformGraph
from ..analysis.analyze import ExportGraph
from ..analysis.checked_fn import CheckedFn
from ..analysis.fused import analysis as fused
from ..config.images import Images
from ..config.input import Input
from ..config.recipe import Recipe
from ..parity.images import check_image_parity
from ..parity.tables import distinct_rows
from ..runtime import filesystem as files
from ..selection.select import check_filters
from ..shuffle.layout import ENCODED_IMAGES, ENCODED_TILES, IMAGES, KEY, TILED_IMAGES, BucketLayout
from ..shuffle.shuffle import RowSink
from .boxes.check import check_some_boxes
from .boxes.frames import FrameEvidence
from .counts import COUNTS, ImageCounts
from .ingest import FRAME, FRAME_COUNTS, NEAR, IngestImages, ScanImages
from .near_duplicates import NearDuplicateFindings, places
from .records import describe, further_outputs
from .tensors import ImageTensorAdapter
from .transform import TransformImages

__all__ = ["ImageSource"]


@dataclass(frozen=True)
class ImageSource:
    """Images, with a label or boxes each.

    Attributes:
      recipe: What is made of them.
      schema: What they have.
      prepares: Whether they are prepared, or read to be looked at only.
    """

    recipe: Recipe
    schema: ImageSchema
    prepares: bool = True

    @property
    def images(self) -> Images:
        return self.recipe.images or Images()

    @property
    def layout(self) -> BucketLayout:
        if self.images.expands:
            return ENCODED_TILES if self._unanalyzed else TILED_IMAGES
        return ENCODED_IMAGES if self._unanalyzed else IMAGES

    @cached_property
    def _unanalyzed(self) -> fused.Analysis | None:
        """The trace of the `preprocessing_fn`, where that learns nothing from the data."""
        if not self.prepares:
            return None
        checked = CheckedFn(self.recipe.name, self.recipe.preprocessing_fn)
        try:
            analysis = fused.trace(checked, self.feed.type_specs())
        except fused.NotFusable:
            return None
        return None if analysis.phases else analysis

    @property
    def feed(self) -> ImageTensorAdapter:
        return ImageTensorAdapter(self.schema)

    @property
    def statistics(self) -> ImageStatisticsFold:
        return ImageStatisticsFold(self.schema)

    def check(self, inputs: Sequence[Input]) -> None:
        check_filters(self.recipe.filters, self.schema)
        if self.recipe.split.columns:
            raise RecipeError(
                "split: images are split by their bytes, or by Images.format.group_column; got "
                f"the columns {', '.join(self.recipe.split.columns)}"
            )
        if self.images.tiling and self.schema.kind == "classification":
            raise RecipeError(
                "images: tiling is for detection: a tile of a picture need not show its class"
            )

    def scan(self, inputs: Sequence[Input]) -> ScanImages:
        return ScanImages(inputs, self.images)

    def scanned(self, element: Any) -> tuple[int, int]:
        _, _, listing = element
        size = sum(image.size_bytes for image in listing.images)
        return len(listing.images) + len(listing.rejects), size

    def read(self, place: RowSink, rejects: str, folder: str, *, in_threads: bool) -> IngestImages:
        graph = ExportGraph(self._unanalyzed, folder) if self._unanalyzed else None
        checks_boxes = self.prepares and self.schema.kind == "detection"
        return IngestImages(
            self.recipe, self.schema, self.images, place, rejects, in_threads, graph, checks_boxes
        )

    def transform(self, directory: str) -> TransformImages:
        pressed = self._unanalyzed is not None
        return TransformImages(self.schema, self.images, self.recipe.seed, directory, pressed)

    def finish(
        self,
        folder: str,
        samples: Mapping[str, pa.RecordBatch],
        splits: Mapping[str, Split],
        findings: Iterable[tuple[str, Any]],
    ) -> dict[str, Any]:
        found = list(findings)
        counts = self._counts(found, splits)
        (near,) = (value for name, value in found if name == NEAR)
        describe(folder, schema=self.schema)
        if self.schema.kind == "detection":
            path = files.join(folder, "label_map.pbtxt")
            files.write_bytes(path, self.schema.label_map().encode())
        written = {
            split: _written(sample, split, near, distinct=self.recipe.distinct)
            for split, sample in samples.items()
        }
        parity = check_image_parity(
            folder,
            written,
            {name: split.shards for name, split in splits.items()},
            schema=self.schema,
            images=self.images,
            seed=self.recipe.seed,
            compression=self.recipe.compression,
        )
        told = self._told(folder, found, near)
        told["counts"] = {split: one.as_json(self.schema) for split, one in counts.items()}
        return {"parity": parity, "images": told}

    def _counts(
        self, findings: Sequence[tuple[str, Any]], splits: Iterable[str]
    ) -> dict[str, ImageCounts]:
        """Add up what is in each split; DataError where one has lost all of its boxes."""
        counts = {split: ImageCounts() for split in splits}
        for name, value in findings:
            if name == COUNTS:
                split, some = value
                counts[split] += some
        if self.schema.kind == "detection":
            boxes = {split: (one.images, one.boxes) for split, one in counts.items()}
            check_some_boxes(boxes, images=self.images)
        return counts

    def _told(
        self, folder: str, findings: Sequence[tuple[str, Any]], near: NearDuplicateFindings
    ) -> dict[str, Any]:
        """What the manifest says of images."""
        outputs = TransformGraph(files.join(folder, "transform_fn")).outputs
        height, width = outputs[IMAGE].shape[1:3]
        if self.images.tiling:
            height = width = self.images.tiling.size
        formats: Counter[str] = Counter()
        converted: Counter[str] = Counter()
        for name, value in findings:
            if name == "formats":
                formats += value[0]
                converted += value[1]
        return {
            "kind": self.schema.kind,
            "classes": list(self.schema.classes),
            "storage": self.images.storage,
            "height": height,
            "width": width,
            "further": sorted(further_outputs(outputs)),
            "formats": dict(sorted(formats.items())),
            "converted_by_pillow": dict(sorted(converted.items())),
            "without_end_marker": sum(
                value for name, value in findings if name == "without_end_marker"
            ),
            "unannotated": sum(value for name, value in findings if name == "unannotated"),
            "near_duplicates": asdict(near.found) | {"dropped": len(near.dropped)},
            **self._frame_told(findings),
        }

    def _frame_told(self, findings: Sequence[tuple[str, Any]]) -> dict[str, Any]:
        """What the manifest says of the frame of boxes; nothing where images have a label."""
        if self.schema.kind == "classification":
            return {}
        (frame,) = (value for name, value in findings if name == FRAME)
        evidence = FrameEvidence.sum(value for name, value in findings if name == FRAME_COUNTS)
        return {"box_frame": asdict(frame) | evidence.counts()}


def _written(
    sample: pa.RecordBatch, split: str, near: NearDuplicateFindings, *, distinct: bool
) -> pa.RecordBatch:
    """The rows of a sample that were not left out, without their keys."""
    if distinct:
        sample = distinct_rows(sample, IMAGES.equal)
    kept = [place not in near.dropped for place in places(split, sample)]
    return sample.filter(pa.array(kept, pa.bool_())).drop_columns(list(KEY))
