"""Boxes from annotations to records: cut, turned and clipped with their pictures."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from helpers.small_images import TILED, examples, value, write_boxes
from PIL import Image

from recordmill.pipelines import Input, prepare
from recordmill.pipelines.config.image_format import ImageFormat
from recordmill.pipelines.config.images import Images

pytestmark = pytest.mark.slow  # a run a test

_EDGES = ("ymin", "xmin", "ymax", "xmax")


def test_boxes_of_a_tile_are_where_the_pixels_are(tmp_path: Path) -> None:
    image = Image.new("RGB", (80, 60), "white")
    image.paste((255, 0, 0), (10, 8, 20, 26))
    (tmp_path / "in").mkdir()
    image.save(tmp_path / "in" / "one.png")
    (tmp_path / "in" / "boxes.csv").write_text(
        "filename,width,height,class,xmin,ymin,xmax,ymax\none.png,80,60,cat,10,8,20,26\n"
    )
    recipe = replace(TILED, images=replace(TILED.images, format=ImageFormat(), empty_tiles=1.0))
    prepare(
        recipe, output=str(tmp_path / "out"), inputs=[Input("train", f"{tmp_path}/in/boxes.csv")]
    )
    drawn = 0
    for example in examples(tmp_path / "out", "train"):
        pixels = tf.io.decode_png(value(example, "image/encoded")[0]).numpy()
        edges = [value(example, f"image/object/bbox/{edge}") for edge in _EDGES]
        if not edges[0]:
            continue
        assert value(example, "image/object/class/label") == [1]
        assert value(example, "image/object/class/text") == [b"cat"]
        rows, columns = np.nonzero(pixels.min(axis=2) < 128)
        found = (rows.min(), columns.min(), rows.max() + 1, columns.max() + 1)
        np.testing.assert_allclose([edge[0] * 32 for edge in edges], found, atol=1e-4)
        drawn += 1
    assert drawn >= 3


def test_exif_turns_pixels_and_boxes(tmp_path: Path) -> None:
    upright = Image.new("RGB", (60, 80), "white")
    upright.paste((255, 0, 0), (10, 8, 30, 26))
    exif = Image.Exif()
    exif[0x0112] = 6  # stored turned by 90 degrees to the left
    (tmp_path / "in").mkdir()
    stored = upright.transpose(Image.Transpose.ROTATE_90)
    stored.save(tmp_path / "in" / "one.jpg", quality=100, subsampling=0, exif=exif)
    header = "filename,width,height,class,xmin,ymin,xmax,ymax\n"
    recipe = replace(
        TILED, images=replace(TILED.images, format=ImageFormat(), tiling=None, augmentation=None)
    )
    for name, row in {
        "as stored": "one.jpg,80,60,cat,8,30,26,50\n",
        "upright": "one.jpg,60,80,cat,10,8,30,26\n",
    }.items():
        (tmp_path / "in" / "boxes.csv").write_text(header + row)
        output = tmp_path / name
        prepare(recipe, output=str(output), inputs=[Input("train", f"{tmp_path}/in/boxes.csv")])
        (example,) = examples(output, "train")
        edges = [value(example, f"image/object/bbox/{edge}")[0] for edge in _EDGES]
        np.testing.assert_allclose(edges, [8 / 80, 10 / 60, 26 / 80, 30 / 60], atol=1e-6)
        pixels = tf.io.decode_png(value(example, "image/encoded")[0]).numpy()
        assert pixels.shape == (80, 60, 3)
        rows, columns = np.nonzero(pixels[:, :, 1] < 128)
        assert (rows.min(), columns.min(), rows.max() + 1, columns.max() + 1) == (8, 10, 26, 30)


def test_boxes_are_clipped_and_bad_ones_reject_the_image(tmp_path: Path) -> None:
    source = write_boxes(tmp_path / "in", 3)
    source.write_text(
        "filename,width,height,class,xmin,ymin,xmax,ymax\n"
        "000.png,80,60,cat,-5,-5,40,30\n"
        "001.png,80,60,cat,40,10,30,20\n"
        "002.png,80,60,cat,90,10,99,20\n"
        "gone.png,80,60,cat,1,1,9,9\n"
    )
    images = Images(format=ImageFormat(root="images"), max_clipped_ratio=1.0)
    recipe = replace(TILED, max_reject_ratio=1.0, images=images)
    manifest = prepare(recipe, output=str(tmp_path / "out"), inputs=[Input("train", str(source))])
    assert manifest.ledger["train"].rejected == {"bad_box": 2, "missing_image": 1}
    (example,) = examples(tmp_path / "out", "train")
    edges = [value(example, f"image/object/bbox/{edge}")[0] for edge in _EDGES]
    assert edges == [0, 0, 0.5, 0.5]
