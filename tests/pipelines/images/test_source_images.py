"""What a run makes of images that are bad, odd, repeated or of no use."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from helpers import small_images
from helpers.small_images import PETS, TILED, encoded, examples, picture, run, value, write_pets
from PIL import Image

from recordmill.pipelines import Input, Recipe, prepare
from recordmill.pipelines.config.image_format import ImageFormat
from recordmill.pipelines.config.images import Images
from recordmill.pipelines.verify import verify
from recordmill.schemas import Column
from recordmill.schemas.errors import DataError, RecipeError
from recordmill.schemas.images import ImageSchema
from recordmill.schemas.manifest import Expansion

pytestmark = pytest.mark.slow  # a run a test


def test_bad_images_are_rejected_one_by_one(tmp_path: Path) -> None:
    folder = write_pets(tmp_path / "in", 8)
    whole = encoded(picture(100, (200, 150)), quality=90)
    bad = {
        "cut.jpg": whole[: len(whole) // 2],
        "ended.jpg": whole[: len(whole) // 2] + whole[-2:],
        "empty.jpg": b"",
        "page.jpg": b"<html><body>404</body></html>",
        "huge.png": encoded(Image.new("1", (15_000, 12_000)), "PNG"),
    }
    for name, data in bad.items():
        (folder / "cat" / name).write_bytes(data)
    (folder / "cat" / "endless.jpg").write_bytes(whole[:-2])
    recipe = replace(PETS, max_reject_ratio=0.5)
    manifest = run(recipe, folder, tmp_path / "out")
    (rejected,) = [ledger.rejected for ledger in manifest.ledger.values() if ledger.rejected]
    assert rejected == {
        "empty_file": 1,
        "not_an_image": 1,
        "too_many_pixels": 1,
        "truncated": 2,
    }
    lines = (tmp_path / "out/rejects/unsplit.jsonl").read_text().splitlines()
    rejects = {Path(one["file"]).name: one for one in map(json.loads, lines)}
    assert set(rejects) == set(bad)
    assert rejects["huge.png"]["message"].startswith(
        "expected at most 50,000,000 pixels, got 180,000,000"
    )
    assert manifest.images["without_end_marker"] == 1
    assert verify(str(tmp_path / "out")).records == 9


def test_formats_that_tensorflow_does_not_decode_go_through_pillow(tmp_path: Path) -> None:
    folder = write_pets(tmp_path / "in", 4)
    for kind in ("TIFF", "WEBP", "BMP"):
        (folder / "cat" / f"one.{kind.lower()}").write_bytes(encoded(picture(7), kind))
    (folder / "dog" / "inks.jpg").write_bytes(encoded(picture(8).convert("CMYK")))
    manifest = run(PETS, folder, tmp_path / "out")
    assert manifest.images["formats"] == {"BMP": 1, "JPEG": 5, "TIFF": 1, "WEBP": 1}
    assert manifest.images["converted_by_pillow"] == {"BMP": 1, "JPEG": 1, "TIFF": 1, "WEBP": 1}


def test_copies_of_a_file_stay_in_one_split_and_can_be_left_out(tmp_path: Path) -> None:
    folder = write_pets(tmp_path / "in", 12)
    for index in range(12):
        kind = ("cat", "dog")[index % 2]
        original = (folder / kind / f"{index:03d}.jpg").read_bytes()
        (folder / kind / f"again-{index:03d}.jpg").write_bytes(original)
    manifest = run(replace(PETS, distinct=True), folder, tmp_path / "out")
    assert sum(ledger.duplicates for ledger in manifest.ledger.values()) == 12
    assert verify(str(tmp_path / "out")).records == 12


def test_near_duplicates_are_told_of_and_dropped_from_training(tmp_path: Path) -> None:
    train, evaluation = (write_pets(tmp_path / name, 12) for name in ("train", "eval"))
    for index, path in enumerate(sorted(evaluation.rglob("*.jpg"))):
        size = (96, 72) if index < 3 else (48, 36)
        seed = int(path.stem) if index < 3 else 100 + index
        path.write_bytes(encoded(picture(seed, size), quality=70))
    inputs = [Input("train", str(train)), Input("eval", str(evaluation))]
    told = prepare(PETS, output=str(tmp_path / "told"), inputs=inputs)
    near = told.images["near_duplicates"]
    assert (near["groups"], near["images"], near["straddling"], near["dropped"]) == (3, 6, 3, 0)
    assert told.splits["train"].records == 12
    recipe = replace(PETS, images=Images(near_duplicates="drop"))
    manifest = prepare(recipe, output=str(tmp_path / "dropped"), inputs=inputs)
    assert manifest.splits["train"].records == 9
    assert manifest.splits["eval"].records == 12
    assert manifest.ledger["train"].duplicates == 3
    assert verify(str(tmp_path / "dropped")).records == 21


def grouped(inputs: dict[str, Any]) -> dict[str, Any]:
    return small_images.classify(inputs) | {"weight": inputs["weight"]}


def test_a_manifest_with_groups_and_further_columns(tmp_path: Path) -> None:
    folder = write_pets(tmp_path / "in", 24)
    names = sorted(str(path.relative_to(folder)) for path in folder.rglob("*.jpg"))
    (folder / "list.csv").write_text(
        "path,label,animal,weight\n"
        + "".join(f"{name},{name[:3]},a{i % 6},{i / 2}\n" for i, name in enumerate(names))
    )
    schema = ImageSchema("classification", ("cat", "dog"), (Column("weight", "float32"),))
    images = Images(format=ImageFormat(group_column="animal", further=("weight",)))
    recipe = replace(PETS, schema=schema, images=images, preprocessing_fn=grouped)
    manifest = run(recipe, folder / "list.csv", tmp_path / "out")
    assert manifest.images["further"] == ["weight"]
    of_split = {}
    for split in ("train", "eval"):
        found = examples(tmp_path / "out", split)
        rows = [names.index(value(one, "image/filename")[0].decode()) for one in found]
        assert [value(one, "weight")[0] for one in found] == [row / 2 for row in rows]
        of_split[split] = {row % 6 for row in rows}
    assert of_split["train"] & of_split["eval"] == set()
    assert of_split["train"] | of_split["eval"] == set(range(6))


def test_a_run_without_any_good_image_ends_unless_that_is_allowed(tmp_path: Path) -> None:
    (tmp_path / "in" / "cat").mkdir(parents=True)
    (tmp_path / "in" / "cat" / "a.jpg").write_bytes(b"")
    recipe = replace(PETS, max_reject_ratio=1.0)
    with pytest.raises(DataError) as error:
        run(recipe, tmp_path / "in", tmp_path / "out")
    assert str(error.value) == (
        "train and eval got no image: of 1 image read none is left, 1 rejected as empty_file. "
        "Check the inputs, or set allow_empty: true. Nothing was published"
    )
    manifest = run(replace(recipe, allow_empty=True), tmp_path / "in", tmp_path / "out")
    assert {name: split.records for name, split in manifest.splits.items()} == {
        "train": 0,
        "eval": 0,
    }
    assert manifest.expansion["train"] == Expansion()
    assert verify(str(tmp_path / "out")).records == 0


def test_a_label_that_is_no_class_is_rejected(tmp_path: Path) -> None:
    folder = write_pets(tmp_path / "in", 4)
    (folder / "cow").mkdir()
    (folder / "cow" / "x.jpg").write_bytes(encoded(picture(9)))
    with pytest.raises(DataError) as error:
        run(PETS, folder, tmp_path / "out")
    assert "1 not_in_domain" in str(error.value)
    assert f'{folder}/cow/x.jpg:1: cow/x.jpg: expected a class of "cat", "dog", got "cow"' in str(
        error.value
    )


def unlabelled(inputs: dict[str, Any]) -> dict[str, Any]:
    return {"image": small_images.classify(inputs)["image"]}


@pytest.mark.parametrize(
    ("recipe", "message"),
    [
        (
            replace(PETS, images=replace(TILED.images)),
            "images: tiling is for detection: a tile of a picture need not show its class",
        ),
        (
            replace(PETS, preprocessing_fn=unlabelled),
            'the preprocessing_fn of a dataset of images for classification gives "label" of '
            "int64; this one has no such output",
        ),
    ],
)
def test_recipes_that_contradict_themselves(recipe: Recipe, message: str, tmp_path: Path) -> None:
    with pytest.raises(RecipeError) as error:
        run(recipe, write_pets(tmp_path / "in", 2), tmp_path / "out")
    assert str(error.value) == message
