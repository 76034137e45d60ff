"""`SchemaTensorAdapter`: converts clean Arrow rows to the raw tensors of a `preprocessing_fn`.

Numbers are views of Arrow's buffers. Of strings TensorFlow gets the dictionary, a few values, and
gathers them by their indices, so that rows cost no Python objects.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import tensorflow as tf

from ...schemas.column import Column
from ...schemas.schema import Schema

if TYPE_CHECKING:
    from tfx_bsl.tfxio.tensor_adapter import TensorAdapterConfig

__all__ = ["SchemaTensorAdapter"]


@dataclass(frozen=True)
class SchemaTensorAdapter:
    """Adapter of the columns of `schema.inputs`: dense, with the missing values of `Column`.

    Attributes:
      schema: Schema of the rows, whose columns are scalars.
    """

    schema: Schema

    def setup(self) -> None:
        """Do nothing: all of it pickles."""

    def type_specs(self) -> dict[str, tf.TensorSpec]:
        """Return the spec of each column's tensor: [None], int64, float32 or string."""
        return {
            column.name: tf.TensorSpec([None, *column.shape], column.type)
            for column in self.schema.inputs
        }

    def __call__(self, batch: pa.RecordBatch) -> dict[str, tf.Tensor]:
        """Return a tensor [rows] of each column; null becomes the missing value."""
        return {
            column.name: _tensor(column, batch.column(column.name)) for column in self.schema.inputs
        }

    def tensor_adapter_config(self) -> TensorAdapterConfig:
        """Return the config with which tfx_bsl's TensorAdapter reads batches of `to_arrow`."""
        from tensorflow_metadata.proto.v0.schema_pb2 import TensorRepresentation
        from tfx_bsl.tfxio.tensor_adapter import TensorAdapterConfig

        empty = pa.RecordBatch.from_pylist([], schema=self.schema.arrow_schema())
        dense = {
            column.name: TensorRepresentation(
                dense_tensor={"column_name": column.name, "shape": {}}
            )
            for column in self.schema.inputs
        }
        return TensorAdapterConfig(self.to_arrow(empty).schema, dense)

    def to_arrow(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Convert rows of `Schema.arrow_schema()` to the form that tensorflow_transform takes.

        Returns:
          The columns of `schema.inputs` as lists of one int64, float32 or binary value each; for
          null the missing value.
        """
        lists = {}
        for column in self.schema.inputs:
            values = _decoded(batch.column(column.name)).fill_null(column.missing_value)
            if column.type == "string":
                values = values.cast(pa.binary())
            offsets = np.arange(batch.num_rows + 1, dtype=np.int32)
            lists[column.name] = pa.ListArray.from_arrays(offsets, values)
        return pa.RecordBatch.from_pydict(lists)


def _decoded(array: pa.Array) -> pa.Array:
    return array.dictionary_decode() if pa.types.is_dictionary(array.type) else array


def _tensor(column: Column, array: pa.Array) -> tf.Tensor:
    if column.type == "string":
        return _strings(array)
    return tf.constant(pc.fill_null(array, column.missing_value).to_numpy())


def _strings(array: pa.DictionaryArray) -> tf.Tensor:
    """Convert strings: gather them from the dictionary, or copy each where it is the larger."""
    if len(array.dictionary) > len(array):
        text = array.dictionary_decode().fill_null("")
        return tf.constant(_objects(text), tf.string)
    values = tf.constant([*_objects(array.dictionary), b""], tf.string)
    missing = len(array.dictionary)
    return tf.gather(values, array.indices.fill_null(missing).to_numpy())


def _objects(text: pa.StringArray) -> np.ndarray[tuple[int], np.dtype[np.object_]]:
    return text.cast(pa.binary()).to_numpy(zero_copy_only=False)  # type: ignore[no-any-return]
