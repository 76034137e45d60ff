from __future__ import annotations

import json
from pathlib import Path

import pytest
import tensorflow as tf
from helpers.plain_dataset import write_dataset

from recordmill.schemas.errors import DataError
from recordmill.schemas.manifest import Split, tree_sha256
from recordmill.transforms.dataset.loader import load


def test_a_newer_format(tmp_path: Path) -> None:
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps({"format": 2, "versions": {"recordmill": "3.1"}}))
    with pytest.raises(DataError) as error:
        load(tmp_path)
    assert str(error.value) == (
        f"{path}: written in format 2 by recordmill 3.1, and this one reads up to 1: "
        "pip install --upgrade recordmill"
    )


def test_a_graph_of_a_newer_tensorflow(tmp_path: Path) -> None:
    folder = write_dataset(tmp_path / "data", range(2))
    graph = folder / "transform_fn"
    saved = graph / "saved_model.pb"
    saved.write_bytes(saved.read_bytes().replace(b"Log1p", b"Log2q"))
    files = [path for path in graph.rglob("*") if path.is_file()]
    sha256 = tree_sha256((str(path.relative_to(graph)), path.read_bytes()) for path in files)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["transform_fn"] = {"sha256": sha256}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    data = load(folder)
    with pytest.raises(DataError) as error:
        data.dataset("train", 2)
    message = str(error.value)
    assert message.startswith(
        f"{graph}: TensorFlow {tf.__version__} cannot load the graph, which TensorFlow 99.0 wrote ("
    )
    assert "Log2q" in message
    assert message.endswith("): pip install 'tensorflow>=99.0'") and "\n" not in message


def test_shards_that_do_not_add_up(tmp_path: Path) -> None:
    folder = write_dataset(tmp_path / "data", range(2), splits={"train": Split(3, ())})
    with pytest.raises(DataError) as error:
        load(folder).records("train")
    assert str(error.value) == (
        f'{folder}/manifest.json: expected shards of 3 records in "train", got 0. '
        "Prepare the dataset again."
    )
