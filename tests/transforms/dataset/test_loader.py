from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from recordmill.schemas.column import MISSING_INT64
from recordmill.schemas.errors import DataError, RecipeError
from recordmill.schemas.manifest import Manifest, Shard, Split, tree_sha256
from recordmill.transforms import categorical, numeric
from recordmill.transforms.dataset.loader import load

pytestmark = pytest.mark.slow

TYPES = {"x": float, "n": int, "word": str, "label": str}
COLUMNS: dict[str, Any] = {
    "x": [float(i) for i in range(10)],
    "n": list(range(10)),
    "word": [f"a{'b' * (i % 3)}" for i in range(10)],
    "label": ["yes" if i % 2 else "no" for i in range(10)],
}


def preprocessing_fn(inputs: dict[str, tf.Tensor]) -> dict[str, Any]:
    letters = tf.strings.bytes_split(inputs["word"])
    sparse = letters.to_sparse()
    return {
        "x": numeric.z_score(inputs["x"]),
        "n": tf.stack([inputs["n"], inputs["n"] * 2], axis=1),
        "word": categorical.vocabulary_ids(inputs["word"], vocab_filename="word"),
        "letters": letters,
        "sparse": tf.SparseTensor(sparse.indices, sparse.values, sparse.dense_shape),
        "label": categorical.label_ids(inputs["label"], classes=("no", "yes")),
    }


def example(row: int) -> bytes:
    """Return a record as TFT's encoder writes it."""
    letters = list(COLUMNS["word"][row].encode())
    text = tf.train.BytesList(value=[bytes([letter]) for letter in letters])
    n = tf.train.Int64List(value=[row, 2 * row])
    features = {
        "x": tf.train.Feature(float_list=tf.train.FloatList(value=[row])),
        "n": tf.train.Feature(int64_list=n),
        "word": tf.train.Feature(int64_list=tf.train.Int64List(value=[row % 3])),
        "letters$ragged_values": tf.train.Feature(bytes_list=text),
        "sparse": tf.train.Feature(bytes_list=text),
        "label": tf.train.Feature(int64_list=tf.train.Int64List(value=[row % 2])),
    }
    return tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString()


def write_shard(folder: Path, path: str, rows: range, compression: str) -> Shard:
    target = folder / path
    target.parent.mkdir(exist_ok=True)
    with tf.io.TFRecordWriter(str(target), compression) as writer:
        for row in rows:
            writer.write(example(row))
    return Shard(path, len(rows), target.stat().st_size, "")


def digest(folder: Path) -> str:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return tree_sha256((str(path.relative_to(folder)), path.read_bytes()) for path in files)


@pytest.fixture(scope="module")
def original(analyze: Callable[..., Path]) -> Path:
    """Return a prepared dataset: train of 10 records in 3 shards, one empty, and an empty eval."""
    folder = analyze(preprocessing_fn, COLUMNS | {"types": TYPES})
    shards = [
        write_shard(folder, f"train/data-{index:05}-of-00003.tfrecord.gz", rows, "GZIP")
        for index, rows in enumerate([range(4), range(4, 4), range(4, 10)])
    ]
    manifest = Manifest(
        name="tiny",
        created="2024-01-01T00:00:00Z",
        versions={},
        recipe={},
        seed=0,
        inputs=(),
        splits={"train": Split(10, tuple(shards)), "eval": Split(0, ())},
        ledger={},
        compression="GZIP",
        label="label",
        transform_fn={"sha256": digest(folder / "transform_fn")},
        parity={},
    )
    (folder / "manifest.json").write_text(manifest.to_json())
    return folder


@pytest.fixture
def folder(original: Path, tmp_path: Path) -> Path:
    """Return a copy to damage."""
    return Path(shutil.copytree(original, tmp_path / "dataset"))


def change(folder: Path, **fields: Any) -> None:
    """Rewrites fields of the manifest."""
    path = folder / "manifest.json"
    manifest = Manifest.from_json(path.read_text(), path=str(path))
    path.write_text(replace(manifest, **fields).to_json())


def rows_of(dataset: tf.data.Dataset) -> list[int]:
    return [int(row) for features, _ in dataset for row in features["x"]]


class TestSpecs:
    def test_feature_spec_is_tfts(self, original: Path) -> None:
        import tensorflow_transform as tft

        expected = tft.TFTransformOutput(str(original)).transformed_feature_spec()
        assert repr(sorted(load(original).feature_spec.items())) == repr(sorted(expected.items()))

    def test_raw_spec_reads_what_is_absent_as_missing(self, original: Path) -> None:
        spec = load(str(original)).raw_spec
        parsed = tf.io.parse_example(tf.constant([tf.train.Example().SerializeToString()]), spec)
        assert parsed["n"].numpy().tolist() == [MISSING_INT64]
        assert parsed["word"].numpy().tolist() == [b""]
        assert np.isnan(parsed["x"].numpy()).tolist() == [True]
        assert set(spec) == {"x", "n", "word", "label"}


class TestDataset:
    def test_in_order(self, original: Path) -> None:
        dataset = load(original).dataset("train", 4, shuffle=False)
        assert dataset.cardinality() == 3
        batches = list(dataset)
        assert [len(label) for _, label in batches] == [4, 4, 2]
        assert rows_of(dataset) == list(range(10))
        features, label = batches[1]
        assert set(features) == {"x", "n", "word", "letters", "sparse"}
        assert label.numpy().tolist() == [0, 1, 0, 1]
        assert features["n"].numpy().tolist() == [[n, 2 * n] for n in range(4, 8)]
        assert features["letters"].to_list()[0] == [b"a", b"b"]
        assert tf.sparse.to_dense(features["sparse"]).numpy()[1].tolist() == [b"a", b"b", b"b"]

    def test_shuffled(self, original: Path) -> None:
        data = load(original)
        dataset = data.dataset("train", 3, seed=7, epochs=2)
        assert dataset.cardinality() == 8
        rows = rows_of(dataset)
        assert sorted(rows[:10]) == sorted(rows[10:]) == list(range(10))
        assert rows[:10] != rows[10:]
        assert rows == rows_of(data.dataset("train", 3, seed=7, epochs=2))
        assert rows[:10] != list(range(10))
        assert sorted(rows_of(data.dataset("train", 10))) == list(range(10))

    def test_without_end_and_remainder(self, original: Path) -> None:
        dataset = load(original).dataset(
            "train", 4, shuffle=False, epochs=None, drop_remainder=True
        )
        assert dataset.cardinality() == tf.data.INFINITE_CARDINALITY
        assert dataset.element_spec[1].shape == (4,)
        assert rows_of(dataset.take(3)) == [*range(8), *range(4)]

    def test_an_empty_split(self, original: Path) -> None:
        for shuffle in (True, False):
            dataset = load(original).dataset("eval", 4, shuffle=shuffle)
            assert (dataset.cardinality(), list(dataset)) == (0, [])

    def test_without_label(self, folder: Path) -> None:
        change(folder, label=None)
        features = next(iter(load(folder).dataset("train", 2, shuffle=False)))
        assert features["label"].numpy().tolist() == [0, 1]

    def test_no_such_split(self, original: Path) -> None:
        with pytest.raises(RecipeError) as error:
            load(original).dataset("trian", 4)
        assert str(error.value) == (
            f'{original} has no split "trian", but train, eval; did you mean "train"?'
        )

    @pytest.mark.parametrize("shuffle", [True, False])
    def test_a_shard_cut_at_a_record_boundary_fails(self, folder: Path, shuffle: bool) -> None:
        manifest = load(folder).manifest
        short = write_shard(folder, manifest.splits["train"].shards[2].path, range(4, 9), "GZIP")
        shards = (*manifest.splits["train"].shards[:2], replace(short, records=6))
        change(folder, splits={"train": Split(10, shards)})
        with pytest.raises(tf.errors.FailedPreconditionError, match="expected to contain 6"):
            list(load(folder).dataset("train", 4, shuffle=shuffle))

    def test_a_shard_of_another_size(self, folder: Path) -> None:
        path = folder / "train/data-00002-of-00003.tfrecord.gz"
        size = path.stat().st_size
        path.write_bytes(path.read_bytes()[:-1])
        with pytest.raises(DataError) as error:
            load(folder).dataset("train", 4)
        assert str(error.value) == (
            f"{path}: expected {size:,} bytes, as manifest.json says, got {size - 1:,}. "
            "The shard is damaged. Prepare the dataset again."
        )

    def test_a_missing_shard(self, folder: Path) -> None:
        path = folder / "train/data-00000-of-00003.tfrecord.gz"
        path.unlink()
        with pytest.raises(DataError) as error:
            load(folder).dataset("train", 4)
        assert str(error.value).startswith(f"{path}: cannot be read (")


class TestTransform:
    def test_columns(self, original: Path) -> None:
        outputs = load(original).transform(
            {"x": [4.5, None], "n": np.array([3, 4]), "word": tf.constant(["ab", "zz"])}
        )
        assert outputs["x"].numpy().tolist() == [0.0, 0.0]
        assert outputs["n"].numpy().tolist() == [[3, 6], [4, 8]]
        assert outputs["word"].numpy().tolist() == [2, 3]
        assert outputs["letters"].to_list() == [[b"a", b"b"], [b"z", b"z"]]
        assert "label" not in outputs

    def test_the_label_where_it_is_given(self, original: Path) -> None:
        outputs = load(original).transform({"label": ["yes", "no", ""]})
        assert outputs["label"].numpy().tolist() == [1, 0, -1]

    def test_in_a_map(self, original: Path) -> None:
        raw = tf.data.Dataset.from_tensor_slices({"word": ["a", "ab", "abb"], "n": [1, 2, 3]})
        typed = raw.batch(2).map(lambda row: row | {"n": tf.cast(row["n"], tf.int64)})
        batches = list(typed.map(load(original).transform))
        assert [batch["word"].numpy().tolist() for batch in batches] == [[0, 2], [1]]
        assert batches[1]["x"].numpy().tolist() == [0.0]

    def test_a_wrong_column(self, original: Path) -> None:
        with pytest.raises(DataError) as error:
            load(original).transform({"words": ["a"]})
        assert str(error.value) == (
            'the transform graph takes no column "words"; did you mean "word"?'
        )


class TestRefused:
    def test_no_manifest(self, folder: Path) -> None:
        (folder / "manifest.json").unlink()
        with pytest.raises(DataError) as error:
            load(folder)
        assert str(error.value) == (
            f"{folder}/manifest.json: not found, so there is no prepared dataset here. "
            "A run writes the manifest last: one that failed leaves none."
        )

    @pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b"\xff", b'{"name": "x"}'])
    def test_no_good_manifest(self, folder: Path, content: bytes) -> None:
        (folder / "manifest.json").write_bytes(content)
        with pytest.raises(DataError, match=r"manifest\.json: .*Prepare the dataset again\.$"):
            load(folder)

    def test_a_folder_for_a_manifest(self, folder: Path) -> None:
        (folder / "manifest.json").unlink()
        (folder / "manifest.json").mkdir()
        with pytest.raises(DataError, match=r"manifest\.json: cannot be read"):
            load(folder)

    @pytest.mark.parametrize(
        "path", ["/etc/passwd", "../../etc/passwd", "train/../../x", "file:///etc/passwd"]
    )
    def test_shards_outside_the_folder(self, folder: Path, path: str) -> None:
        change(folder, splits={"train": Split(1, (Shard(path, 1, 1, ""),))})
        with pytest.raises(DataError) as error:
            load(folder)
        assert str(error.value) == (
            f'{folder}/manifest.json: expected shards inside the dataset\'s folder, got "{path}"'
        )

    def test_no_graph(self, folder: Path) -> None:
        shutil.rmtree(folder / "transform_fn")
        with pytest.raises(DataError) as error:
            load(folder)
        assert str(error.value) == (
            f"{folder}/transform_fn: the transform graph is gone. Prepare the dataset again."
        )

    @pytest.mark.parametrize("changed", ["saved_model.pb", "assets/word", "assets/new"])
    def test_the_graph_of_another_run(self, folder: Path, changed: str) -> None:
        expected = digest(folder / "transform_fn")
        with (folder / "transform_fn" / changed).open("ab") as file:
            file.write(b"\n")
        with pytest.raises(DataError) as error:
            load(folder)
        assert str(error.value) == (
            f"{folder}/transform_fn: expected the transform graph with sha256 {expected}, which "
            f"made the records, got {digest(folder / 'transform_fn')}: it was changed or is of "
            "another run. Prepare the dataset again."
        )

    def test_a_label_the_graph_does_not_give(self, folder: Path) -> None:
        change(folder, label="income")
        with pytest.raises(DataError) as error:
            load(folder).dataset("train", 4)
        assert str(error.value) == (
            f'{folder}/manifest.json: the label "income" is no output of the transform graph. '
            "Prepare the dataset again."
        )


def test_needs_only_tensorflow(original: Path) -> None:
    script = f"""
import sys
for name in ("tensorflow_transform", "tensorflow_metadata", "apache_beam", "pyarrow", "tfx_bsl"):
    sys.modules[name] = None  # from here on, importing it is an ImportError
from recordmill.transforms import load
data = load({str(original)!r})
print(len(next(iter(data.dataset("train", 2)))), sorted(data.transform({{"x": [1.0]}})))
"""
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert result.stdout == "2 ['letters', 'n', 'sparse', 'word', 'x']\n", result.stderr


class TestToPandas:
    def test_the_first_records(self, original: Path) -> None:
        frame = load(original).to_pandas("train", n=5)
        assert list(frame.columns) == ["letters", "n", "sparse", "word", "x", "label"]
        assert frame["x"].tolist() == [0, 1, 2, 3, 4]
        assert frame["label"].tolist() == [0, 1, 0, 1, 0]
        assert [row.tolist() for row in frame["n"]] == [[i, 2 * i] for i in range(5)]
        assert [row.tolist() for row in frame["letters"]] == [
            list(word) for word in COLUMNS["word"][:5]
        ]

    def test_all_records_and_none(self, original: Path) -> None:
        data = load(original)
        assert len(data.to_pandas("train")) == 10
        assert data.to_pandas("train", n=0).empty
        assert data.to_pandas("eval").empty
