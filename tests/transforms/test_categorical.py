from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from recordmill.schemas.column import MISSING_INT64
from recordmill.schemas.errors import RecipeError
from recordmill.transforms import categorical
from recordmill.transforms.missing import fill_missing
from recordmill.transforms.serving.transform_graph import TransformGraph

TYPES = {"s": str, "i": int, "none": str}
COLUMNS: dict[str, Any] = {
    "s": ["b", "b", "b", "a", "c", "", "two\nlines", "a", "", ""],
    "i": [7, 7, 7, 12, 3, MISSING_INT64, 12, MISSING_INT64, -1, MISSING_INT64],
    "none": [""] * 10,
}


def preprocessing_fn(inputs: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    s = inputs["s"]
    ids = categorical.vocabulary_ids(s, vocab_filename="s")
    return {
        "s": ids,
        "s/top_2": categorical.vocabulary_ids(s, top_k=2, num_oov_buckets=0),
        "s/twice": categorical.vocabulary_ids(s, min_count=2, num_oov_buckets=1),
        "s/filled": categorical.vocabulary_ids(fill_missing(s, "?"), vocab_filename="filled"),
        "s/hashed": categorical.hash_buckets(s, num_buckets=10),
        "s/one_hot": categorical.one_hot(ids, depth=3),
        "s/label": categorical.label_ids(s, classes=("a", "b")),
        "i": categorical.vocabulary_ids(inputs["i"], vocab_filename="i"),
        "i_x_s": categorical.cross([inputs["i"], s], num_buckets=100),
        "none": categorical.vocabulary_ids(inputs["none"], num_oov_buckets=1),
    }


@pytest.fixture(scope="module")
def folder(analyze: Callable[..., Path]) -> Path:
    return analyze(preprocessing_fn, COLUMNS | {"types": TYPES})


@pytest.fixture(scope="module")
def graph(folder: Path) -> TransformGraph:
    return TransformGraph(f"{folder}/transform_fn")


@pytest.mark.slow
class TestAnalyzed:
    def test_ids(self, graph: TransformGraph) -> None:
        outputs = graph({name: tf.constant(values) for name, values in COLUMNS.items()})
        result = {name: outputs[name].numpy().tolist() for name in ("s", "s/top_2", "s/twice")}
        assert result == {
            "s": [0, 0, 0, 1, 2, 3, 3, 1, 3, 3],
            "s/top_2": [0, 0, 0, 1, -1, -1, -1, 1, -1, -1],
            "s/twice": [0, 0, 0, 1, 2, 2, 2, 1, 2, 2],
        }
        assert outputs["s/filled"].numpy().tolist() == [0, 0, 0, 2, 3, 1, 4, 2, 1, 1]
        assert outputs["i"].numpy().tolist() == [0, 0, 0, 1, 2, 4, 1, 4, 3, 4]
        assert outputs["s/label"].numpy().tolist() == [1, 1, 1, 0, -1, -1, -1, 0, -1, -1]
        assert outputs["s/one_hot"].numpy()[[0, 5]].tolist() == [[1, 0, 0], [0, 0, 0]]
        assert outputs["none"].numpy().tolist() == [1] * 10

    def test_vocabulary_files(self, folder: Path) -> None:
        assets = folder / "transform_fn" / "assets"
        assert (assets / "s").read_bytes() == b"b\na\nc\n"
        assert (assets / "filled").read_bytes() == b"b\n?\na\nc\n"
        assert (assets / "i").read_bytes() == b"7\n12\n3\n-1\n"

    def test_served_values_never_seen(self, graph: TransformGraph) -> None:
        raw = {
            "s": tf.constant(["zz"]),
            "i": tf.constant([5], tf.int64),
            "none": tf.constant(["a"]),
        }
        outputs = {name: value.numpy()[0].tolist() for name, value in graph(raw).items()}
        eager = categorical.cross([raw["i"], raw["s"]], num_buckets=100)
        assert outputs == {
            "s": 3,
            "s/top_2": -1,
            "s/twice": 2,
            "s/filled": 4,
            "s/hashed": tf.strings.to_hash_bucket_fast("zz", 10).numpy(),
            "s/one_hot": [0, 0, 0],
            "s/label": -1,
            "i": 4,
            "i_x_s": eager.numpy()[0],
            "none": 1,
        }

    def test_the_schema_knows_the_range_of_ids(self, folder: Path) -> None:
        import tensorflow_transform as tft

        output = tft.TFTransformOutput(str(folder))
        names = ("s", "i", "s/hashed", "i_x_s")
        sizes = {name: output.num_buckets_for_transformed_feature(name) for name in names}
        assert sizes == {"s": 4, "i": 5, "s/hashed": 10, "i_x_s": 100}
        label = output.transformed_domains()["s/label"]
        assert (label.min, label.max, label.is_categorical) == (-1, 1, True)
        assert output.vocabulary_by_name("s") == [b"b", b"a", b"c"]


@pytest.mark.slow
def test_empty_data(analyze: Callable[..., Path]) -> None:
    columns: dict[str, Any] = {"s": [], "i": [], "none": []}
    graph = TransformGraph(f"{analyze(preprocessing_fn, columns | {'types': TYPES})}/transform_fn")
    raw = {
        "s": tf.constant(["a", ""]),
        "i": tf.constant([5, MISSING_INT64], tf.int64),
        "none": tf.constant(["", ""]),
    }
    outputs = graph(raw)
    assert outputs["s"].numpy().tolist() == [1, 1]
    assert outputs["i"].numpy().tolist() == [1, 1]
    assert outputs["s/top_2"].numpy().tolist() == [-1, -1]


@settings(deadline=None, max_examples=50)
@given(
    rows=st.lists(
        st.tuples(
            st.text(),
            st.integers(MISSING_INT64, 2**63 - 1),
            st.text("ab", max_size=2),
        ),
        min_size=1,
    ),
    num_buckets=st.integers(1, 2**40),
)
def test_cross_is_tensorflows(rows: list[tuple[str, int, str]], num_buckets: int) -> None:
    xs = [tf.constant(list(column)) for column in zip(*rows, strict=True)]
    xs[1] = tf.cast(tf.constant([row[1] for row in rows], tf.int64), tf.int64)
    expected = tf.sparse.cross_hashed([x[:, tf.newaxis] for x in xs], num_buckets).values
    result = categorical.cross(xs, num_buckets=num_buckets)
    assert result.dtype == tf.int64
    assert result.numpy().tolist() == expected.numpy().tolist()


def test_ids_outside_of_a_graph_leave_nothing_behind() -> None:
    """An entry in a collection of the default graph would appear in every later trace."""
    categorical.hash_buckets(tf.constant(["a"]), num_buckets=3)
    categorical.cross([tf.constant(["a"]), tf.constant(["b"])], num_buckets=3)
    graph = tf.compat.v1.get_default_graph()
    assert not [key for key in graph.get_all_collection_keys() if "schema" in str(key)]


def test_cross_keeps_the_shape_and_tells_orders_apart() -> None:
    x, y = tf.constant([["a", "b"]]), tf.constant([["b", "a"]])
    crossed = categorical.cross([x, y], num_buckets=10**9)
    assert crossed.shape == (1, 2)
    assert crossed[0, 0] != crossed[0, 1]
    joined = categorical.cross([tf.constant(["ab"]), tf.constant(["c"])], num_buckets=10**9)
    assert (
        joined[0]
        != categorical.cross([tf.constant(["a"]), tf.constant(["bc"])], num_buckets=10**9)[0]
    )


def test_hash_buckets_of_integers_are_those_of_their_digits() -> None:
    ints = categorical.hash_buckets(
        tf.constant([[12, -1, MISSING_INT64]], tf.int64), num_buckets=97
    )
    texts = categorical.hash_buckets(tf.constant([["12", "-1", ""]]), num_buckets=97)
    assert (ints.dtype, ints.shape) == (tf.int64, (1, 3))
    assert ints.numpy().tolist() == texts.numpy().tolist()


def test_one_hot() -> None:
    vectors = categorical.one_hot(tf.constant([[1], [-1], [MISSING_INT64], [2]], tf.int64), depth=2)
    assert vectors.dtype == tf.float32
    assert vectors.numpy().tolist() == [[[0, 1]], [[0, 0]], [[0, 0]], [[0, 0]]]


def test_label_ids_in_a_function_of_their_own() -> None:
    ids = tf.function(lambda x: categorical.label_ids(x, classes=("no", "yes")))
    x = tf.constant([["yes", "no", "", "maybe"]])
    for _ in range(2):
        np.testing.assert_array_equal(ids(x), np.int64([[1, 0, -1, -1]]))


@pytest.mark.parametrize("classes", [(), ("a", "a")])
def test_label_ids_wants_distinct_classes(classes: tuple[str, ...]) -> None:
    with pytest.raises(RecipeError) as error:
        categorical.label_ids(tf.constant(["a"]), classes=classes)
    assert str(error.value) == f"expected distinct classes, got {list(classes)}"


def test_cross_wants_two_columns() -> None:
    with pytest.raises(RecipeError) as error:
        categorical.cross([tf.constant(["a"])], num_buckets=10)
    assert str(error.value) == "expected two or more columns to cross, got 1"


def test_there_must_be_a_bucket() -> None:
    x = tf.constant(["a"])
    for hashed in (
        lambda: categorical.hash_buckets(x, num_buckets=0),
        lambda: categorical.cross([x, x], num_buckets=0),
    ):
        with pytest.raises(RecipeError, match=r"^expected num_buckets of at least 1, got 0$"):
            hashed()
