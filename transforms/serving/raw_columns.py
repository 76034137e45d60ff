"""Conversion of raw columns from Python and numpy to the tensors of a transform graph.

A column is dense, one value [*shape] a row, or ragged: any number of values a row, such as the
boxes of an image.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import prod
from numbers import Integral, Real
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from ...schemas.column import Column
from ...schemas.errors import DataError
from ...schemas.request_names import RequestNames
from ...schemas.suggestions import did_you_mean

__all__ = ["RawSpec", "missing_value", "raw_tensors"]

RawSpec: TypeAlias = "tf.TensorSpec | tf.RaggedTensorSpec"
"""Type of a raw column: dense [batch, *shape], or ragged [batch, None, *shape]."""

_SHOWN = 100
"""Largest number of characters of a bad value in a message."""

_DTYPES = {"int64": np.int64, "float32": np.float32, "string": np.object_}
_KINDS = {"int64": "iu", "float32": "iuf", "string": ""}
"""Kinds of numpy dtypes that need no check of each cell."""


def missing_value(spec: tf.TensorSpec) -> Any:
    """Return the missing value of a raw column: "", `MISSING_INT64` or NaN."""
    return Column("raw", spec.dtype.name).missing_value


def raw_tensors(raw: Mapping[str, Any], specs: Mapping[str, RawSpec]) -> dict[str, Any]:
    """Convert raw columns to tensors of their specs; absent columns are missing in every row.

    Args:
      raw: Lists, numpy arrays or tensors [rows, *shape] by column name, in the spelling of the
        dataset or of a signature, see `RequestNames`. For a ragged column a `tf.RaggedTensor`
        [rows, None, *shape], or a list with the values of each row: a list or a numpy array
        [n, *shape], or None for no value. In lists and arrays of objects None and NaN are missing
        values.
      specs: The spec of every column.

    Returns:
      A tensor for each of `specs`. In an absent ragged column no row has a value.

    Raises:
      DataError: A column is unknown, a duplicate, does not fit its spec, or has another number of
        rows than the first; or there is none, so that the number of rows is unknown.
    """
    if not raw:
        raise DataError(f"expected at least one of the raw columns {', '.join(sorted(specs))}")
    columns = RequestNames(specs).columns(raw)
    tensors = {columns[name]: _tensor(columns[name], values, specs) for name, values in raw.items()}
    first = next(iter(tensors))
    for name, tensor in tensors.items():
        if not tensor.shape[:1].is_compatible_with(tensors[first].shape[:1]):
            raise DataError(
                f'column "{name}": expected as many rows as "{first}", {tensors[first].shape[0]}, '
                f"got {tensor.shape[0]}"
            )
    rows = _rows(tensors[first])
    absent = {name: spec for name, spec in specs.items() if name not in tensors}
    return tensors | {name: _missing(spec, rows) for name, spec in absent.items()}


def _rows(tensor: Any) -> tf.Tensor:
    return tensor.nrows(tf.int32) if isinstance(tensor, tf.RaggedTensor) else tf.shape(tensor)[0]


def _missing(spec: RawSpec, rows: tf.Tensor) -> Any:
    """Return a column without values."""
    if isinstance(spec, tf.RaggedTensorSpec):
        return tf.RaggedTensor.from_row_splits(
            tf.zeros([0, *spec.shape[2:]], spec.dtype), tf.zeros([rows + 1], spec.row_splits_dtype)
        )
    return tf.fill([rows, *spec.shape[1:]], tf.constant(missing_value(spec), spec.dtype))


def _tensor(name: str, values: Any, specs: Mapping[str, RawSpec]) -> Any:
    if name not in specs:
        hint = did_you_mean(name, specs) or f"; there are {', '.join(sorted(specs))}."
        raise DataError(f'the transform graph takes no column "{name}"{hint}')
    spec = specs[name]
    tensor = values if tf.is_tensor(values) else _from_python(name, values, spec)
    if isinstance(spec, tf.RaggedTensorSpec) and isinstance(tensor, tf.RaggedTensor):
        tensor = tensor.with_row_splits_dtype(spec.row_splits_dtype)
    if not spec.is_compatible_with(tensor):
        raise DataError(
            f'column "{name}": expected a {_kind(spec)} tensor of shape {spec.shape}, '
            f"got {_kind(tensor)} of shape {tensor.shape}"
        )
    return tensor


def _kind(tensor: Any) -> str:
    ragged = isinstance(tensor, (tf.RaggedTensor, tf.RaggedTensorSpec))
    return f"ragged {tensor.dtype.name}" if ragged else str(tensor.dtype.name)


def _from_python(name: str, values: Any, spec: RawSpec) -> Any:
    column = Column(name, spec.dtype.name)
    if not isinstance(spec, tf.RaggedTensorSpec):
        array = values if isinstance(values, np.ndarray) else np.array(values, dtype=object)
        return tf.convert_to_tensor(_typed(column, array))
    if not isinstance(values, Iterable):
        raise DataError(
            f'column "{name}": expected a list of the values of each row, got {values!r}'
        )
    rows = [_row(column, row, cells, spec.shape[1:]) for row, cells in enumerate(values)]
    flat = np.concatenate([np.zeros((0, *spec.shape[2:]), _DTYPES[column.type]), *rows])
    return tf.RaggedTensor.from_row_lengths(
        tf.constant(flat, spec.dtype), tf.constant([len(row) for row in rows], tf.int64)
    )


def _row(column: Column, row: int, cells: Any, shape: tf.TensorShape) -> npt.NDArray[Any]:
    """Convert the values of a row of a ragged column to an array of `shape`, (None, …)."""
    cells = [] if cells is None else cells
    array = cells if isinstance(cells, np.ndarray) else np.array(cells, dtype=object)
    if array.ndim and not len(array):
        return np.zeros((0, *shape[1:]), _DTYPES[column.type])
    if not shape.is_compatible_with(array.shape):
        raise DataError(
            f'column "{column.name}", row {row}: expected values of shape {shape}, '
            f"got {cells!r} of shape {array.shape}"
        )
    return _typed(column, array, row=row)


def _typed(column: Column, array: npt.NDArray[Any], *, row: int | None = None) -> npt.NDArray[Any]:
    """Convert an array of any dtype to the dtype of a column.

    Args:
      column: The column.
      array: The array.
      row: The row of all cells, for messages; None where each row of the array is one.
    """
    if array.dtype.kind not in _KINDS[column.type]:
        width = max(prod(array.shape[1:]), 1)
        cells = [
            _cell(column, index // width if row is None else row, cell)
            for index, cell in enumerate(array.ravel().tolist())
        ]
        array = np.array(cells, dtype=object).reshape(array.shape)
    return array.astype(_DTYPES[column.type])


def _cell(column: Column, row: int, cell: Any) -> Any:
    """Convert a cell, possibly a scalar tensor, to the type of its column."""
    if isinstance(cell, tf.Tensor):
        cell = cell.numpy()
    if cell is None or (isinstance(cell, Real) and cell != cell):  # NaN
        return column.missing_value
    if not _fits(column, cell):
        raise DataError(
            f'column "{column.name}", row {row}: expected {column.expectation()}, got '
            f"{cell!r:.{_SHOWN}}"
        )
    return int(cell) if column.type == "int64" else cell


def _fits(column: Column, cell: Any) -> bool:
    if column.type == "string":
        return isinstance(cell, (str, bytes))
    if column.type == "float32":
        return isinstance(cell, Real)
    if isinstance(cell, Integral):
        return -(2**63) <= int(cell) < 2**63
    is_integer = isinstance(cell, Real) and float(cell).is_integer()
    return is_integer and -(2.0**63) <= cell < 2.0**63
