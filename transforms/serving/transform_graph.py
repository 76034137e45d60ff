"""`TransformGraph`: the SavedModel of a prepared dataset, with tensorflow alone.

What the graph takes and gives is read off its signature: `transformed_metadata/schema.pbtxt` says
the same, but reading that needs tensorflow_metadata.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from weakref import WeakValueDictionary

import numpy as np
import tensorflow as tf

from ...schemas.errors import DataError
from .raw_columns import RawSpec, missing_value

__all__ = ["TransformGraph", "ancestor_ops", "load_module", "stored_feature", "unnamed"]


_PASS_ON = frozenset(
    {"Cast", "Identity", "Select", "SelectV2", "Maximum", "Minimum"}
    | {"Reshape", "ExpandDims", "Squeeze", "Pack", "ConcatV2", "StridedSlice"}
)
"""The operations that give the numbers they take, in another type, shape or selection."""

_NUMBERS = (tf.int64, tf.float16, tf.bfloat16, tf.float32, tf.float64)

_modules: WeakValueDictionary[str, Any] = WeakValueDictionary()


def load_module(path: str) -> Any:
    """The SavedModel in a folder, loaded once for all who hold it at the same time.

    The module owns the vocabulary tables: they live as long as it does. In a graph of TensorFlow
    1, such as an estimator's, it is loaded into that graph, each time.
    """
    if not tf.compat.v1.executing_eagerly_outside_functions():
        return tf.saved_model.load(path)
    module = _modules.get(path)
    if module is None:
        with tf.init_scope():
            module = _modules[path] = tf.saved_model.load(path)
    return module


class TransformGraph:
    """A transform graph, ready to call.

    Attributes:
      inputs: The type spec of each raw column: dense [batch, *shape], or ragged
        [batch, None, *shape].
      outputs: The type spec of each output: dense, sparse or ragged. Pixels are uint8; all else
        is a transformed feature.

    Raises:
      DataError: A raw input is neither dense nor ragged in its second dimension alone.
    """

    def __init__(self, path: str) -> None:
        self._module = load_module(path)
        self._function = self._module.transform_fn
        self.inputs: dict[str, RawSpec] = self._function.structured_input_signature[0][0]
        self.outputs: dict[str, tf.TypeSpec] = self._function.structured_outputs
        for name, spec in self.inputs.items():
            ragged = isinstance(spec, tf.RaggedTensorSpec) and spec.ragged_rank == 1
            if not (ragged or isinstance(spec, tf.TensorSpec)):
                raise DataError(
                    f'{path}: expected the raw column "{name}" dense or with one ragged '
                    f"dimension, got {spec}"
                )

    def __call__(self, columns: Mapping[str, Any]) -> dict[str, Any]:
        """The transformed features of all raw columns of `inputs`."""
        return dict(self._function({name: columns[name] for name in self.inputs}))

    @property
    def module(self) -> Any:
        """The SavedModel; it owns the vocabulary tables."""
        return self._module

    @property
    def raw_spec(self) -> dict[str, Any]:
        """How `tf.io.parse_example` reads raw columns; what is absent is missing."""
        return {name: _raw_feature(name, spec) for name, spec in self.inputs.items()}

    @property
    def feature_spec(self) -> dict[str, Any]:
        """How `tf.io.parse_example` reads the transformed features; pixels are not among them."""
        return {
            name: stored_feature(name, spec)
            for name, spec in self.outputs.items()
            if spec.dtype != tf.uint8
        }

    def sources(self, output: str) -> frozenset[str]:
        """The raw columns that an output is made of."""
        seen = self._ancestors(output)
        return frozenset(name for op, name in self._columns().items() if op in seen)

    def float_casts(self, column: str) -> dict[str, tf.DType]:
        """The features for which the integers of a raw column are cast to floats as they are.

        Returns:
          By feature, the narrowest float type that the values themselves pass through.
        """
        casts: dict[str, tf.DType] = {}
        starts = [op for op, name in self._columns().items() if name == column]
        operation = self._function.graph.get_operation_by_name
        waiting = [tensor for op in starts for tensor in operation(op).outputs]
        seen = set(starts)
        while waiting:
            for op in waiting.pop().consumers():
                if op.type in _PASS_ON and op.name not in seen and op.outputs[0].dtype in _NUMBERS:
                    seen.add(op.name)
                    waiting.append(op.outputs[0])
                    if op.outputs[0].dtype.is_floating:
                        casts[op.name] = op.outputs[0].dtype
        found = {name: self._ancestors(name) & casts.keys() for name in self.outputs}
        return {
            name: min((casts[op] for op in ops), key=lambda dtype: dtype.size)
            for name, ops in found.items()
            if ops
        }

    def _columns(self) -> dict[str, str]:
        """The raw column of each operation that feeds one."""
        columns = [
            name
            for name in sorted(self.inputs)
            for _ in tf.nest.flatten(self.inputs[name], expand_composites=True)
        ]
        return {
            tensor.op.name: name
            for name, tensor in zip(columns, self._function.inputs, strict=False)
        }

    def _ancestors(self, output: str) -> set[str]:
        """The names of the operations that an output is made by."""
        outputs = tf.nest.pack_sequence_as(
            self._function.graph.structured_outputs,
            self._function.graph.outputs,
            expand_composites=True,
        )
        return ancestor_ops(tf.nest.flatten(outputs[output], expand_composites=True))


def ancestor_ops(tensors: Iterable[Any], effects: Iterable[Any] | None = None) -> set[str]:
    """Return the names of the ops that some tensors of a graph are computed from.

    Args:
      tensors: Tensors of one graph.
      effects: Ops that are run for their effects, such as assertions; what they are computed from
        counts too, and so do the ops that must run before another. None for none of these.
    """
    waiting = [*(tensor.op for tensor in tensors), *(effects or ())]
    seen = {op.name for op in waiting}
    while waiting:
        op = waiting.pop()
        before = () if effects is None else op.control_inputs
        fresh = {
            source.name: source
            for source in (*(tensor.op for tensor in op.inputs), *before)
            if source.name not in seen
        }
        seen |= fresh.keys()
        waiting.extend(fresh.values())
    return seen


def _raw_feature(name: str, spec: RawSpec) -> Any:
    shape = spec.shape[1:].as_list()
    if isinstance(spec, tf.RaggedTensorSpec):
        return tf.io.RaggedFeature(
            spec.dtype,
            value_key=name,
            partitions=[tf.io.RaggedFeature.UniformRowLength(size) for size in shape[1:]],
            row_splits_dtype=spec.row_splits_dtype,
        )
    default = np.full(shape, missing_value(spec)).tolist()
    return tf.io.FixedLenFeature(tuple(shape), spec.dtype, default)


def unnamed(spec: tf.TypeSpec) -> tf.TypeSpec:
    """The spec without the name that a dense one can have."""
    return tf.TensorSpec(spec.shape, spec.dtype) if isinstance(spec, tf.TensorSpec) else spec


def stored_feature(name: str, spec: tf.TypeSpec) -> Any:
    """How tensorflow_transform stores a batched tensor of that spec in a `tf.train.Example`."""
    inner = spec.shape[1:]
    if isinstance(spec, tf.TensorSpec):
        return tf.io.FixedLenFeature(inner.as_list(), spec.dtype)
    if isinstance(spec, tf.RaggedTensorSpec):
        return tf.io.RaggedFeature(
            spec.dtype,
            value_key=f"{name}$ragged_values",
            partitions=_partitions(name, inner[1:]),
            row_splits_dtype=spec.row_splits_dtype,
        )
    if inner.rank == 1:
        return tf.io.VarLenFeature(spec.dtype)
    return tf.io.SparseFeature(
        index_key=[f"{name}$sparse_indices_{axis}" for axis in range(inner.rank)],
        value_key=f"{name}$sparse_values",
        dtype=spec.dtype,
        size=inner,
        already_sorted=True,
    )


def _partitions(name: str, dimensions: tf.TensorShape) -> list[Any]:
    """The partitions of a ragged feature below its first ragged dimension."""
    partitions: list[Any] = []
    ragged = 0
    for size in dimensions:
        if size is None:
            ragged += 1
            partitions.append(tf.io.RaggedFeature.RowLengths(f"{name}$row_lengths_{ragged}"))
        else:
            partitions.append(tf.io.RaggedFeature.UniformRowLength(size))
    return partitions
