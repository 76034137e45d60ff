from __future__ import annotations

import pickle

import pyarrow as pa

from recordmill.pipelines.runtime.elements import Bucket, InputFile, Reject


def test_a_reject_says_where_and_what() -> None:
    reject = Reject("a.csv", 7, "age", "nan", 'expected an integer, got "x"', "x,1")
    assert str(reject) == 'a.csv:7: column "age": expected an integer, got "x"'
    assert str(Reject("a.csv", 7, None, "bad", "expected 3 fields, got 2", "")) == (
        "a.csv:7: expected 3 fields, got 2"
    )


def _no_batches() -> list[pa.RecordBatch]:
    return []


def test_a_bucket_shows_neither_its_rows_nor_their_number() -> None:
    bucket = Bucket("train", 3, _no_batches)  # type: ignore[arg-type]
    assert repr(bucket) == "Bucket(split='train', index=3)"
    assert bucket.repeats() == 0
    assert pickle.loads(pickle.dumps(bucket)) == bucket


def test_files_are_told_apart_by_their_place() -> None:
    assert InputFile("a", None, 0) != InputFile("a", None, 1)
