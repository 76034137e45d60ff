"""Compare hand-written parts with the libraries that could replace them.

    python -m benchmarks.parts               all parts
    python -m benchmarks.parts csv keys      some parts

The contenders do the same work in this process, on random data, in turns. Times are processor
seconds of all threads, medians of five runs. docs/decisions.md draws conclusions.
"""

from __future__ import annotations

import csv as python_csv
import hashlib
import io
import os
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv

from . import machine
from .table import markdown

__all__ = ["PARTS", "main", "timed"]

Contenders = Mapping[str, Callable[[], Any]]

ROWS = 200_000
RUNS = 5


def main(names: Sequence[str]) -> int:
    """Print a table for each part."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    for name in names or PARTS:
        with tempfile.TemporaryDirectory() as folder:
            times = timed(PARTS[name](Path(folder)), runs=RUNS)
        first = next(iter(times.values()))
        rows = [
            [contender, f"{1000 * seconds:,.1f}", f"{seconds / first:.2f}"]
            for contender, seconds in times.items()
        ]
        print(
            f"\n{PARTS[name].__doc__}\n\n{markdown([name, 'CPU ms', 'of ours'], rows)}", flush=True
        )
    print(f"\n{machine.describe()}")
    return 0


def timed(contenders: Contenders, *, runs: int) -> dict[str, float]:
    """Return the median CPU seconds of each contender, without its first run."""
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for turn in range(runs + 1):
        for name, work in contenders.items():
            start_time = time.process_time()
            work()
            if turn:
                seconds[name].append(time.process_time() - start_time)
    return {name: median(times) for name, times in seconds.items()}


def columns(rows: int) -> dict[str, Any]:
    """Draw a table like that of a census: 6 columns of numbers, 9 of few categories."""
    draw = np.random.default_rng(5)
    words = np.array([f"category-{index:02}" for index in range(40)])
    numbers = {f"number_{index}": draw.integers(0, 100_000, rows) for index in range(6)}
    texts = {f"text_{index}": words[draw.integers(0, 40, rows)] for index in range(9)}
    return {**numbers, **texts}


def csv(folder: Path) -> Contenders:
    """CSV: 200,000 rows of 15 columns to text columns of Arrow; ours counts and digests first."""
    from recordmill.pipelines.config.csv_format import CsvFormat
    from recordmill.pipelines.readers.csv_stages import BLOCK_BYTES
    from recordmill.pipelines.readers.parse import parse_fragment
    from recordmill.pipelines.readers.scan import file_fragments, scan
    from recordmill.pipelines.runtime.elements import InputFile

    table = pa.table(columns(ROWS))
    path, names = folder / "rows.csv", table.column_names
    pyarrow.csv.write_csv(table, path)
    form = CsvFormat(header=True)

    def ours() -> int:
        file = InputFile(str(path), None, 0)
        scanned = scan(file, column_names=names, csv_format=form, block_bytes=BLOCK_BYTES)
        blocks = (
            block
            for part in file_fragments(scanned)
            for block in parse_fragment(part, column_names=names, csv_format=form)
        )
        return sum(block.batch.num_rows for block in blocks)

    def by_pyarrow() -> int:
        as_text = pyarrow.csv.ConvertOptions(
            column_types={name: pa.dictionary(pa.int32(), pa.string()) for name in names}
        )
        in_turn = pyarrow.csv.ReadOptions(use_threads=False)
        return pyarrow.csv.read_csv(path, in_turn, convert_options=as_text).num_rows

    def by_python() -> int:
        with path.open(newline="") as file:
            _, *rows = python_csv.reader(file)
        cells = [pa.array(column) for column in zip(*rows, strict=True)]
        return pa.table(cells, names).num_rows

    assert ours() == by_pyarrow() == by_python() == ROWS
    return {"ours": ours, "pyarrow.csv, nothing checked": by_pyarrow, "Python's csv": by_python}


def keys(folder: Path) -> Contenders:
    """Keys: 128 bits of the content of each of 200,000 rows of 15 columns."""
    import pandas as pd

    from recordmill.pipelines.shuffle.fingerprint import fingerprint

    table = pa.table(columns(ROWS))
    encoded = [
        column.combine_chunks().dictionary_encode() if column.type == pa.string() else column
        for column in table.columns
    ]
    batch = pa.table(encoded, table.column_names).combine_chunks().to_batches()[0]
    encode_frames = table.to_pandas()

    def by_pandas() -> Any:  # 64 bits each
        return [
            pd.util.hash_pandas_object(encode_frames, index=False, hash_key=key * 16)
            for key in "ab"
        ]

    def by_row() -> list[bytes]:
        rows = zip(*(column.to_pylist() for column in table.columns), strict=True)
        return [hashlib.sha256(repr(row).encode()).digest() for row in rows]

    return {
        "ours": lambda: fingerprint(batch, batch.schema.names, 0),
        "pandas.util.hash_pandas_object, twice": by_pandas,
        "hashlib, a row at a time": by_row,
    }


def examples(folder: Path) -> Contenders:
    """tf.train.Example: 20,000 rows of 6 floats and 9 ids."""
    import tensorflow as tf
    from tfx_bsl.coders.example_coder import RecordBatchToExamplesEncoder

    from recordmill.pipelines.tfrecord.example_encoder import encode_examples

    draw = np.random.default_rng(5)
    floats = {f"f{index}": draw.normal(size=20_000).astype(np.float32) for index in range(6)}
    ids = {f"i{index}": draw.integers(0, 1000, 20_000) for index in range(9)}
    features = {**floats, **ids}
    offsets = pa.array(np.arange(20_001, dtype=np.int32))
    batch = pa.RecordBatch.from_arrays(
        [pa.ListArray.from_arrays(offsets, pa.array(values)) for values in features.values()],
        list(features),
    )
    coder = RecordBatchToExamplesEncoder()

    def by_protobuf() -> list[bytes]:
        feature, records = tf.train.Feature, []
        lists = {name: values.tolist() for name, values in features.items()}
        for row in range(20_000):
            record = {
                name: feature(float_list=tf.train.FloatList(value=[values[row]]))
                if name[0] == "f"
                else feature(int64_list=tf.train.Int64List(value=[values[row]]))
                for name, values in lists.items()
            }
            example = tf.train.Example(features=tf.train.Features(feature=record))
            records.append(example.SerializeToString(deterministic=True))
        return records

    return {
        "ours": lambda: encode_examples(features),
        "tfx_bsl, in no fixed order": lambda: coder.encode(batch),
        "protobuf, a row at a time": by_protobuf,
    }


def frames(folder: Path) -> Contenders:
    """TFRecord frames: 200,000 records of 300 bytes."""
    import tensorflow as tf
    from apache_beam.io.tfrecordio import _TFRecordUtil

    from recordmill.pipelines.tfrecord.framing import encode_frames

    records = [os.urandom(300) for _ in range(ROWS)]
    path = str(folder / "records")

    def ours() -> None:
        Path(path).write_bytes(encode_frames(records))

    def by_tensorflow() -> None:
        with tf.io.TFRecordWriter(path) as writer:
            for record in records:
                writer.write(record)

    def by_beam() -> None:
        with open(path, "wb") as file:
            for record in records:
                _TFRecordUtil.write_record(file, record)

    written = []
    for write in (ours, by_tensorflow, by_beam):
        write()
        written.append(Path(path).read_bytes())
    assert written[0] == written[1] == written[2]
    return {"ours": ours, "tf.io.TFRecordWriter": by_tensorflow, "Beam's WriteToTFRecord": by_beam}


def coder(folder: Path) -> Contenders:
    """Arrow batches to bytes and back: 20,000 rows of 15 columns."""
    from apache_beam.coders import FastPrimitivesCoder

    from recordmill.pipelines.runtime.arrow_coder import ArrowCoder

    batch = pa.RecordBatch.from_pydict(columns(20_000))
    arrow, pickled = ArrowCoder(), FastPrimitivesCoder()
    assert arrow.decode(arrow.encode(batch)) == pickled.decode(pickled.encode(batch)) == batch
    return {
        "ours": lambda: arrow.decode(arrow.encode(batch)),
        "Beam's own, by pickle": lambda: pickled.decode(pickled.encode(batch)),
    }


def quantiles(folder: Path) -> Contenders:
    """Quantiles: 2,000,000 floats in batches of 20,000."""
    from tfx_bsl import sketches

    from recordmill.schemas.statistics.sketches import Quantiles

    values = np.random.default_rng(5).normal(size=2_000_000)
    batches, once = np.split(values, 100), np.ones(20_000, np.int64)

    def ours() -> Quantiles:
        sketch = Quantiles()
        for batch in batches:
            sketch.add(batch, once)
        return sketch

    def theirs() -> Any:
        sketch = sketches.QuantilesSketch(0.001, 2**32, 1)
        for batch in batches:
            sketch.AddValues(pa.array(batch))
        return sketch

    print(f"\nours: {len(_pickled(ours())):,} bytes, wrong by {_worst(ours(), values):.3%} at most")
    print(f"tfx_bsl: {len(_pickled(theirs())):,} bytes for an error of 0.1 %")
    return {"ours": ours, "tfx_bsl.sketches.QuantilesSketch": theirs}


def distinct(folder: Path) -> Contenders:
    """Different numbers: 2,000,000 floats in batches of 20,000."""
    from tfx_bsl import sketches

    from recordmill.schemas.statistics.sketches import DistinctNumbers

    batches = np.split(np.random.default_rng(5).normal(size=2_000_000), 100)

    def ours() -> None:
        sketch = DistinctNumbers()
        for batch in batches:
            sketch.add(batch)

    def theirs() -> None:
        sketch = sketches.KmvSketch(4096)
        for batch in batches:
            sketch.AddValues(pa.array(batch))

    return {"ours": ours, "tfx_bsl.sketches.KmvSketch": theirs}


def near(folder: Path) -> Contenders:
    """Near duplicates: pairs that differ in at most 4 of 64 bits, among 20,000 hashes."""
    from recordmill.pipelines.images.perceptual_hash import find_groups

    hashes = np.random.default_rng(5).integers(0, 2**64, 20_000, dtype=np.uint64)
    hashes[10_000:10_100] = hashes[:100] ^ np.uint64(0b1011)

    def each_with_each() -> int:
        return sum(
            int((np.bitwise_count(hashes[index + 1 :] ^ value) <= 4).sum())
            for index, value in enumerate(hashes)
        )

    assert len(find_groups(hashes)) == each_with_each() == 100
    return {"ours": lambda: find_groups(hashes), "numpy, each with each": each_with_each}


def dates(folder: Path) -> Contenders:
    """Dates: 200,000 texts such as 2026-11-21T10:30:05 to days since 1970."""
    import pandas as pd
    import tensorflow as tf

    from recordmill.transforms.dates import days_since

    seconds = np.random.default_rng(5).integers(0, 2**31, ROWS).astype("datetime64[s]")
    texts = np.datetime_as_string(seconds)
    tensor, graph = tf.constant(texts), tf.function(lambda x: days_since(x, since="1970-01-01"))

    def by_pandas() -> Any:
        return pd.to_datetime(texts, format="ISO8601").astype("int64") / 86_400e9

    return {"ours, in the graph": lambda: graph(tensor), "pandas, not in a graph": by_pandas}


def _pickled(value: Any) -> bytes:
    import pickle

    stream = io.BytesIO()
    pickle.Pickler(stream, protocol=5).dump(value)
    return stream.getvalue()


def _worst(sketch: Any, values: np.ndarray) -> float:
    """Return the largest error of the sketch's ranks, as a share of all values."""
    points, counts = sketch.points()
    true = np.searchsorted(np.sort(values), points, side="right")
    return float(np.abs(np.cumsum(counts) - true).max() / len(values))


PARTS: dict[str, Callable[[Path], Contenders]] = {
    part.__name__: part
    for part in (csv, keys, examples, frames, coder, quantiles, distinct, near, dates)
}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
