"""Rows of the first records, read again from the inputs."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest
from helpers.small_recipe import HEADER, SCHEMA, SMALL, rows

from recordmill.pipelines.parity.input_rows import read_input_rows
from recordmill.schemas.errors import DataError
from recordmill.schemas.manifest import Ledger, Manifest, SourceFile


@pytest.fixture
def manifest(tmp_path: Path) -> Manifest:
    """Return the manifest of a dataset of 100 rows, one of them bad."""
    path = tmp_path / "a.csv"
    path.write_text(HEADER + "x,1,Rome,no\n" + "".join(rows(99)))
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    return Manifest(
        name="small",
        created="2026-01-01T00:00:00Z",
        versions={},
        recipe=SMALL.resolved(),
        seed=0,
        inputs=(SourceFile(str(path), None, path.stat().st_size, sha256, 100),),
        splits={},
        ledger={"train": Ledger(written=75), "eval": Ledger(written=24)},
        compression="",
        label="label",
        transform_fn={},
        parity={},
    )


def test_rows_have_their_text_and_line(manifest: Manifest) -> None:
    splits = read_input_rows(manifest, SCHEMA, rows=8)
    assert sorted(splits) == ["eval", "train"]
    for split in splits.values():
        assert (split.records, split.filtered) == (8, False)
        for source, row in zip(split.sources, split.texts.to_pylist(), strict=True):
            path, line = source.rsplit(":", 1)
            text = Path(path).read_text().splitlines()[int(line) - 1]
            assert ",".join(row.values()) == text
    all_rows = read_input_rows(manifest, SCHEMA, rows=1000)
    assert sum(split.records for split in all_rows.values()) == 99
    assert all_rows["train"].sources[:8] == splits["train"].sources


def test_more_rows_are_read_where_filters_left_out_some(manifest: Manifest) -> None:
    ledger = {"train": Ledger(written=25, filtered=50), "eval": Ledger(written=24)}
    splits = read_input_rows(replace(manifest, ledger=ledger), SCHEMA, rows=4)
    assert [(split.records, split.filtered) for split in splits.values()] == [(4, True), (4, True)]
    assert splits["train"].texts.num_rows == 64


def test_rows_that_a_function_made_are_not_in_the_files(manifest: Manifest) -> None:
    with pytest.raises(DataError, match="a function computed the rows"):
        read_input_rows(replace(manifest, reshape={"function": "a:b"}), SCHEMA)


def test_changed_and_missing_inputs(manifest: Manifest) -> None:
    path = Path(manifest.inputs[0].path)
    path.write_text("age,height\n1,2\n")
    with pytest.raises(DataError) as error:
        read_input_rows(manifest, SCHEMA)
    lines = str(error.value).splitlines()
    assert lines[0] == "parity: the inputs of the dataset cannot be read again:"
    assert lines[1].startswith(f"  {path}: ")
    assert lines[2].startswith("Relative paths are those of the run:")


def test_rows_of_a_dataset_with_split_names_that_are_invalid_now(manifest: Manifest) -> None:
    split = {"columns": [], "ratios": {"train.v1": 0.75, "prüfung": 0.25}}
    ledger = {"train.v1": Ledger(written=75), "prüfung": Ledger(written=24)}
    named = replace(manifest, recipe={**manifest.recipe, "split": split}, ledger=ledger)
    assert sorted(read_input_rows(named, SCHEMA, rows=8)) == ["prüfung", "train.v1"]
