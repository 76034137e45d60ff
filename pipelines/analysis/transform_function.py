"""`TransformFunction`: the transform graph of a dataset, loaded and called on raw tensors."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from math import prod
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import tensorflow as tf
import tensorflow_transform as tft

from ...transforms.serving.transform_graph import load_module
from .graph_errors import explain_failure

__all__ = ["Features", "TransformFunction", "configure_tensorflow_threads", "stored_features"]


Features: TypeAlias = "dict[str, npt.NDArray[Any] | pa.Array]"


def configure_tensorflow_threads() -> None:
    """Run each TensorFlow op on one thread, so that no sum depends on the number of cores.

    Different ops still run at the same time: with one thread for all of them, batches of different
    threads would wait for one another. Call it before TensorFlow runs its first op; afterwards it
    changes nothing and logs a warning.
    """
    try:
        tf.config.threading.set_intra_op_parallelism_threads(1)
    except RuntimeError:
        logging.getLogger(__name__).warning(
            "TensorFlow is already running with several threads an op: the last bits of floats can "
            "depend on the number of cores"
        )


class TransformFunction:
    """Transform graph, loaded from a folder of tensorflow_transform; threads can share it."""

    def __init__(self, folder: str) -> None:
        output = tft.TFTransformOutput(folder)
        self._module = load_module(output.transform_savedmodel_dir)
        self._specs = output.transformed_feature_spec()

    @property
    def outputs(self) -> Mapping[str, tf.TypeSpec]:
        """Type specs of the outputs of the graph."""
        return self._module.transform_fn.structured_outputs  # type: ignore[no-any-return]

    def has_operation(self, name: str) -> bool:
        """Return whether an operation of the graph, or of a function in it, contains the name."""
        definition = self._module.transform_fn.graph.as_graph_def()
        functions = (function.node_def for function in definition.library.function)
        return any(name in node.name for nodes in (definition.node, *functions) for node in nodes)

    def __call__(self, tensors: Mapping[str, Any]) -> Features:
        """Transform raw tensors, and return the features as `encode_examples` takes them.

        Raises:
          tf.errors.OpError: An op fails.
        """
        return stored_features(self.run(tensors), self._specs)

    def run(self, tensors: Mapping[str, Any]) -> dict[str, Any]:
        """Transform raw tensors, and return tensors; errors as in a call."""
        return dict(self._module.transform_fn(dict(tensors)))

    def specs_of(self, names: Iterable[str]) -> dict[str, Any]:
        """Return the feature specs of some outputs."""
        return {name: self._specs[name] for name in names}

    def explain(
        self, error: tf.errors.OpError, batch: pa.RecordBatch, run: Callable[[pa.RecordBatch], Any]
    ) -> str:
        """Describe on one line which op failed, and why; see `graph_errors.explain_failure`."""
        return explain_failure(error, self._module.transform_fn, batch, run)


def stored_features(tensors: Mapping[str, Any], specs: Mapping[str, Any]) -> Features:
    """Convert transformed tensors to the features of tf.Examples that `specs` parse.

    Args:
      tensors: Dense, sparse or ragged batches, by name.
      specs: Feature spec of each, from `tft.TFTransformOutput.transformed_feature_spec`.

    Returns:
      Dense tensors as arrays under their names. Sparse and ragged ones as Arrow lists under the
      keys of their specs: values, and indices or row lengths.
    """
    features: Features = {}
    for name, spec in specs.items():
        tensor = tensors[name]
        if isinstance(spec, tf.io.FixedLenFeature):
            features[name] = tensor.numpy()
        elif isinstance(spec, tf.io.RaggedFeature):
            features |= _ragged_features(tensor, spec)
        elif isinstance(spec, tf.io.SparseFeature):
            features |= _sparse_features(tensor, spec.value_key, spec.index_key)
        else:
            features |= _sparse_features(tensor, name, [])
    return features


def _sparse_features(tensor: tf.SparseTensor, value_key: str, index_keys: list[str]) -> Features:
    ordered = tf.sparse.reorder(tensor)  # row by row, as the offsets of the lists need
    rows, *indices = ordered.indices.numpy().T
    ends = np.cumsum(np.bincount(rows, minlength=int(ordered.dense_shape[0])))
    columns = dict(zip(index_keys, indices, strict=False)) | {value_key: ordered.values.numpy()}
    return {key: _lists(np.append(0, ends), values) for key, values in columns.items()}


def _ragged_features(tensor: tf.RaggedTensor, spec: tf.io.RaggedFeature) -> Features:
    features: Features = {}
    outer, *inner = (splits.numpy() for splits in tensor.nested_row_splits)
    for partition, splits in zip(spec.partitions, inner, strict=False):
        if isinstance(partition, tf.io.RaggedFeature.RowLengths):
            features[partition.key] = _lists(outer, np.diff(splits).astype(np.int64))
        outer = splits[outer]
    values = tensor.flat_values.numpy()
    size = prod(values.shape[1:])
    return features | {spec.value_key: _lists(outer * size, values.reshape(-1))}


def _lists(offsets: npt.NDArray[Any], values: npt.NDArray[Any]) -> pa.LargeListArray:
    kind = pa.large_binary() if values.dtype == object else None
    return pa.LargeListArray.from_arrays(pa.array(offsets, pa.int64()), pa.array(values, kind))
