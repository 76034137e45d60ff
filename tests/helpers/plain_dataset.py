"""A prepared dataset written with tensorflow alone, in a moment."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import tensorflow as tf

from recordmill.schemas.column import MISSING_INT64
from recordmill.schemas.manifest import Manifest, Shard, Split, tree_sha256

WORDS = ("a", "ab", "abb")
CLASSES = ("no", "yes")


class Graph(tf.Module):
    """A transform graph with a vocabulary among its assets."""

    def __init__(self, vocabulary: str) -> None:
        super().__init__()
        words = tf.lookup.TextFileInitializer(
            vocabulary, tf.string, tf.lookup.TextFileIndex.WHOLE_LINE, tf.int64,
            tf.lookup.TextFileIndex.LINE_NUMBER,
        )  # fmt: skip
        self.words = tf.lookup.StaticVocabularyTable(words, 1)
        ids = tf.constant(range(len(CLASSES)), tf.int64)
        labels = tf.lookup.KeyValueTensorInitializer(tf.constant(CLASSES), ids)
        self.labels = tf.lookup.StaticHashTable(labels, -1)

    @tf.function(
        input_signature=[
            {
                "x-raw": tf.TensorSpec([None], tf.float32),
                "n": tf.TensorSpec([None], tf.int64),
                "word": tf.TensorSpec([None], tf.string),
                "unused": tf.TensorSpec([None], tf.string),
                "label": tf.TensorSpec([None], tf.string),
            }
        ]
    )
    def transform(self, raw: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        x, n = raw["x-raw"], raw["n"]
        return {
            "x": tf.math.log1p(tf.where(tf.math.is_nan(x), tf.zeros_like(x), x)),
            "n/a": tf.cast(tf.equal(n, MISSING_INT64), tf.float32),
            "word": self.words.lookup(tf.strings.strip(raw["word"])),
            "label": self.labels.lookup(raw["label"]),
        }


def raw_row(row: int) -> dict[str, Any]:
    """What row number `row` was, before it was transformed."""
    word, label = WORDS[row % 3], CLASSES[row % 2]
    return {"x-raw": float(row), "n": row, "word": word, "unused": "", "label": label}


def _example(row: int) -> bytes:
    floats = {"x": math.log1p(row), "n/a": 0.0}
    features = {
        name: tf.train.Feature(float_list=tf.train.FloatList(value=[value]))
        for name, value in floats.items()
    }
    for name, value in {"word": row % 3, "label": row % 2}.items():
        features[name] = tf.train.Feature(int64_list=tf.train.Int64List(value=[value]))
    return tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString()


def write_dataset(folder: Path, *shards: range, **fields: Any) -> Path:
    """A dataset with a split "train" of these rows; `fields` are others of the manifest."""
    folder.mkdir(parents=True)
    (folder / "word").write_text("".join(f"{word}\n" for word in WORDS))
    graph = folder / "transform_fn"
    made = Graph(str(folder / "word"))
    made.transform_fn = made.transform.get_concrete_function()
    tf.saved_model.save(made, str(graph))
    files = [path for path in graph.rglob("*") if path.is_file()]
    sha256 = tree_sha256((str(path.relative_to(graph)), path.read_bytes()) for path in files)
    written = []
    (folder / "train").mkdir()
    for index, rows in enumerate(shards):
        path = f"train/data-{index:05}-of-{len(shards):05}.tfrecord"
        with tf.io.TFRecordWriter(str(folder / path)) as writer:
            for row in rows:
                writer.write(_example(row))
        written.append(Shard(path, len(rows), (folder / path).stat().st_size, ""))
    known: dict[str, Any] = {
        "name": "plain", "created": "2024-01-01T00:00:00Z", "versions": {"tensorflow": "99.0"},
        "recipe": {}, "seed": 0, "inputs": (), "ledger": {}, "compression": "", "parity": {},
        "splits": {"train": Split(sum(map(len, shards)), tuple(written))},
        "label": "label", "classes": CLASSES, "transform_fn": {"sha256": sha256},
    }  # fmt: skip
    (folder / "manifest.json").write_text(Manifest(**known | fields).to_json())
    return folder
