from __future__ import annotations

import hashlib
import math
from itertools import combinations
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from recordmill.pipelines.samples.planes import (
    EVAL_IMAGES,
    PLANE,
    TRAIN_IMAGES,
    draw_plane,
    write_planes_sample,
)

RED = (255, 0, 0)


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("planes") / "new"
    assert write_planes_sample(str(folder)) == (f"{folder}/train", f"{folder}/eval")
    return folder


def files(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*.*"))
    }


def annotations(folder: Path) -> dict[str, ElementTree.Element]:
    paths = sorted((folder / "annotations").iterdir())
    return {path.stem: ElementTree.parse(path).getroot() for path in paths}


def boxes(annotation: ElementTree.Element) -> list[list[int]]:
    sides = ("xmin", "ymin", "xmax", "ymax")
    return [[int(box.findtext(side, "")) for side in sides] for box in annotation.iter("bndbox")]


def test_an_annotation_for_every_picture(sample: Path) -> None:
    for split, count in (("train", TRAIN_IMAGES), ("eval", EVAL_IMAGES)):
        by_name = annotations(sample / split)
        assert len(by_name) == count
        assert sorted(path.stem for path in (sample / split / "images").iterdir()) == list(by_name)
        for annotation in by_name.values():
            path = sample / split / "images" / annotation.findtext("filename", "")
            size = tuple(
                int(annotation.findtext(f"size/{side}", "")) for side in ("width", "height")
            )
            assert Image.open(path).size == size
            assert {name.text for name in annotation.iterfind("object/name")} <= {PLANE}


def test_one_training_picture_has_no_plane(sample: Path) -> None:
    counts = {
        split: [len(boxes(annotation)) for annotation in annotations(sample / split).values()]
        for split in ("train", "eval")
    }
    assert counts["train"].count(0) == 1
    assert all(3 <= count <= 10 for count in counts["train"] + counts["eval"] if count)
    assert 0 not in counts["eval"]


def test_boxes_lie_in_their_picture_and_apart(sample: Path) -> None:
    cut = 0
    for split in ("train", "eval"):
        for annotation in annotations(sample / split).values():
            width, height = (int(annotation.findtext(f"size/{s}", "")) for s in ("width", "height"))
            picture_boxes = boxes(annotation)
            truncated = [text.text == "1" for text in annotation.iterfind("object/truncated")]
            for (xmin, ymin, xmax, ymax), edge in zip(picture_boxes, truncated, strict=True):
                assert 0 <= xmin < xmax <= width and 0 <= ymin < ymax <= height
                assert edge == (xmin == 0 or ymin == 0 or xmax == width or ymax == height)
                cut += edge
            for first, second in combinations(picture_boxes, 2):
                assert (
                    first[0] >= second[2]
                    or first[2] <= second[0]
                    or first[1] >= second[3]
                    or first[3] <= second[1]
                )
    assert cut > 5


def test_the_same_bytes_every_time(sample: Path, tmp_path: Path) -> None:
    write_planes_sample(str(tmp_path))
    assert files(tmp_path) == files(sample)
    assert sum(path.stat().st_size for path in sample.rglob("*.jpg")) < 2_000_000


@settings(deadline=None, max_examples=60)
@given(
    st.tuples(st.floats(0, 200), st.floats(0, 150)),
    st.floats(12, 80),
    st.floats(0, math.tau),
    st.booleans(),
)
def test_a_box_encloses_the_pixels(
    centre: tuple[float, float], scale: float, turn: float, jet: bool
) -> None:
    """On blue, a pixel belongs to a red plane if its red is at least half of the darkest red."""
    picture = Image.new("RGB", (200, 150), (0, 0, 255))

    left, top, right, bottom = draw_plane(
        picture, centre, scale=scale, turn=turn, colours=(RED, RED), jet=jet
    )

    pixels = np.asarray(picture)[..., 0]
    outside = np.ones_like(pixels, bool)
    outside[top:bottom, left:right] = False
    assert pixels[outside].max(initial=0) <= 128
    covered = pixels >= 96
    for edge in (covered[top], covered[bottom - 1], covered[:, left], covered[:, right - 1]):
        assert edge.any()


def test_a_plane_outside_the_picture_is_refused() -> None:
    picture = Image.new("RGB", (20, 10))
    with pytest.raises(ValueError, match=r"expected a centre in the picture of \(20, 10\), got"):
        draw_plane(picture, (300, 5), scale=12, turn=0, colours=(RED, RED), jet=True)


def test_a_plane_flying_up_is_as_wide_as_its_span() -> None:
    picture = Image.new("RGB", (200, 200))
    box = draw_plane(picture, (100, 100), scale=50, turn=0, colours=(RED, RED), jet=True)
    assert box == (50, 50, 151, 151)
