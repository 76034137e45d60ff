"""Raw columns, as Python and numpy have them, to the tensors a transform graph takes."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from numbers import Integral, Real
from typing import Any

import numpy as np
import tensorflow as tf

from ..schemas.column import Column
from ..schemas.errors import DataError

__all__ = ["missing_value", "raw_tensors"]

_DTYPES = {"int64": np.int64, "float32": np.float32, "string": np.object_}
_KINDS = {"int64": "iu", "float32": "iuf", "string": ""}
"""The kinds of numpy arrays that need no look at each cell."""


def missing_value(spec: tf.TensorSpec) -> Any:
    """What stands for a missing value in a raw column of that spec."""
    return Column("raw", spec.dtype.name).missing_value


def raw_tensors(raw: Mapping[str, Any], specs: Mapping[str, tf.TensorSpec]) -> dict[str, tf.Tensor]:
    """The raw columns as tensors of their specs; those that are not given are missing.

    Args:
      raw: Lists, numpy arrays or tensors [rows, *shape] by column name. In lists and arrays of
        objects None and NaN are missing values.
      specs: The spec of every column, [batch, *shape].

    Returns:
      A tensor [rows, *shape] for each of `specs`.

    Raises:
      DataError: A column is unknown, does not fit its spec, or has another number of rows than
        the first; or none is given, so that the number of rows is unknown.
    """
    if not raw:
        raise DataError(f"expected at least one of the raw columns {', '.join(sorted(specs))}")
    given = {name: _tensor(name, values, specs) for name, values in raw.items()}
    first = next(iter(given))
    for name, tensor in given.items():
        if not tensor.shape[:1].is_compatible_with(given[first].shape[:1]):
            raise DataError(
                f'column "{name}": expected as many rows as "{first}", {given[first].shape[0]}, '
                f"got {tensor.shape[0]}"
            )
    rows = tf.shape(given[first])[0]
    return given | {
        name: tf.fill([rows, *spec.shape[1:]], tf.constant(missing_value(spec), spec.dtype))
        for name, spec in specs.items()
        if name not in given
    }


def _tensor(name: str, values: Any, specs: Mapping[str, tf.TensorSpec]) -> tf.Tensor:
    if name not in specs:
        near = get_close_matches(name, specs, n=1)
        hint = f'did you mean "{near[0]}"?' if near else f"there are {', '.join(sorted(specs))}."
        raise DataError(f'the transform graph takes no column "{name}"; {hint}')
    spec = specs[name]
    tensor = values if tf.is_tensor(values) else _from_numpy(name, values, spec)
    if tensor.dtype != spec.dtype or not spec.shape.is_compatible_with(tensor.shape):
        raise DataError(
            f'column "{name}": expected a {spec.dtype.name} tensor of shape {spec.shape}, '
            f"got {tensor.dtype.name} of shape {tensor.shape}"
        )
    return tensor


def _from_numpy(name: str, values: Any, spec: tf.TensorSpec) -> tf.Tensor:
    array = values if isinstance(values, np.ndarray) else np.array(values, dtype=object)
    if array.dtype.kind not in _KINDS[spec.dtype.name]:
        column = Column(name, spec.dtype.name)
        cells = [_cell(column, row, cell) for row, cell in enumerate(array.ravel().tolist())]
        array = np.array(cells, dtype=object).reshape(array.shape)
    return tf.convert_to_tensor(array.astype(_DTYPES[spec.dtype.name]))


def _cell(column: Column, row: int, cell: Any) -> Any:
    """A cell as its column's type has it."""
    if cell is None or (isinstance(cell, Real) and cell != cell):
        return column.missing_value
    if not _fits(column, cell):
        raise DataError(
            f'column "{column.name}", row {row}: expected {column.expectation()}, got {cell!r}'
        )
    return int(cell) if column.type == "int64" else cell


def _fits(column: Column, cell: Any) -> bool:
    if column.type == "string":
        return isinstance(cell, (str, bytes))
    if column.type == "float32":
        return isinstance(cell, Real)
    if isinstance(cell, Integral):
        return -(2**63) <= int(cell) < 2**63
    whole = isinstance(cell, Real) and float(cell).is_integer()
    return whole and -(2.0**63) <= cell < 2.0**63
