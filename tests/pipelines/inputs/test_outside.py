"""A run never deletes its inputs: those in the output are found, through links too."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from helpers.small_images import PETS, TILED
from helpers.small_published import prepare as publish
from helpers.small_recipe import HEADER, SCHEMA, SMALL

from recordmill.pipelines import Input, Reshape, Table, prepare, profile
from recordmill.pipelines.config.recipe import Recipe
from recordmill.pipelines.inputs.outside import check_inputs_outside
from recordmill.pipelines.runtime.publish import Staging
from recordmill.schemas import RecipeError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the output `out`; whether its files are listed does not matter here."""
    for path in ("out/a.csv", "out/photos/cat/1.jpg", "out/boxes/1.xml", "out/images/1.jpg"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch()
    for path in ("data/b.csv", "photos/cat/1.jpg", "boxes/1.xml", "images/1.jpg", "output/c.csv"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch()
    return tmp_path


def check(folder: Path, recipe: Recipe, *patterns: str, replaces: bool = True) -> None:
    output = os.path.realpath(folder / "out")
    inputs = [Input(None, f"{folder}/{pattern}") for pattern in patterns]
    check_inputs_outside(Staging(output, "unused", replaces), recipe, inputs)


def refused(folder: Path, recipe: Recipe, *patterns: str) -> str:
    with pytest.raises(RecipeError) as caught:
        check(folder, recipe, *patterns)
    return str(caught.value).replace(f"{folder}/", "")


def message(*paths: str) -> str:
    noun, they = "an input of the run lies", "it"
    if len(paths) > 1:
        noun, they = "inputs of the run lie", "them"
    return (
        f"out: {noun} in it: {', '.join(paths)}. --overwrite would delete {they}. Move {they} "
        "elsewhere, or choose another output."
    )


def test_inputs_elsewhere(folder: Path) -> None:
    check(folder, SMALL, "data/*.csv", "output/c.csv")
    check(folder, PETS, "photos")
    check(folder, TILED, "boxes/*.xml")


def test_where_nothing_is_replaced_nothing_is_deleted(folder: Path) -> None:
    check(folder, SMALL, "out/a.csv", replaces=False)


def test_tables(folder: Path) -> None:
    assert refused(folder, SMALL, "out/a.csv") == message("out/a.csv")
    assert refused(folder, SMALL, "data/b.csv", "out/*.csv") == message("out/a.csv")
    assert refused(folder, SMALL, "*/?.csv") == message("out/a.csv")
    assert refused(folder, SMALL, "data/../out/a.csv") == message("data/../out/a.csv")


def test_the_first_few_of_many_are_named(folder: Path) -> None:
    for number in range(5):
        (folder / "out" / f"x{number}.csv").touch()
    shown = message("out/x0.csv", "out/x1.csv", "out/x2.csv and 2 more")
    assert refused(folder, SMALL, "out/x*.csv") == shown


def test_links_are_followed(folder: Path) -> None:
    (folder / "data" / "link.csv").symlink_to("../out/a.csv")
    (folder / "linked").symlink_to("out")
    assert refused(folder, SMALL, "data/*.csv") == message("data/link.csv")
    assert refused(folder, SMALL, "linked/a.csv") == message("linked/a.csv")
    (folder / "out" / "away.csv").symlink_to("../data/b.csv")
    check(folder, SMALL, "out/away.csv")  # what is deleted is a link, and no part of the dataset


def test_images(folder: Path) -> None:
    assert refused(folder, PETS, "out/photos") == message("out/photos/cat/1.jpg")
    assert refused(folder, PETS, "out/photos/*/*.jpg") == message("out/photos/cat/1.jpg")
    (folder / "linked").symlink_to("out/photos")
    assert refused(folder, PETS, "linked") == message("linked/cat/1.jpg")


def test_annotations_and_the_folder_of_their_images(folder: Path) -> None:
    assert refused(folder, TILED, "out/boxes/*.xml") == message(
        "out/boxes/1.xml", "out/boxes/images"
    )
    (folder / "boxes" / "images").symlink_to("../out/images")
    assert refused(folder, TILED, "boxes/*.xml") == message("boxes/images")


def visits(visits: Any) -> Any:
    return visits


def prepared(output: Path, recipe: Recipe, path: Path | str, **options: Any) -> str:
    """Return the error of a run whose inputs cannot be read."""
    inputs = [Input(None, str(path))] if path else []
    with pytest.raises(RecipeError) as caught:
        prepare(recipe, output=str(output), inputs=inputs, overwrite=True, **options)
    return str(caught.value)


def test_a_run_is_refused_before_any_data_is_read(tmp_path: Path) -> None:
    output, bad = tmp_path / "out", tmp_path / "out" / "train" / "old.tfrecord"
    publish(output, "old")
    reason = f"{output}: an input of the run lies in it: {bad}. --overwrite would delete"
    assert prepared(output, SMALL, bad).startswith(reason)
    assert prepared(output, PETS, bad).startswith(reason)
    reshape = Reshape(function=visits, schema=SCHEMA)
    assert prepared(output, replace(SMALL, reshape=reshape), bad).startswith(reason)
    table = Table(schema=SCHEMA, inputs=(Input(None, str(bad)),))
    reshape = Reshape(function=visits, tables={"visits": table})
    assert prepared(output, replace(SMALL, reshape=reshape), "").startswith(reason)
    with pytest.raises(RecipeError) as caught:
        profile(SMALL, inputs=[Input(None, str(bad))], output=str(output), overwrite=True)
    assert str(caught.value).startswith(reason)
    assert bad.read_text() == "old"


def test_an_input_that_is_no_part_of_the_dataset(tmp_path: Path) -> None:
    output = tmp_path / "out"
    publish(output, "old")
    (output / "rows.csv").write_text(HEADER)
    assert prepared(output, SMALL, output / "rows.csv") == (
        f"{output}: holds 1 file that is no part of the dataset there: rows.csv. --overwrite would "
        "delete it. Move it elsewhere, or choose another output."
    )
    assert (output / "rows.csv").read_text() == HEADER


def test_a_statistics_cache_in_the_output(tmp_path: Path) -> None:
    output, cache = tmp_path / "out", str(tmp_path / "out" / "cache")
    expected = (
        f"{cache}: the statistics cache lies in the output {output}, which a run replaces as a "
        "whole. Choose another --statistics-cache."
    )
    assert prepared(output, SMALL, "a.csv", statistics_cache=cache) == expected
    with pytest.raises(RecipeError) as caught:
        inputs = [Input(None, "a.csv")]
        profile(SMALL, inputs=inputs, output=str(output), statistics_cache=cache)
    assert str(caught.value) == expected
    assert os.listdir(tmp_path) == []
