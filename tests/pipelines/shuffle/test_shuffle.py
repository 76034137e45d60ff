"""Rows into buckets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pytest
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from hypothesis import given
from hypothesis import strategies as st

from recordmill.pipelines.runtime.elements import Bucket
from recordmill.pipelines.runtime.thread_pool import ElementFn, SerialDoFn
from recordmill.pipelines.shuffle.layout import KEY, TABLE, BucketLayout
from recordmill.pipelines.shuffle.shuffle import (
    RowSink,
    ShuffleByGroup,
    ShuffleOnDisk,
    plan_buckets,
)
from recordmill.pipelines.shuffle.sorted_runs import KeyedRows, RunWriter, SortedRun

WORDS = ("", "a", "bb", "ccc", "été")


def rows_of(seed: int, count: int) -> pa.Table:
    """Rows whose key is a function of their values, as the cleaning makes them."""
    random = np.random.default_rng(seed)
    number = random.integers(0, 50, count)
    word = random.integers(0, len(WORDS) + 1, count)
    spread = np.uint64(0x9E3779B97F4A7C15)
    hi = (number.astype(np.uint64) * np.uint64(7) + word.astype(np.uint64)) * spread
    words = pa.array([(*WORDS, None)[i] for i in word]).dictionary_encode()
    return pa.table(
        {"number": number, "word": words, KEY[0]: hi, KEY[1]: hi ^ spread},
    )


def cut(table: pa.Table, places: list[int]) -> list[KeyedRows]:
    """The rows in several batches, each with a dictionary of its own."""
    bounds = sorted({0, table.num_rows, *(place % (table.num_rows + 1) for place in places)})
    batches = []
    for start, stop in pairwise(bounds):
        part = table.slice(start, stop - start)
        word = pa.array(part["word"].to_pylist(), pa.string()).dictionary_encode()
        part = part.set_column(1, "word", word)
        batches.append(KeyedRows("train", part.combine_chunks().to_batches()[0]))
    return batches


def contents(buckets: list[Bucket]) -> list[tuple[str, int, int, list[pa.RecordBatch]]]:
    return [
        (bucket.split, bucket.index, bucket.repeats(), list(bucket.open())) for bucket in buckets
    ]


def in_sevens(rows: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    for start in range(0, rows.num_rows, 7):
        yield rows.slice(start, 7)


SMALL = BucketLayout(TABLE.weigh, in_sevens, small=1 << 18, large=40)


def on_disk(keyed: list[KeyedRows], directory: str, *, distinct: bool = False) -> list[Bucket]:
    runs = [run for each in keyed for run in written(each, directory=directory)]
    return list(plan_buckets(runs, ["train"], distinct, SMALL))


def written(*keyed: KeyedRows, directory: str) -> list[SortedRun]:
    writer = RunWriter(directory, SMALL)
    writer.setup()
    return [run for each in keyed for run in writer(each)] + writer.finish()


class Placed(ElementFn):
    """The work of placing rows, and nothing else."""

    def __init__(self, place: RowSink) -> None:
        self._place = place

    def setup(self) -> None:
        self._place.setup()

    def __call__(self, element: KeyedRows, *side_inputs: Any) -> Sequence[Any]:
        return self._place(element)

    def finish(self) -> Sequence[Any]:
        return self._place.finish()


def test_buckets_do_not_depend_on_how_the_rows_were_cut(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    @given(
        seed=st.integers(0, 99),
        places=st.lists(st.integers(0, 1000), max_size=5),
        distinct=st.booleans(),
    )
    def check(seed: int, places: list[int], distinct: bool) -> None:
        directory = str(tmp_path_factory.mktemp("runs"))
        table = rows_of(seed, 300)
        shuffled = table.take(np.random.default_rng(seed).permutation(300))
        whole = contents(on_disk(cut(table, []), directory, distinct=distinct))
        parts = contents(on_disk(cut(shuffled, places), directory, distinct=distinct))
        assert len(whole) == 16
        assert parts == whole

    check()


def test_every_row_is_in_one_bucket_sorted_by_its_key(tmp_path: Path) -> None:
    table = rows_of(1, 500)
    buckets = on_disk(cut(table, [100, 217]), str(tmp_path))
    rows = [row for bucket in buckets for batch in bucket.open() for row in batch.to_pylist()]
    plain = table.sort_by([(KEY[0], "ascending"), (KEY[1], "ascending")])
    assert rows == plain.drop_columns(list(KEY)).to_pylist()


def test_distinct_leaves_each_row_once_and_counts_the_rest(tmp_path: Path) -> None:
    table = rows_of(2, 400)
    buckets = on_disk(cut(table, [13]), str(tmp_path), distinct=True)
    rows = [tuple(row.items()) for b in buckets for batch in b.open() for row in batch.to_pylist()]
    expected = {tuple(row.items()) for row in table.drop_columns(list(KEY)).to_pylist()}
    assert len(rows) == len(expected) and set(rows) == expected
    assert sum(bucket.repeats() for bucket in buckets) == 400 - len(expected)


def test_dictionaries_are_sorted_and_hold_only_what_is_used(tmp_path: Path) -> None:
    batch = pa.record_batch(
        {
            "word": pa.DictionaryArray.from_arrays(
                pa.array([3, None, 1], pa.int32()), ["unused", "b", "unused too", "a"]
            ),
            KEY[0]: pa.array([1, 2, 3], pa.uint64()),
            KEY[1]: pa.array([0, 0, 0], pa.uint64()),
        }
    )
    (bucket,) = on_disk([KeyedRows("train", batch)], str(tmp_path))
    (rows,) = bucket.open()
    assert rows.column("word").dictionary.to_pylist() == ["a", "b"]
    assert rows.column("word").to_pylist() == ["a", None, "b"]


def test_a_split_without_rows_has_one_empty_bucket(tmp_path: Path) -> None:
    (bucket,) = plan_buckets([], ["train"], False, TABLE)
    assert (bucket.split, bucket.index, list(bucket.open())) == ("train", 0, [])


def test_the_number_of_buckets_is_a_power_of_two_of_the_cells() -> None:
    rows = (1, 1747, 1748, 20_000, 60_000)
    assert [TABLE.buckets(count * 150) for count in rows] == [1, 1, 2, 8, 16]
    assert TABLE.buckets(10**10 * 15) == 1024


@pytest.mark.parametrize("repeat", [0, 3])
def test_the_runners_own_grouping_gives_the_same_buckets(tmp_path: Path, repeat: int) -> None:
    batches = cut(rows_of(4, 300), [20, 150])
    seen: dict[str, list[object]] = {}
    for name, shuffled in {
        "disk": ShuffleOnDisk(str(tmp_path), ["train"], True, SMALL),
        "group": ShuffleByGroup(True, SMALL),
    }.items():
        options = PipelineOptions([f"--direct_runner_bundle_repeat={repeat}"])
        path = f"{tmp_path}/{name}.txt"
        with beam.Pipeline(FnApiRunner(), options) as p:
            _ = (
                p
                | beam.Create(batches)
                | "Place" >> beam.ParDo(SerialDoFn(Placed(shuffled.sink)))
                | shuffled
                | beam.Map(
                    lambda b: repr((b.index, b.repeats(), [x.to_pylist() for x in b.open()]))
                )
                | beam.io.WriteToText(path, shard_name_template="")
            )
        with open(path) as lines:
            seen[name] = sorted(lines)
    filled = [line for line in seen["disk"] if not str(line).endswith("[])\n")]
    assert filled == seen["group"] and len(filled) > 3
