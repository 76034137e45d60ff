from __future__ import annotations

import hashlib
import json
from dataclasses import replace

import pytest

from recordmill.schemas.errors import DataError
from recordmill.schemas.manifest import (
    Ledger,
    Manifest,
    Shard,
    SourceFile,
    Split,
    StoredFile,
    tree_sha256,
)

MANIFEST = Manifest(
    name="census",
    created="2026-01-02T03:04:05Z",
    versions={"recordmill": "0.1.0"},
    recipe={"name": "census", "seed": 0},
    seed=0,
    inputs=(SourceFile("adult.data", "train", 10, "ab", 3), SourceFile("é.csv", None, 0, "", 0)),
    splits={"train": Split(2, (Shard("train/data-00000-of-00001.tfrecord", 2, 99, "cd"),))},
    ledger={"train": Ledger(read=3, written=2, rejected={"not_an_integer": 1})},
    compression="GZIP",
    label="income",
    transform_fn={"sha256": "ef"},
    parity={"rows": 2, "equal": True},
    files=(StoredFile("report.html", 12, "gh"),),
)


def test_json_round_trip() -> None:
    text = MANIFEST.to_json()
    assert Manifest.from_json(text, path="d/manifest.json") == MANIFEST
    assert text.startswith('{\n  "name": "census",\n') and text.endswith("}\n")
    assert '"é.csv"' in text


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"name": "census"}', "3"])
def test_a_text_that_is_no_manifest(text: str) -> None:
    with pytest.raises(DataError) as error:
        Manifest.from_json(text, path="d/manifest.json")
    assert str(error.value).startswith("d/manifest.json: not a recordmill manifest (")
    assert str(error.value).endswith("). Prepare the dataset again.")


def test_a_field_of_a_later_version_is_passed_over() -> None:
    data = json.loads(MANIFEST.to_json()) | {"colour": "red"}
    assert Manifest.from_json(json.dumps(data), path="manifest.json") == MANIFEST


def test_a_manifest_of_0_1_lists_no_files() -> None:
    data = json.loads(MANIFEST.to_json())
    del data["files"]
    assert Manifest.from_json(json.dumps(data), path="manifest.json") == replace(MANIFEST, files=())


def test_ledgers_add_up() -> None:
    first = Ledger(7, 1, 2, 1, 1, {"out_of_range": 2})
    second = Ledger(3, 1, 0, 0, 0, {"not_finite": 1, "out_of_range": 1})
    assert first + second == Ledger(10, 2, 2, 1, 1, {"not_finite": 1, "out_of_range": 3})
    assert Ledger() + first == first
    (first + second).check("train")


def test_a_ledger_that_does_not_add_up() -> None:
    with pytest.raises(DataError) as error:
        replace(Ledger(), read=20_001, written=11_078, rejected={"ragged": 2}).check("train")
    assert str(error.value) == (
        "the ledger of train does not add up: read 20,001, but written 11,078 + filtered 0 + "
        "duplicates 0 + sampled out 0 + rejected 2 = 11,080. This is a bug in recordmill; nothing "
        "was published."
    )


def test_tree_sha256_depends_on_paths_and_contents_alone() -> None:
    files = [("b", b"2"), ("a/x", b"")]
    digest = hashlib.sha256(b"a/x\x000\x00b\x001\x002").hexdigest()
    assert tree_sha256(files) == tree_sha256(reversed(files)) == digest
    assert tree_sha256([("b", b""), ("a/x", b"2")]) != digest
    assert tree_sha256([]) == hashlib.sha256().hexdigest()
