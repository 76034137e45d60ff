"""Record source of images, with a label or boxes each; `RecordSource` documents the methods."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import apache_beam as beam
import pyarrow as pa

from ...schemas.errors import RecipeError
from ...schemas.images import IMAGE, ImageSchema
from ...schemas.manifest import Split
from ...schemas.statistics.image_fold import ImageStatisticsFold
from ...transforms.serving.transform_graph import TransformGraph
from ..analysis.analyze import ExportGraph
from ..analysis.checked_fn import CheckedFn
from ..analysis.traced_fn import trace_fn
from ..config.images import Images
from ..config.input import Input
from ..config.recipe import Recipe
from ..dataset.run_outputs import ManifestExtras, RunOutputs
from ..parity.images import check_image_parity
from ..parity.tables import distinct_rows
from ..runtime import filesystem as files
from ..selection.select import check_filters
from ..shuffle.layout import ENCODED_IMAGES, ENCODED_TILES, IMAGES, KEY, TILED_IMAGES, BucketLayout
from ..shuffle.shuffle import RowSink
from ..stage_types import Plan
from .annotations.refs import Listing
from .boxes.check import check_some_boxes
from .counts import ImageCounts
from .ingest import IngestImages, ScanImages
from .near_duplicates import NearDuplicateFindings, image_ids
from .records import describe, further_outputs
from .tensors import ImageTensorAdapter
from .transform import TransformImages

__all__ = ["ImageSource"]


@dataclass(frozen=True)
class ImageSource:
    """Images, with a label or boxes each.

    Attributes:
      recipe: Settings of the dataset.
      schema: Schema of the images, `recipe.schema`.
    """

    recipe: Recipe
    schema: ImageSchema

    @property
    def images(self) -> Images:
        """Settings of the images."""
        return self.recipe.images or Images()

    @property
    def layout(self) -> BucketLayout:
        """Sizes of buckets and batches of rows that contain the bytes of images."""
        return TILED_IMAGES if self.images.expands else IMAGES

    @property
    def statistics(self) -> ImageStatisticsFold:
        """Fold that profiles every column, and the pictures."""
        return ImageStatisticsFold(self.schema)

    def check_inputs(self, inputs: Sequence[Input]) -> None:
        """Check filters, and settings that images do not take."""
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

    def plan(self) -> Plan:
        """Trace the `preprocessing_fn`; where it learns nothing, images are encoded when read."""
        function = CheckedFn(self.recipe.name, self.recipe.preprocessing_fn)
        traced = trace_fn(function, ImageTensorAdapter(self.schema))
        layout = self.layout
        if traced.constant:
            layout = ENCODED_TILES if self.images.expands else ENCODED_IMAGES
        return Plan(traced, layout)

    def scan(self, inputs: Sequence[Input]) -> ScanImages:
        """Return the stage PBegin -> PCollection[(index, Input, Listing)]."""
        return ScanImages(inputs, self.images)

    def scan_size(self, element: tuple[int, Input, Listing]) -> tuple[int, int]:
        """Return the number of images and rejects of an input, and the bytes of the images."""
        _, _, listing = element
        size = sum(image.size_bytes for image in listing.images)
        return len(listing.images) + len(listing.rejects), size

    def ingest(
        self,
        plan: Plan | None,
        sink: RowSink,
        *,
        rejects: str,
        graph_folder: str = "",
        in_threads: bool = True,
    ) -> IngestImages:
        """Return the stage PCollection[(index, Input, Listing)] -> `IngestResult`."""
        constant = plan.traced.constant if plan else None
        return IngestImages(
            self.schema,
            self.images,
            self.recipe.selection,
            sink,
            rejects,
            in_threads,
            graph=ExportGraph(constant, graph_folder) if constant else None,
            checks_boxes=plan is not None and self.schema.kind == "detection",
        )

    def transform(
        self, plan: Plan, transform_fn: beam.PCollection[str], folder: str
    ) -> TransformImages:
        """Return the stage PCollection[Bucket] -> `TransformResult`."""
        return TransformImages(
            self.schema,
            self.images,
            self.recipe.seed,
            transform_fn,
            folder,
            encoded=plan.traced.constant is not None,
        )

    def describe_and_check(
        self, folder: str, outputs: RunOutputs, splits: Mapping[str, Split]
    ) -> ManifestExtras:
        """Write the schema of the records and the label map, and check parity of sampled images."""
        findings = outputs.image_findings
        assert findings is not None
        counts = self._counts(outputs.image_counts, splits)
        describe(folder, schema=self.schema)
        if self.schema.kind == "detection":
            path = files.join(folder, "label_map.pbtxt")
            files.write_bytes(path, self.schema.label_map().encode())
        samples = {
            split: _written(sample, split, findings.near_duplicates, distinct=self.recipe.distinct)
            for split, sample in outputs.samples.items()
        }
        parity = check_image_parity(
            folder,
            samples,
            {name: split.shards for name, split in splits.items()},
            schema=self.schema,
            images=self.images,
            seed=self.recipe.seed,
            compression=self.recipe.compression,
        )
        images = {
            **self._storage(folder),
            **findings.to_json(boxes=self.schema.kind == "detection"),
            "counts": {split: count.as_json(self.schema) for split, count in counts.items()},
        }
        return ManifestExtras(parity, images)

    def _counts(
        self, parts: Sequence[tuple[str, ImageCounts]], splits: Iterable[str]
    ) -> dict[str, ImageCounts]:
        """Sum the counts of each split; DataError where one has lost all of its boxes."""
        counts = {split: ImageCounts() for split in splits}
        for split, part in parts:
            counts[split] += part
        if self.schema.kind == "detection":
            boxes = {split: (count.images, count.boxes) for split, count in counts.items()}
            check_some_boxes(boxes, images=self.images)
        return counts

    def _storage(self, folder: str) -> dict[str, Any]:
        """Return the fields of `Manifest.images` about classes and stored pixels."""
        outputs = TransformGraph(files.join(folder, "transform_fn")).outputs
        height, width = outputs[IMAGE].shape[1:3]
        if self.images.tiling:
            height = width = self.images.tiling.size
        return {
            "kind": self.schema.kind,
            "classes": list(self.schema.classes),
            "storage": self.images.storage,
            "height": height,
            "width": width,
            "further": sorted(further_outputs(outputs)),
        }


def _written(
    sample: pa.RecordBatch, split: str, near: NearDuplicateFindings, *, distinct: bool
) -> pa.RecordBatch:
    """Return the rows of a sample that were written, without their keys."""
    if distinct:
        sample = distinct_rows(sample, IMAGES.equal)
    mask = [image not in near.dropped for image in image_ids(split, sample)]
    return sample.filter(pa.array(mask, pa.bool_())).drop_columns(list(KEY))
