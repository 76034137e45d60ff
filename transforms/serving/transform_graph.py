"""`TransformGraph`: the SavedModel of a prepared dataset; needs only tensorflow.

Inputs and outputs are read from the signature of the graph: `transformed_metadata/schema.pbtxt`
describes the same, but reading it needs tensorflow_metadata.
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
"""Operations whose outputs are their inputs, in another dtype, shape or selection."""

_NUMBERS = (tf.int64, tf.float16, tf.bfloat16, tf.float32, tf.float64)

_modules: WeakValueDictionary[str, Any] = WeakValueDictionary()


def load_module(path: str) -> Any:
    """Load the SavedModel in a folder, once for all callers that reference it at the same time.

    The module owns the vocabulary tables, which have its lifetime. In a graph of TensorFlow 1,
    such as an estimator's, it is loaded into that graph, each time.

    Args:
      path: The folder.

    Returns:
      The module.
    """
    if not tf.compat.v1.executing_eagerly_outside_functions():
        return tf.saved_model.load(path)
    module = _modules.get(path)
    if module is None:
        with tf.init_scope():
            module = _modules[path] = tf.saved_model.load(path)
    return module


class TransformGraph:
    """Callable transform graph.

    Args:
      path: The folder of its SavedModel.

    Attributes:
      inputs: Type spec of each raw column: dense [batch, *shape], or ragged [batch, None, *shape].
      outputs: Type spec of each output: dense, sparse or ragged. Pixels are uint8; all others are
        transformed features.

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
        """Transform raw columns, all of `inputs`, into features by name."""
        return dict(self._function({name: columns[name] for name in self.inputs}))

    @property
    def module(self) -> Any:
        """SavedModel, which owns the vocabulary tables."""
        return self._module

    @property
    def raw_spec(self) -> dict[str, Any]:
        """Raw columns as a spec for `tf.io.parse_example`; absent ones are missing."""
        return {name: _raw_feature(name, spec) for name, spec in self.inputs.items()}

    @property
    def feature_spec(self) -> dict[str, Any]:
        """Transformed features, without pixels, as a spec for `tf.io.parse_example`."""
        return {
            name: stored_feature(name, spec)
            for name, spec in self.outputs.items()
            if spec.dtype != tf.uint8
        }

    def sources(self, output: str) -> frozenset[str]:
        """Return the raw columns that an output depends on.

        Args:
          output: The name of the output.
        """
        seen = self._ancestors(output)
        return frozenset(name for op, name in self._columns().items() if op in seen)

    def float_casts(self, column: str) -> dict[str, tf.DType]:
        """Return the features for which the integers of a raw column are cast to floats unchanged.

        Args:
          column: The name of the raw column.

        Returns:
          The narrowest float dtype on the way of the values themselves, by feature.
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
        on_way = {name: self._ancestors(name) & casts.keys() for name in self.outputs}
        return {
            name: min((casts[op] for op in ops), key=lambda dtype: dtype.size)
            for name, ops in on_way.items()
            if ops
        }

    def _columns(self) -> dict[str, str]:
        """Return the raw column of each input operation, by the operation's name."""
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
        """Return the names of the operations that an output depends on."""
        outputs = tf.nest.pack_sequence_as(
            self._function.graph.structured_outputs,
            self._function.graph.outputs,
            expand_composites=True,
        )
        return ancestor_ops(tf.nest.flatten(outputs[output], expand_composites=True))


def ancestor_ops(tensors: Iterable[Any], effects: Iterable[Any] | None = None) -> set[str]:
    """Return the names of the ops that tensors of a graph depend on.

    Args:
      tensors: Tensors of one graph.
      effects: Ops that run for their effects, such as assertions, whose inputs count too. With
        them, so do control inputs, the ops that must run before another. None to ignore both.
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
    """Return a spec without the name of a dense tensor."""
    return tf.TensorSpec(spec.shape, spec.dtype) if isinstance(spec, tf.TensorSpec) else spec


def stored_feature(name: str, spec: tf.TypeSpec) -> Any:
    """Return the parsing spec of a feature that tensorflow_transform stored in an Example.

    Args:
      name: The name of the feature.
      spec: The type spec of a batch of it.
    """
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
    """Return the partitions of a ragged feature below its first ragged dimension."""
    partitions: list[Any] = []
    ragged = 0
    for size in dimensions:
        if size is None:
            ragged += 1
            partitions.append(tf.io.RaggedFeature.RowLengths(f"{name}$row_lengths_{ragged}"))
        else:
            partitions.append(tf.io.RaggedFeature.UniformRowLength(size))
    return partitions
