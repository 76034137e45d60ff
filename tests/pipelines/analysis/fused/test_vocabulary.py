from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from tensorflow_transform import analyzers

from recordmill.pipelines.analysis.fused import vocabulary as fused_vocabulary
from recordmill.pipelines.analysis.fused.vocabulary import GatherVocabulary, merge, prune, write


@given(
    st.lists(st.tuples(st.integers(0, 3), st.binary(max_size=2)), unique_by=lambda pair: pair[1])
)
def test_entries_come_by_count_and_then_by_token(counted: list[tuple[int, bytes]]) -> None:
    table = fused_vocabulary.table_of_pairs(counted)
    operation = SimpleNamespace(
        top_k=4,
        frequency_threshold=1,
        informativeness_threshold=float("-inf"),
        key_fn=None,
        input_dtype="string",
    )
    kept = fused_vocabulary.prune(operation, table).to_pylist()
    expected = sorted(((count, token) for count, token in counted if count), reverse=True)[:4]
    dummy = [analyzers.get_empy_vocabulary_dummy_value("string")]
    assert [(row["metric"], row["token"]) for row in kept] == (expected or dummy)


ORDER = analyzers._VocabOrderingType


def operation_of(**fields: Any) -> Any:
    """The fields of TFT's operations that are read, with their defaults."""
    defaults = {
        "vocab_ordering_type": ORDER.FREQUENCY,
        "top_k": None,
        "frequency_threshold": 0,
        "informativeness_threshold": float("-inf"),
        "coverage_top_k": None,
        "coverage_frequency_threshold": 0,
        "coverage_informativeness_threshold": float("-inf"),
        "key_fn": None,
        "input_dtype": "string",
        "input_is_sorted": False,
        "store_frequency": True,
        "fingerprint_shuffle": False,
        "file_format": "text",
        "vocab_filename": "words",
    }
    return SimpleNamespace(**defaults | fields)


def counted(texts: list[str]) -> pa.Table:
    """The table of tokens as rows pass: reduced in a graph, added, merged."""
    gather = GatherVocabulary(("word",), ORDER.FREQUENCY)
    reduce = tf.function(lambda words: list(gather.reduce([words])), autograph=False)
    part = gather.start()
    for place in range(0, len(texts), 3):
        tensors = reduce(tf.constant(texts[place : place + 3]))
        part = gather.add(part, [np.asarray(one) for one in tensors])
    return merge(operation_of(), gather.join(gather.split(part)))


def test_tokens_are_counted_across_batches() -> None:
    table = counted(["b", "é", "b", "", "é", "é", "a b"])
    assert dict(zip(*table.to_pydict().values(), strict=True)) == {
        b"b": 2,
        "é".encode(): 3,
        b"": 1,
        b"a b": 1,
    }


def test_integers_are_tokens_in_decimal() -> None:
    gather = GatherVocabulary(("n",), ORDER.FREQUENCY)
    reduce = tf.function(lambda numbers: list(gather.reduce([numbers])), autograph=False)
    arrays = [one.numpy() for one in reduce(tf.constant([-3, 7, -3], tf.int64))]
    table = merge(operation_of(), gather.add(gather.start(), arrays))
    assert table.to_pydict() == {"token": [b"-3", b"7"], "metric": [2, 1]}


def test_nothing_was_counted() -> None:
    table = merge(operation_of(), GatherVocabulary(("word",), ORDER.FREQUENCY).start())
    assert (table.num_rows, table.column_names) == (0, ["token", "metric"])


def written(table: pa.Table, folder: Path, reserved: list[bytes] | None = None, **f: Any) -> bytes:
    path = write(operation_of(**f), prune(operation_of(**f), table), reserved, str(folder))
    return Path(path).read_bytes()


WORDS = ["b", "c", "b", "a", "c", "b"]


@pytest.mark.parametrize(
    ("fields", "reserved", "expected"),
    [
        ({}, None, b"3 b\n2 c\n1 a\n"),
        ({"store_frequency": False}, None, b"b\nc\na\n"),
        ({"top_k": 1}, None, b"3 b\n"),
        ({"frequency_threshold": 2}, None, b"3 b\n2 c\n"),
        ({}, [b"first", b"c"], b"-1 first\n-1 c\n3 b\n1 a\n"),
        ({"top_k": 1, "key_fn": lambda token: token, "coverage_top_k": 1}, None, None),
    ],
)
def test_a_vocabulary_as_it_is_written(
    fields: dict[str, Any], reserved: list[bytes] | None, expected: bytes | None, tmp_path: Path
) -> None:
    """Where each token stands for its own key, all are covered, whatever the top k."""
    assert written(counted(WORDS), tmp_path, reserved, **fields) == (
        b"3 b\n2 c\n1 a\n" if expected is None else expected
    )


def test_an_empty_vocabulary_has_the_dummy_of_tft(tmp_path: Path) -> None:
    metric, token = analyzers.get_empy_vocabulary_dummy_value("string")
    line = f"{metric} ".encode() + token + b"\n"
    assert written(counted([]), tmp_path) == line
    assert written(counted(WORDS), tmp_path, top_k=2, frequency_threshold=9) == line


def test_a_vocabulary_of_records(tmp_path: Path) -> None:
    path = write(operation_of(file_format="tfrecord_gzip"), counted(WORDS), None, str(tmp_path))
    assert path == f"{tmp_path}/words.tfrecord.gz"
    records = [*tf.data.TFRecordDataset(path, "GZIP").as_numpy_iterator()]
    assert records == [b"3 b", b"2 c", b"1 a"]
