"""Rows in files, sorted by key."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from recordmill.pipelines.shuffle import sorted_runs as runs
from recordmill.pipelines.shuffle.layout import KEY, MAX_BUCKETS, TABLE
from recordmill.pipelines.shuffle.sorted_runs import KeyedRows, RunSlice, RunWriter, SortedRun

COUNT = 1000


def rows(start: int, stop: int, word: str = "a") -> pa.RecordBatch:
    """Rows of the numbers in a range, whose keys are spread over all there can be."""
    number = np.arange(start, stop, dtype=np.uint64)
    return pa.RecordBatch.from_pydict(
        {
            "number": number,
            "word": pa.array([word] * len(number)).dictionary_encode(),
            KEY[0]: number * np.uint64(0x9E3779B97F4A7C15),
            KEY[1]: number,
        }
    )


@pytest.fixture
def writer(tmp_path: Path) -> RunWriter:
    made = RunWriter(str(tmp_path / "runs"), TABLE)
    made.setup()
    return made


def numbers(run: SortedRun) -> list[int]:
    """Those of all rows, in the order they are in."""
    batch = run.slice(0, 1).read()
    assert batch.num_rows == run.offsets[-1]
    keys = batch.column(KEY[0]).to_pylist()
    assert keys == sorted(keys)
    return batch.column("number").to_pylist()  # type: ignore[no-any-return]


def test_rows_are_held_until_there_are_enough_for_a_run(
    writer: RunWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs, "_RUN_BYTES", 3 * rows(0, 100).nbytes)
    assert writer(KeyedRows("train", rows(0, 100))) == []
    assert writer(KeyedRows("eval", rows(500, 550))) == []
    assert writer(KeyedRows("train", rows(100, 200, "b"))) == []
    (run,) = writer(KeyedRows("train", rows(200, 300)))
    assert (run.split, run.weight) == ("train", 300 * 2)
    assert sorted(numbers(run)) == list(range(300))
    assert run.slice(0, 1).read().column("word").to_pylist().count("b") == 100
    assert writer(KeyedRows("train", rows(300, 400))) == []
    left = {run.split: sorted(numbers(run)) for run in writer.finish()}
    assert left == {"eval": list(range(500, 550)), "train": list(range(300, 400))}
    assert writer.finish() == []


def test_threads_share_a_writer(writer: RunWriter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "_RUN_BYTES", 2 * rows(0, 10).nbytes)
    with ThreadPoolExecutor(4) as pool:
        starts = range(0, COUNT, 10)
        made = pool.map(lambda start: writer(KeyedRows("train", rows(start, start + 10))), starts)
        written = [run for some in made for run in some]
    assert sorted(n for run in written for n in numbers(run)) == list(range(COUNT))
    assert len({run.path for run in written}) == len(written) == COUNT // 20


@pytest.mark.parametrize("buckets", [1, 4, MAX_BUCKETS])
def test_the_parts_of_a_run_are_its_rows_by_key(writer: RunWriter, buckets: int) -> None:
    writer(KeyedRows("train", rows(0, COUNT)))
    (run,) = writer.finish()
    slices = [run.slice(index, buckets) for index in range(buckets)]
    assert [part.start for part in slices[1:]] == [part.stop for part in slices[:-1]]
    read = [part.read([KEY[0]]).column(0).to_pylist() for part in slices]
    width = 2**64 // buckets
    assert all(index == key // width for index, keys in enumerate(read) for key in keys)
    assert sum(map(len, read)) == COUNT


def test_a_part_is_a_copy(writer: RunWriter) -> None:
    writer(KeyedRows("train", rows(0, COUNT)))
    (run,) = writer.finish()
    part = run.slice(0, MAX_BUCKETS)
    assert isinstance(part, RunSlice) and 0 < part.stop < 10
    size = sum(b.size for column in part.read().columns for b in column.buffers() if b)
    assert size < 10_000
