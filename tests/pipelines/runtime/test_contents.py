"""Files of a published folder, and files that a user put into it."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from recordmill.pipelines.runtime.contents import dataset_at, find_strays, list_stored_files
from recordmill.schemas.manifest import (
    MANIFEST,
    Ledger,
    Manifest,
    Shard,
    Split,
    StoredFile,
    tree_sha256,
)

GRAPH = {
    "saved_model.pb": "graph",
    "fingerprint.pb": "",
    "variables/variables.index": "",
    "variables/variables.data-00000-of-00001": "",
    "assets/city": "Rome\n",
    "assets/deep/city": "Oslo\n",
}
SHARD = "train/data-00000-of-00001.tfrecord"
OTHERS = (
    *("report.html", "schema/schema.pbtxt", "transformed_metadata/schema.pbtxt"),
    *("stats/train.pb", "stats/transformed-train.pb", "rejects/train.jsonl"),
    *("rejects/unsplit.jsonl", SHARD),
)
OLD = Manifest(
    name="old",
    created="2026-01-01T00:00:00Z",
    versions={},
    recipe={},
    seed=0,
    inputs=(),
    splits={"train": Split(1, (Shard(SHARD, 1, 0, ""),))},
    ledger={"train": Ledger(1, 1), "unsplit": Ledger(1, 0, rejected={"x": 1})},
    compression="",
    label=None,
    transform_fn={"sha256": tree_sha256((name, text.encode()) for name, text in GRAPH.items())},
    parity={},
)


def write(folder: Path, *paths: str, text: str = "") -> None:
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """Write a dataset as recordmill 0.1.0 did: its manifest lists only shards."""
    write(tmp_path, *OTHERS)
    for name, text in GRAPH.items():
        write(tmp_path, f"transform_fn/{name}", text=text)
    write(tmp_path, "transformed_metadata/asset_map", text=json.dumps({"city": "city"}))
    return with_manifest(tmp_path, OLD)


def with_manifest(folder: Path, manifest: Manifest) -> Path:
    text = {key: value for key, value in json.loads(manifest.to_json()).items() if key != "files"}
    write(folder, MANIFEST, text=json.dumps(text))
    return folder


def strays(folder: Path) -> list[str]:
    contents = dataset_at(str(folder))
    assert contents and contents.kind == "dataset"
    return find_strays(str(folder), contents.paths)


def test_every_file_of_an_old_dataset_belongs_to_it(old: Path) -> None:
    assert strays(old) == []


@pytest.mark.parametrize(
    "path",
    [
        *("notes.txt", "model/weights.h5", "train/notes.txt", "train/data-00001-of-00002.tfrecord"),
        *("stats/test.pb", "stats/notes.csv", "rejects/eval.jsonl", "rejects/reshape-train.jsonl"),
        *("schema/other.pbtxt", "transformed_metadata/mine", "label_map.pbtxt", "profile.json"),
        *("facets.pb", ".hidden", "a\nb"),
    ],
)
def test_every_other_file_is_a_stray(old: Path, path: str) -> None:
    write(old, path)
    assert strays(old) == [path]


def test_files_of_boxes_and_of_a_reshape_belong_to_an_old_dataset(old: Path) -> None:
    write(old, "label_map.pbtxt", "rejects/reshape-train.jsonl")
    sources = {"function": "f", "sources": {"train": {}}}
    with_manifest(old, replace(OLD, images={"kind": "detection"}, reshape=sources))
    assert strays(old) == []


def test_a_file_among_those_of_an_old_graph_is_a_stray(old: Path) -> None:
    write(old, "transform_fn/assets/notes.txt", "transform_fn/mine")
    # Which of them are the graph's can no longer be told by its digest.
    assert strays(old) == [
        *("transform_fn/assets/deep/city", "transform_fn/assets/notes.txt", "transform_fn/mine")
    ]


def test_links_and_special_files_are_strays_and_are_not_followed(old: Path) -> None:
    os.mkdir(old.parent / "elsewhere")
    write(old.parent, "elsewhere/notes.txt")
    (old / "folder").symlink_to("../elsewhere")
    (old / "train" / "link").symlink_to("../../elsewhere/notes.txt")
    (old / "broken").symlink_to("nowhere")
    os.mkfifo(old / "transform_fn" / "pipe")
    paths = strays(old)
    assert [path for path in paths if "assets" not in path] == [
        *("broken", "folder", "train/link", "transform_fn/pipe")
    ]


def test_an_empty_folder_is_no_stray(old: Path) -> None:
    (old / "model" / "deep").mkdir(parents=True)
    assert strays(old) == []


def test_a_dataset_has_the_files_of_its_manifest_and_no_others(tmp_path: Path) -> None:
    write(tmp_path, "odd/name", "train/x", "stats/train.pb")
    listed = list_stored_files(str(tmp_path))
    write(tmp_path, MANIFEST, text=replace(OLD, files=listed).to_json())
    assert strays(tmp_path) == []
    write(tmp_path, *OTHERS)
    assert strays(tmp_path) == sorted({*OTHERS} - {"stats/train.pb"})


def test_files_are_listed_with_size_and_digest(tmp_path: Path) -> None:
    write(tmp_path, "b/a", text="1\n")
    write(tmp_path, "b.txt")
    hashed = StoredFile("b.txt", 7, "known already")
    sha256 = hashlib.sha256(b"1\n").hexdigest()
    assert list_stored_files(str(tmp_path), [hashed]) == (hashed, StoredFile("b/a", 2, sha256))


def test_other_folders_have_no_contents(tmp_path: Path) -> None:
    assert dataset_at(str(tmp_path)) is None
    write(tmp_path, MANIFEST, text="{}")
    assert dataset_at(str(tmp_path)) is None
