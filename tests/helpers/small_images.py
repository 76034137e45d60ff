"""Small recipes over images for tests of whole runs, and pictures to run them on."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from PIL import Image

from recordmill.pipelines import ImageFormat, Images, Input, Recipe, Splitting, prepare
from recordmill.schemas import ImageSchema
from recordmill.schemas.manifest import Manifest
from recordmill.transforms import images
from recordmill.transforms.augment import Augmentation, RandomFlip, RandomHue
from recordmill.transforms.tiles import Tiling

CLASSES = ("cat", "dog")


def classify(inputs: dict[str, Any]) -> dict[str, Any]:
    """The middle square, and the class."""
    return {
        "image": images.resized(inputs["image"], (16, 16)),
        "label": images.class_ids(inputs["label"], CLASSES),
    }


def detect(inputs: dict[str, Any]) -> dict[str, Any]:
    """The picture as it is, and its boxes."""
    return {
        "image": images.decoded(inputs["image"]),
        "boxes": inputs["boxes"],
        "classes": images.class_ids(inputs["box_labels"], CLASSES, first=1),
    }


PETS = Recipe(
    name="pets",
    schema=ImageSchema("classification", CLASSES),
    preprocessing_fn=classify,
    images=Images(),
    split=Splitting({"train": 0.75, "eval": 0.25}),
)

TILED = Recipe(
    name="tiled",
    schema=ImageSchema("detection", CLASSES),
    preprocessing_fn=detect,
    images=Images(
        format=ImageFormat(root="images"),
        tiling=Tiling(size=32, stride=24),
        empty_tiles=0.5,
        augmentation=Augmentation((RandomFlip(), RandomHue(0.1)), copies=2),
    ),
    split=Splitting({"train": 0.75, "eval": 0.25}),
)


def picture(seed: int, size: tuple[int, int] = (48, 36)) -> Image.Image:
    """A picture like no other, smooth enough to survive a resize: coloured patches."""
    random = np.random.default_rng(seed)
    patches = random.integers(0, 256, (4, 5, 3), np.uint8)
    return Image.fromarray(patches).resize(size, Image.Resampling.BICUBIC)


def encoded(image: Image.Image, kind: str = "JPEG", **options: Any) -> bytes:
    """The bytes of a file."""
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def write_pets(folder: Path, count: int = 24) -> Path:
    """A folder a class, with `count` JPEGs in all."""
    for index in range(count):
        path = folder / CLASSES[index % 2] / f"{index:03d}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encoded(picture(index), quality=90))
    return folder


def write_boxes(folder: Path, count: int = 8) -> Path:
    """Images, and a CSV with one or two boxes each."""
    (folder / "images").mkdir(parents=True)
    lines = ["filename,width,height,class,xmin,ymin,xmax,ymax"]
    for index in range(count):
        name = f"{index:03d}.png"
        (folder / "images" / name).write_bytes(encoded(picture(index, (80, 60)), "PNG"))
        lines.append(f"{name},80,60,cat,{index},4,{index + 12},20")
        if index % 2:
            lines.append(f"{name},80,60,dog,50,30,78,58")
    path = folder / "boxes.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def run(recipe: Recipe, source: Path | str, output: Path, **options: Any) -> Manifest:
    """A run whose content decides the split."""
    return prepare(recipe, output=str(output), inputs=[Input(None, str(source))], **options)


def digests(manifest: Manifest) -> list[str]:
    """The bytes of all shards."""
    return [shard.sha256 for split in manifest.splits.values() for shard in split.shards]


def examples(folder: Path, split: str) -> list[tf.train.Example]:
    """The records of a split."""
    files = sorted((folder / split).iterdir())
    return [
        tf.train.Example.FromString(record.numpy())
        for record in tf.data.TFRecordDataset([str(file) for file in files])
    ]


def value(example: tf.train.Example, key: str) -> Any:
    """The values of a feature."""
    feature = example.features.feature[key]
    return list(getattr(feature, feature.WhichOneof("kind")).value)
