"""The built-in recipes are YAML that a user can print, save, edit and run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf
from helpers.checked_fn import check_preprocessing_fn
from helpers.real_data import DATA

from recordmill.pipelines import Input, prepare
from recordmill.pipelines.config.csv_format import CsvFormat
from recordmill.pipelines.config.image_format import ImageFormat
from recordmill.pipelines.config.images import Images
from recordmill.pipelines.config.recipe import Recipe
from recordmill.pipelines.recipes.built_in import built_in
from recordmill.pipelines.recipes.file import read_recipe
from recordmill.pipelines.recipes.packaged import SAMPLES, built_in_text
from recordmill.schemas import ImageSchema, RecipeError
from recordmill.schemas.census import CENSUS
from recordmill.schemas.manifest import Manifest
from recordmill.transforms import census, hotdog, load, planes
from recordmill.transforms.augment import Augmentation, RandomFlip, RandomHue, RandomQuarterTurns


def digests(manifest: Manifest) -> list[str]:
    return [shard.sha256 for split in manifest.splits.values() for shard in split.shards]


@pytest.mark.parametrize("name", SAMPLES)
def test_a_printed_recipe_is_the_recipe_when_it_is_saved(name: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(built_in_text(name))
    copy = read_recipe(str(path))
    assert copy.resolved() == built_in(name).resolved()
    assert copy.sample is SAMPLES[name]


def test_there_is_no_other() -> None:
    with pytest.raises(RecipeError) as error:
        built_in_text("cencus")
    assert str(error.value) == (
        'no built-in recipe "cencus": there are census, housing, hotdog, planes'
    )


def test_they_are_importable_by_name() -> None:
    from recordmill.pipelines.census import CENSUS as census_recipe
    from recordmill.pipelines.hotdog import HOTDOG
    from recordmill.pipelines.housing import HOUSING
    from recordmill.pipelines.planes import PLANES

    recipes = [census_recipe, HOUSING, HOTDOG, PLANES]
    assert recipes == [built_in(name) for name in SAMPLES]


def test_census_is_what_the_libraries_say() -> None:
    recipe = built_in("census")
    assert recipe.schema == CENSUS
    assert recipe.csv == CsvFormat(header=False, comment="|")
    check_preprocessing_fn(recipe)


@pytest.mark.slow
def test_census_gives_the_same_bytes_as_its_function(tmp_path: Path) -> None:
    recipe = built_in("census")
    inputs = SAMPLES["census"](str(tmp_path))
    library = replace(recipe, preprocessing_fn=census.preprocessing_fn)
    ours, theirs = (
        prepare(variant, output=str(tmp_path / name), inputs=inputs)
        for name, variant in (("ours", recipe), ("theirs", library))
    )
    assert digests(ours) == digests(theirs)
    assets = [
        {
            path.name: path.read_text()
            for path in (tmp_path / name / "transform_fn/assets").iterdir()
        }
        for name in ("ours", "theirs")
    ]
    assert assets[0] == assets[1]


def test_hotdog_is_what_its_library_says() -> None:
    recipe = built_in("hotdog")
    assert recipe.schema == ImageSchema("classification", hotdog.CLASSES)
    assert recipe.images == Images(storage="jpeg", quality=95)
    pixels = tf.random.stateless_uniform([30, 20, 3], (1, 2), 0, 255, tf.int32)
    encoded = tf.io.encode_png(tf.cast(pixels, tf.uint8))
    inputs = {"image": encoded[tf.newaxis], "label": tf.constant(["hot_dog"])}
    assert_equal(recipe, hotdog.preprocessing_fn(inputs), inputs)


def test_planes_is_what_its_library_says() -> None:
    recipe = built_in("planes")
    assert recipe.schema == ImageSchema("detection", planes.CLASSES)
    assert recipe.images == Images(
        format=ImageFormat(root="../images"),
        tiling=planes.TILING,
        augmentation=Augmentation(
            (RandomFlip(horizontal=True, vertical=True), RandomQuarterTurns(), RandomHue(0.05)),
            copies=2,
        ),
    )
    inputs = {
        "image": tf.io.encode_png(tf.zeros([3, 2, 3], tf.uint8))[tf.newaxis],
        "boxes": tf.ragged.constant([[[0.0, 0, 1, 1]]], inner_shape=(4,)),
        "box_labels": tf.ragged.constant([["plane"]]),
    }
    assert_equal(recipe, planes.preprocessing_fn(inputs), inputs)


def assert_equal(recipe: Recipe, expected: dict[str, Any], inputs: dict[str, Any]) -> None:
    features = recipe.preprocessing_fn(inputs)
    assert list(features) == list(expected)
    for name, value in expected.items():
        assert type(features[name]) is type(value)
        for tensor, other in zip(
            tf.nest.flatten(features[name], expand_composites=True),
            tf.nest.flatten(value, expand_composites=True),
            strict=True,
        ):
            assert tensor.dtype == other.dtype and bool(tf.reduce_all(tensor == other))


@pytest.mark.slow
def test_the_real_housing_data(tmp_path: Path) -> None:
    path = DATA / "housing" / "boston.csv"
    if not path.is_file():
        pytest.skip(f"the real housing data are not at {path}")
    recipe = built_in("housing")
    manifest = prepare(recipe, output=str(tmp_path / "out"), inputs=[Input(None, str(path))])
    assert sum(ledger.written for ledger in manifest.ledger.values()) == 506
    features, label = next(iter(load(tmp_path / "out").dataset("train", 1000, shuffle=False)))
    assert set(features) == set(recipe.schema.names) - {"MEDV"}
    assert label.dtype == tf.float32 and 5 <= float(tf.reduce_min(label)) <= 50
    for name, value in features.items():
        if name not in ("CHAS", "RAD"):
            assert abs(float(tf.reduce_mean(value))) < 1e-4, name
