"""The real photos: hot dogs by folder, raccoons by two kinds of annotations."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf

from recordmill.pipelines import ImageFormat, Images, Input, Recipe, prepare
from recordmill.pipelines.recipes.find import find_recipe
from recordmill.pipelines.verify import verify
from recordmill.schemas import ImageSchema
from recordmill.schemas.manifest import Manifest
from recordmill.transforms import images, load


def raccoons(inputs: dict[str, Any]) -> dict[str, Any]:
    pixels, boxes, kept = images.resized_with_boxes(
        inputs["image"], inputs["boxes"], (96, 96), crop="pad"
    )
    labels = tf.gather(inputs["box_labels"], kept, batch_dims=1)
    return {
        "image": pixels,
        "boxes": boxes,
        "classes": images.class_ids(labels, ("raccoon",), first=1),
    }


RACCOON = Recipe(
    name="raccoon",
    schema=ImageSchema("detection", ("raccoon",)),
    preprocessing_fn=raccoons,
    images=Images(format=ImageFormat(root="../images")),
)


@pytest.mark.slow
def test_hot_dogs(hotdog: Path, tmp_path: Path) -> None:
    recipe = find_recipe("hotdog")
    recipe = replace(recipe, images=replace(recipe.images, storage="raw"))
    inputs = [Input("train", f"{hotdog}/train"), Input("eval", f"{hotdog}/test")]
    manifest = prepare(recipe, output=str(tmp_path / "out"), inputs=inputs)
    assert {name: ledger.read for name, ledger in manifest.ledger.items()} == {
        "train": 240,
        "eval": 80,
    }
    assert verify(str(tmp_path / "out")).records == 320
    assert manifest.images["formats"] == {"JPEG": 320}
    assert manifest.parity["largest_pixel_difference"] == 0
    near = manifest.images["near_duplicates"]
    assert near["straddling"] == 1
    assert {Path(name).name for _, name in near["examples"][0]} == {"imagenet_chili-dog_8396.jpg"}
    labels: Counter[int] = Counter()
    for record in load(tmp_path / "out").records("train"):
        features = tf.train.Example.FromString(record.numpy()).features.feature
        label = features["image/class/label"].int64_list.value[0]
        name = features["image/filename"].bytes_list.value[0].decode()
        assert name.startswith(("not_hot_dog/", "hot_dog/")[label])
        labels[label] += 1
    assert labels == {0: 120, 1: 120}


@pytest.mark.slow
def test_raccoons_from_xml_and_from_csv(raccoon: Path, tmp_path: Path) -> None:
    def prepared(name: str, pattern: str, recipe: Recipe) -> Manifest:
        return prepare(recipe, output=str(tmp_path / name), inputs=[Input(None, pattern)])

    xml = prepared("xml", f"{raccoon}/annotations/*.xml", RACCOON)
    in_csv = replace(RACCOON, images=replace(RACCOON.images, format=ImageFormat(root="images")))
    csv = prepared("csv", f"{raccoon}/labels.csv", in_csv)
    assert xml.splits == csv.splits
    assert sum(ledger.read for ledger in xml.ledger.values()) == 200
    assert sum(split.records for split in xml.splits.values()) == 200
    assert verify(str(tmp_path / "xml")).records == 200
    data = load(tmp_path / "xml")
    boxes = [
        targets["boxes"].values
        for split in ("train", "eval")
        for _, targets in data.dataset(split, 64)
    ]
    assert sum(len(one) for one in boxes) == 217
