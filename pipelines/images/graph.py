"""`ImageGraph`: runs rows of encoded images through the transform graph of a dataset."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import tensorflow as tf

from ...schemas.errors import DataError, RecipeError
from ...schemas.images import BOXES, IMAGE, LABEL, ImageSchema
from ...transforms._ops.jpeg import GUARD
from ...transforms.dataset.image_records import CLASSES
from ..analysis.transform_function import TransformFunction, stored_features
from .records import ImageOrigin, further_outputs
from .tiles import Pixels, SourcePicture

__all__ = ["ImageGraph", "GraphOutput"]


@dataclass(frozen=True)
class GraphOutput:
    """Outputs of the graph for an image: the picture, and the fields of its records.

    Attributes:
      picture: Pixels and boxes.
      origin: Name and labels of the image.
    """

    picture: SourcePicture
    origin: ImageOrigin


class ImageGraph:
    """Transform graph of a dataset of images; threads can share it.

    Args:
      folder: Folder with `transform_fn` and `transformed_metadata`.
      schema: Schema of the images.

    Attributes:
      refuses_cut_jpegs: Whether the graph fails on a JPEG that lacks the data of its last pixels.

    Raises:
      RecipeError: The `preprocessing_fn` returns no pixels, or lacks an output of the records.
    """

    def __init__(self, folder: str, schema: ImageSchema) -> None:
        self._function = TransformFunction(folder)
        self._schema = schema
        self._check(self._function.outputs)
        self.refuses_cut_jpegs = self._function.has_operation(GUARD)

    def __call__(
        self, rows: pa.RecordBatch, tensors: Mapping[str, Any]
    ) -> tuple[list[GraphOutput], dict[str, Any]]:
        """Return the pictures of the images of some rows, and the further outputs of the graph."""
        outputs = self._function.run(tensors)
        count = int(outputs[IMAGE].shape[0])
        if count != rows.num_rows:
            raise DataError(
                f'feature "{IMAGE}": expected an image for each of {rows.num_rows:,} rows, got '
                f"{count:,}; the preprocessing_fn must keep the rows as they are"
            )
        further = {name: outputs[name] for name in further_outputs(outputs)}
        images = [
            GraphOutput(
                SourcePicture(pixels, boxes, (int(sha256[:16], 16), int(sha256[16:32], 16))),
                ImageOrigin(filename, label, classes),
            )
            for pixels, boxes, sha256, filename, label, classes in zip(
                _pixels(outputs[IMAGE]),
                self._boxes(outputs, count),
                rows.column("sha256").to_pylist(),
                rows.column("filename").to_pylist(),
                self._labels(outputs, count),
                self._classes(outputs, count),
                strict=True,
            )
        ]
        return images, stored_features(further, self._function.specs_of(further))

    def explain(self, error: tf.errors.OpError, rows: pa.RecordBatch, run: Any) -> str:
        """Describe on one line which op failed, and why; see `graph_errors.explain_failure`."""
        return self._function.explain(error, rows, run)

    def _boxes(self, outputs: Mapping[str, Any], count: int) -> list[Any]:
        if self._schema.kind == "classification":
            return [None] * count
        return [boxes.numpy().reshape(-1, 4) for boxes in outputs[BOXES]]

    def _labels(self, outputs: Mapping[str, Any], count: int) -> list[int | None]:
        if self._schema.kind == "detection":
            return [None] * count
        return [int(label) for label in outputs[LABEL].numpy()]

    def _classes(self, outputs: Mapping[str, Any], count: int) -> list[npt.NDArray[np.int64]]:
        if self._schema.kind == "classification":
            return [np.zeros(0, np.int64)] * count
        return [classes.numpy() for classes in outputs[CLASSES]]

    def _check(self, outputs: Mapping[str, tf.TypeSpec]) -> None:
        wanted = {IMAGE: tf.uint8}
        if self._schema.kind == "classification":
            wanted[LABEL] = tf.int64
        else:
            wanted |= {BOXES: tf.float32, CLASSES: tf.int64}
        for name, dtype in wanted.items():
            got = outputs[name].dtype.name if name in outputs else "no such output"
            if got != dtype.name:
                raise RecipeError(
                    f"the preprocessing_fn of a dataset of images for {self._schema.kind} gives "
                    f'"{name}" of {dtype.name}; this one has {got}'
                )


def _pixels(images: tf.Tensor | tf.RaggedTensor) -> Iterable[Pixels]:
    """Return the pixels of each image, uint8 [height, width, 3]."""
    if isinstance(images, tf.RaggedTensor):
        return (image.to_tensor().numpy() for image in images)
    return images.numpy()  # type: ignore[no-any-return]
