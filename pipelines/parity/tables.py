"""Parity check of a run: the transform graph computes the stored records from raw rows.

Raw rows, with the values of requests, are sent through the graph, and its outputs are compared with
the stored records. Shards are in the order of the keys, so the records of the rows with the
smallest keys are the first records of the first shards.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, BinaryIO, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ...schemas.column import BLANKS, Column
from ...schemas.errors import DataError
from ...schemas.manifest import Shard
from ...schemas.schema import Schema
from ..runtime import filesystem as files
from ..shuffle.layout import KEY
from ..tfrecord.framing import read_frames

__all__ = [
    "check_parity",
    "distinct_rows",
    "largest_distance",
    "request_values",
    "stored_records",
    "ulp_distance",
]


def check_parity(
    directory: str,
    samples: Mapping[str, pa.RecordBatch],
    shards: Mapping[str, Sequence[Shard]],
    *,
    schema: Schema,
    compression: str,
    distinct: bool,
) -> dict[str, Any]:
    """Send sampled rows through the graph in `directory` and compare with the stored records.

    Integers and strings must be equal. A float may differ by one unit in the last place, since
    vectorized functions such as log depend on the length of the vector.

    Args:
      directory: Path of the dataset, before its manifest is written.
      samples: Texts of the rows with the smallest keys, by split; see `IngestTable`.
      shards: Shards by split, in canonical order.
      schema: Schema of the samples.
      compression: Compression of the shards, "" or "GZIP".
      distinct: Whether equal rows are stored once.

    Returns:
      An entry of the manifest: {"rows": {split: number of compared rows}, "features": number of
      features, "max_units_in_last_place": largest difference of a float}.

    Raises:
      DataError: A value differs; the message names split, row, feature and both values.
    """
    from ...transforms.serving.transform_graph import TransformGraph

    graph = TransformGraph(files.join(directory, "transform_fn"))
    max_ulps = 0
    rows = {}
    for split, sample in samples.items():
        sample = distinct_rows(sample) if distinct else sample
        stored = stored_records(directory, shards[split], compression)
        records = list(islice(stored, sample.num_rows))
        max_ulps = max(max_ulps, _compare(graph, sample, records, schema, split))
        rows[split] = sample.num_rows
    return {
        "rows": rows,
        "features": len(graph.outputs),
        "max_units_in_last_place": max_ulps,
    }


def distinct_rows(sample: pa.RecordBatch, equal: Sequence[str] = KEY) -> pa.RecordBatch:
    """Return the rows of a sample that do not repeat the row before them.

    Args:
      sample: Rows in the order of their keys, so equal rows are neighbours.
      equal: Columns whose values decide that rows are equal.
    """
    repeats = np.ones(max(sample.num_rows - 1, 0), np.bool_)
    for name in equal:
        values = sample.column(name).to_numpy()
        repeats &= values[1:] == values[:-1]
    return sample.filter(pa.array(np.concatenate(([True], ~repeats))[: sample.num_rows]))


def stored_records(directory: str, shards: Sequence[Shard], compression: str) -> Iterator[bytes]:
    """Yield the records of shards, in order."""
    for shard in shards:
        with files.read(files.join(directory, shard.path)) as file:
            frames = gzip.GzipFile(fileobj=file) if compression else file
            yield from read_frames(cast(BinaryIO, frames), path=shard.path)


def _compare(
    graph: Any, sample: pa.RecordBatch, records: Sequence[bytes], schema: Schema, split: str
) -> int:
    """Return the largest difference of a split's records in ULPs; DataError above one."""
    import tensorflow as tf

    from ...transforms.serving.raw_columns import raw_tensors

    raw = {
        name: request_values(schema[name], sample.column(name).to_pylist()) for name in graph.inputs
    }
    served = graph(raw_tensors(raw, graph.inputs))
    stored = tf.io.parse_example(tf.constant(records, tf.string), graph.feature_spec)
    return max(
        (
            _difference(*arrays, name, split)
            for name in served
            for arrays in zip(_arrays(served[name]), _arrays(stored[name]), strict=True)
        ),
        default=0,
    )


def request_values(column: Column, texts: Sequence[str]) -> list[Any]:
    """Return the values of a request for texts: numbers are parsed, strings are unchanged.

    A missing value is None. So is text that is no number: it was rejected, or counts as missing.

    >>> request_values(Column("age", "int64", missing=("?",)), [" 25", "?"])
    [25, None]
    >>> request_values(Column("workclass", "string"), [" Private"])
    [' Private']
    """
    if column.type == "string":
        return list(texts)
    number = int if column.type == "int64" else float
    return [_number(text.strip(BLANKS), column, number) for text in texts]


def _number(text: str, column: Column, number: Any) -> Any:
    if text in ("", *column.missing):
        return None
    try:
        return number(text)
    except ValueError:
        return None


def _arrays(tensor: Any) -> list[npt.NDArray[Any]]:
    """Return the arrays of a tensor: its values, and the row splits or indices if it has any."""
    if hasattr(tensor, "flat_values"):
        return [np.asarray(part) for part in (tensor.flat_values, *tensor.nested_row_splits)]
    if hasattr(tensor, "indices"):
        return [np.asarray(part) for part in (tensor.values, tensor.indices)]
    return [np.asarray(tensor)]


def _difference(
    served: npt.NDArray[Any], stored: npt.NDArray[Any], feature: str, split: str
) -> int:
    """Return the largest difference in ULPs; DataError above one, or for unequal shapes."""
    if served.shape == stored.shape:
        ulps, index = largest_distance(served, stored)
        if index is None:
            return ulps
        row, values = int(index[0]), f"served {served[index]!r}, stored {stored[index]!r}"
    else:
        row, values = 0, f"served shape {served.shape}, stored {stored.shape}"
    raise DataError(
        f'parity: feature "{feature}" of row {row} of {split} is not what the graph serves: '
        f"{values}. Nothing was published. The preprocessing_fn must treat a raw value and the "
        "cleaned one alike (see transforms.missing), and each row by itself."
    )


def largest_distance(
    left: npt.NDArray[Any], right: npt.NDArray[Any]
) -> tuple[int, tuple[Any, ...] | None]:
    """Return the largest distance of values in ULPs, and its index if that is too large.

    Floats may differ by one unit in the last place; other values must be equal.
    """
    distances = ulp_distance(left, right)
    largest = int(distances.max(initial=0))
    if largest <= (1 if left.dtype.kind == "f" else 0):
        return largest, None
    return largest, np.unravel_index(distances.argmax(), distances.shape)


def ulp_distance(left: npt.NDArray[Any], right: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """Return the distance of floats in units in the last place; of other values 0 if equal, else 2.

    NaN equals NaN, and 0.0 equals -0.0.

    >>> ulp_distance(np.array([1, 1], np.float32), np.array([1, 1.0000001], np.float32))
    array([0, 1])
    """
    if left.dtype.kind != "f":
        return np.where(left == right, 0, 2).astype(np.int64)
    bits = np.int32 if left.dtype.itemsize == 4 else np.int64
    ranks = [_ordered(values.view(bits).astype(np.int64), bits) for values in (left, right)]
    both_nan = np.isnan(left) & np.isnan(right)
    return np.where(both_nan, 0, np.abs(ranks[0] - ranks[1]))


def _ordered(bits: npt.NDArray[np.int64], dtype: Any) -> npt.NDArray[np.int64]:
    """Map the bits of floats, which are sign and magnitude, to integers in the same order."""
    return np.where(bits < 0, np.int64(np.iinfo(dtype).min) - bits, bits)
