"""The proof that training and serving see the same numbers.

Raw rows, as a request would carry them, go through the published graph, and what comes out is
held against the stored records. Shards are in the order of the keys, so the records of the rows
with the smallest keys are the first ones of the first shards.
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

__all__ = ["check_parity", "distinct_rows", "request_values", "stored_records", "ulp_distance"]


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

    Integers and strings must be equal; a float may be one unit in the last place off, since the
    graph computes a function such as log over vectors of another length.

    Args:
      directory: The dataset, before its manifest is written.
      samples: By split, the text of the rows with the smallest keys, see `IngestTable`.
      shards: By split, in canonical order.
      schema: The columns of the samples.
      compression: Of the shards, "" or "GZIP".
      distinct: Whether equal rows were stored once.

    Returns:
      For the manifest: {"rows": {split: rows compared}, "features": their number,
      "max_units_in_last_place": the largest difference of a float}.

    Raises:
      DataError: A value differs; the message names split, row, feature and both values.
    """
    from ...transforms.serving.transform_graph import TransformGraph

    graph = TransformGraph(files.join(directory, "transform_fn"))
    worst = 0
    rows = {}
    for split, sample in samples.items():
        sample = distinct_rows(sample) if distinct else sample
        stored = stored_records(directory, shards[split], compression)
        records = list(islice(stored, sample.num_rows))
        worst = max(worst, _compare(graph, sample, records, schema, split))
        rows[split] = sample.num_rows
    return {
        "rows": rows,
        "features": len(graph.outputs),
        "max_units_in_last_place": worst,
    }


def distinct_rows(sample: pa.RecordBatch, equal: Sequence[str] = KEY) -> pa.RecordBatch:
    """The rows of a sample in the order of its keys that do not repeat the row before them."""
    again = np.ones(max(sample.num_rows - 1, 0), np.bool_)
    for name in equal:
        lane = sample.column(name).to_numpy()
        again &= lane[1:] == lane[:-1]
    return sample.filter(pa.array(np.concatenate(([True], ~again))[: sample.num_rows]))


def stored_records(directory: str, shards: Sequence[Shard], compression: str) -> Iterator[bytes]:
    """The records of some shards, one after the other."""
    for shard in shards:
        with files.read(files.join(directory, shard.path)) as file:
            frames = gzip.GzipFile(fileobj=file) if compression else file
            yield from read_frames(cast(BinaryIO, frames), path=shard.path)


def _compare(
    graph: Any, sample: pa.RecordBatch, records: Sequence[bytes], schema: Schema, split: str
) -> int:
    import tensorflow as tf

    from ...transforms.serving.raw_columns import raw_tensors

    raw = {
        name: request_values(schema[name], sample.column(name).to_pylist()) for name in graph.inputs
    }
    served = graph(raw_tensors(raw, graph.inputs))
    stored = tf.io.parse_example(tf.constant(records, tf.string), graph.feature_spec)
    return max(
        (
            _difference(part, other, name, split)
            for name in served
            for part, other in zip(_parts(served[name]), _parts(stored[name]), strict=True)
        ),
        default=0,
    )


def request_values(column: Column, texts: Sequence[str]) -> list[Any]:
    """The texts as a request would carry them: numbers as numbers, strings as they stand.

    What is missing, or is no number in a column that takes such a value as missing, is None.

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


def _parts(value: Any) -> list[npt.NDArray[Any]]:
    """A tensor as arrays: its values, and of a sparse or ragged one where they stand."""
    if hasattr(value, "flat_values"):
        return [np.asarray(part) for part in (value.flat_values, *value.nested_row_splits)]
    if hasattr(value, "indices"):
        return [np.asarray(part) for part in (value.values, value.indices)]
    return [np.asarray(value)]


def _difference(
    served: npt.NDArray[Any], stored: npt.NDArray[Any], feature: str, split: str
) -> int:
    """The largest difference in units in the last place; DataError above one."""
    if served.shape == stored.shape:
        units = ulp_distance(served, stored)
        if not units.size or units.max() <= (1 if served.dtype.kind == "f" else 0):
            return int(units.max(initial=0))
        place = np.unravel_index(units.argmax(), units.shape)
        row, values = int(place[0]), f"served {served[place]!r}, stored {stored[place]!r}"
    else:
        row, values = 0, f"served shape {served.shape}, stored {stored.shape}"
    raise DataError(
        f'parity: feature "{feature}" of row {row} of {split} is not what the graph serves: '
        f"{values}. Nothing was published. The preprocessing_fn must treat a raw value and the "
        "cleaned one alike (see transforms.missing), and each row by itself."
    )


def ulp_distance(one: npt.NDArray[Any], other: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """How far apart values are: floats in units in the last place, others 0 if equal, else 2.

    NaN equals NaN, and 0.0 equals -0.0.

    >>> ulp_distance(np.array([1, 1], np.float32), np.array([1, 1.0000001], np.float32))
    array([0, 1])
    """
    if one.dtype.kind != "f":
        return np.where(one == other, 0, 2).astype(np.int64)
    bits = np.int32 if one.dtype.itemsize == 4 else np.int64
    first, second = (_ordered(value.view(bits).astype(np.int64), bits) for value in (one, other))
    both_nan = np.isnan(one) & np.isnan(other)
    return np.where(both_nan, 0, np.abs(first - second))


def _ordered(bits: npt.NDArray[np.int64], kind: Any) -> npt.NDArray[np.int64]:
    """The bits of floats (sign and magnitude) as integers in the order of the floats."""
    return np.where(bits < 0, np.int64(np.iinfo(kind).min) - bits, bits)
