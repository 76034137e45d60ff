"""Comparison of an exported model with the records it was trained on."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from helpers.exported import export_graph
from helpers.small_recipe import HEADER, SMALL, rows

from recordmill.pipelines import Input, prepare
from recordmill.pipelines.parity.comparison import Comparison
from recordmill.pipelines.parity.models import _align, check_model
from recordmill.pipelines.verify import verify
from recordmill.schemas.errors import DataError
from recordmill.schemas.manifest import Manifest


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Prepare a dataset of 300 rows, in two files."""
    folder = tmp_path_factory.mktemp("small")
    for index in range(2):
        (folder / f"{index}.csv").write_text(HEADER + "".join(rows(150, seed=index)))
    prepare(SMALL, output=str(folder / "out"), inputs=[Input(None, str(folder / "*.csv"))])
    return folder / "out"


def predictions(features: Any) -> dict[str, tf.Tensor]:
    logits = features["age"] + tf.cast(features["city"], tf.float32)
    return {"logits": logits, "classes": tf.where(logits > 0, "yes", "no")}


@pytest.fixture(scope="module")
def model(small: Path) -> Callable[..., str]:
    def export(name: str, **options: Any) -> str:
        folder = small.parent / name
        if not folder.exists():
            export_graph(folder, small, label="label", predictions=predictions, **options)
        return str(folder)

    return export


def read(directory: Path) -> Manifest:
    path = directory / "manifest.json"
    return Manifest.from_json(path.read_text(), path=str(path))


def test_a_good_model_is_equal_along_every_way(small: Path, model: Callable[..., str]) -> None:
    report = verify(str(small), parity=model("good"))
    assert report.parity is not None
    assert report.parity.rows == {"train": 64, "eval": 64}
    assert report.parity.compared == (
        "64 of train, 64 of eval rows, 3 features, by graph, transform, JSON lines, examples"
    )
    assert report.parity.result == "all values are equal"
    assert report.parity.notes == (
        'the model has no signature "records", so its predictions as it was trained were not '
        "compared",
    )


def wrong(features: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    return features | {"city": tf.maximum(features["city"], 1)}


def test_a_model_with_other_values_is_reported(small: Path, model: Callable[..., str]) -> None:
    with pytest.raises(DataError) as error:
        verify(str(small), parity=model("wrong", features=wrong))
    first, *lines = str(error.value).splitlines()
    assert first.startswith(f"{small.parent}/wrong: gets other values than {small} has; ")
    assert len(lines) == 4
    places = [line.strip().split(": ", 1) for line in lines]
    assert [message.split("; and ")[0] for _, message in places] == [
        f'feature "city": stored 0, {way}: 1' for way in ["transform", "JSON lines"] * 2
    ]
    # The place is that of such a row: its city is the most frequent one.
    file, line = places[0][0].removesuffix(" (train)").rsplit(":", 1)
    assert Path(file).read_text().splitlines()[int(line) - 1].split(",")[2].strip() in "Rome Lima"


def test_missing_and_changed_inputs_are_named(
    small: Path, model: Callable[..., str], tmp_path: Path
) -> None:
    manifest = read(small)
    inputs = [Path(source.path) for source in manifest.inputs]
    moved = tmp_path / "0.csv"
    shutil.move(inputs[0], moved)
    content = inputs[1].read_text()
    inputs[1].write_text(content + "1,1,Rome,no\n")
    try:
        with pytest.raises(DataError) as error:
            check_model(str(small), model("good"), manifest)
    finally:
        shutil.move(moved, inputs[0])
        inputs[1].write_text(content)
    lines = str(error.value).splitlines()
    assert lines[0] == "parity: the inputs of the dataset cannot be read again:"
    assert lines[1] == f"  {inputs[0]}: is missing"
    assert lines[2].startswith(f"  {inputs[1]}: has changed: the run read ")


def test_a_model_of_another_dataset_is_reported(small: Path, model: Callable[..., str]) -> None:
    folder = Path(model("good"))
    info = folder / "assets.extra" / "recordmill.json"
    content = info.read_text()
    info.write_text(json.dumps(json.loads(content) | {"transform_fn": {"sha256": "0"}}))
    try:
        comparison = check_model(str(small), str(folder), read(small))
    finally:
        info.write_text(content)
    assert comparison.problems == (
        f"{folder}: the model was exported over the transform graph of another dataset",
    )


def test_filtered_rows_are_passed_over() -> None:
    stored = {"a": np.array([1, 2, 4]), "x": np.array([0.1, 0.2, 0.4], np.float32)}
    given = {"a": np.array([1, 9, 2, 3, 4]), "x": np.array([0.1, 9, 0.2, 3, 0.4], np.float32)}
    assert _align(stored, given, 3) == [0, 2, 4]
    assert _align({"a": np.array([1, 7])}, {"a": np.array([1, 2])}, 2) == [0, 1]


def test_values_that_differ_are_shown_with_their_row() -> None:
    comparison = Comparison()
    ragged = tf.ragged.constant([[1], [2, 3]])
    stored = {"s": np.array([b"a", b"b"], object), "r": ragged, "f": np.float32([1, 1.0000001])}
    got = {"s": np.array([b"a", b"c"], object), "r": ragged[:, :1], "f": np.float32([1, 1])}
    words = ("stored", "served:")
    comparison.add(stored, got, sources=["a.csv:1", "a.csv:2"], kind="feature", sides=words)
    assert comparison.max_ulps == 1
    assert comparison.problems == [
        'a.csv:2: feature "s": stored "b", served: "c"',
        'a.csv:2: feature "r": stored values of shape (2,), served: of shape (1,)',
    ]


def test_sparse_values_are_compared_by_row() -> None:
    def sparse(column: int) -> tf.SparseTensor:
        return tf.SparseTensor([[0, 1], [1, column]], [5, 6], [2, 3])

    comparison = Comparison()
    for column in (2, 0):
        words = ("stored", "served:")
        comparison.add({"s": sparse(2)}, {"s": sparse(column)}, sources="ab", kind="f", sides=words)
    assert comparison.problems == ['b: f "s": stored 2, served: 0']
