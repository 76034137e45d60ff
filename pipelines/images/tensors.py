"""`ImageTensorAdapter`: converts rows of images to raw tensors, as of a served request."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
import tensorflow as tf

from ...schemas.images import BOX_LABELS, BOXES, IMAGE, ImageSchema
from ...schemas.schema import Schema
from ..analysis.tensors import SchemaTensorAdapter

__all__ = ["ImageTensorAdapter"]


@dataclass(frozen=True)
class ImageTensorAdapter:
    """Adapter of `image`, `label` or `boxes` and `box_labels`, and the further columns.

    Attributes:
      schema: Schema of the rows.
    """

    schema: ImageSchema

    def setup(self) -> None:
        """Do nothing: all of it pickles."""

    @cached_property
    def _scalars(self) -> SchemaTensorAdapter | None:
        label = (self.schema.label,) if self.schema.label else ()
        columns = (*label, *self.schema.further)
        return SchemaTensorAdapter(Schema(columns)) if columns else None

    def type_specs(self) -> dict[str, tf.TypeSpec]:
        """Return the specs: string [None] for images, ragged float32 [None, None, 4] for boxes."""
        specs: dict[str, tf.TypeSpec] = {IMAGE: tf.TensorSpec([None], tf.string)}
        if self._scalars:
            specs |= self._scalars.type_specs()
        if self.schema.kind == "detection":
            specs[BOXES] = tf.RaggedTensorSpec([None, None, 4], tf.float32, ragged_rank=1)
            specs[BOX_LABELS] = tf.RaggedTensorSpec([None, None], tf.string, ragged_rank=1)
        return specs

    def __call__(self, batch: pa.RecordBatch) -> dict[str, tf.Tensor]:
        """Convert rows of `ImageSchema.arrow_schema()`."""
        encoded = batch.column(IMAGE).to_numpy(zero_copy_only=False)
        tensors = {IMAGE: tf.constant(encoded, tf.string)}
        if self._scalars:
            tensors |= self._scalars(batch)
        if self.schema.kind == "detection":
            boxes, labels = batch.column(BOXES), batch.column(BOX_LABELS)
            flat = boxes.flatten().flatten().to_numpy().reshape(-1, 4)
            names = labels.flatten().cast(pa.binary()).to_numpy(zero_copy_only=False)
            tensors[BOXES] = _ragged(tf.constant(flat, tf.float32), boxes)
            tensors[BOX_LABELS] = _ragged(tf.constant(names, tf.string), labels)
        return tensors


def _ragged(values: tf.Tensor, lists: pa.ListArray) -> tf.RaggedTensor:
    lengths = lists.value_lengths().to_numpy().astype(np.int64)
    return tf.RaggedTensor.from_row_lengths(values, lengths)
