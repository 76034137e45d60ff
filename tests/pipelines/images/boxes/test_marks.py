"""Doubtful boxes: what is clipped, what is tiny, and what other conventions fit."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recordmill.pipelines.images.annotations.box_format import BOX_FORMATS, BoxFormat, numbers_of
from recordmill.pipelines.images.annotations.refs import Box, ImageRef
from recordmill.pipelines.images.boxes.marks import (
    BoxEvidence,
    BoxMarks,
    Doubt,
    box_marks,
    clip_to_picture,
)

SIZE = (80, 60)
XYXY, XYWH, CXCYWH = range(3)
"""The places of the conventions in pixels; relative ones follow in the same order."""


def ref(*boxes: Box, box_format: BoxFormat = BOX_FORMATS[XYXY], name: str = "1.jpg") -> ImageRef:
    return ImageRef(name, name, 1, None, boxes=boxes, source="a.csv", line=2, box_format=box_format)


def marked(*boxes: Box, box_format: BoxFormat = BOX_FORMATS[XYXY]) -> tuple[list[bool], list[bool]]:
    marks = box_marks(ref(*boxes, box_format=box_format), SIZE)
    return marks.clipped.tolist(), marks.tiny.tolist()


class TestClipped:
    @pytest.mark.parametrize(
        ("box", "clipped"),
        [
            ((0, 0, 60, 80), False),
            ((-1, -1, 61, 81), False),
            ((1, 1, 61, 81), False),
            ((-1.01, 0, 20, 20), True),
            ((0, -2, 20, 20), True),
            ((10, 10, 61.5, 20), True),
            ((10, 10, 20, 82), True),
        ],
    )
    def test_by_more_than_a_pixel(self, box: Box, clipped: bool) -> None:
        assert marked(box) == ([clipped], [False])

    def test_of_relative_boxes_a_pixel_counts_too(self) -> None:
        relative = BoxFormat("xyxy", "relative")
        boxes = (0.0, 0.0, 61 / 60, 81 / 80), (0.0, 0.0, 1.0, 82 / 80)
        assert marked(*boxes, box_format=relative) == ([False, True], [False, False])


class TestTiny:
    @pytest.mark.parametrize(
        ("box", "tiny"),
        [
            ((10, 10, 11.5, 20), False),
            ((10, 10, 20, 11.5), False),
            ((10, 10, 11.49, 20), True),
            ((10, 10, 20, 11), True),
        ],
    )
    def test_below_a_pixel_and_a_half(self, box: Box, tiny: bool) -> None:
        assert marked(box) == ([False], [tiny])

    def test_what_is_left_in_the_picture_counts(self) -> None:
        assert marked((59, 10, 70, 20)) == ([True], [True])

    def test_relative_boxes_count_in_pixels(self) -> None:
        relative = BoxFormat("xywh", "relative")
        boxes = (0.5, 0.5, 0.525, 0.6), (0.5, 0.5, 0.524, 0.6)
        assert marked(*boxes, box_format=relative) == ([False, False], [False, True])


def test_no_boxes() -> None:
    marks = box_marks(ref(), SIZE)
    assert (marks.clipped.tolist(), marks.tiny.tolist(), marks.fitting) == ([], [], (0,) * 6)


inner = st.tuples(st.integers(0, 55), st.integers(0, 75), st.integers(2, 40), st.integers(2, 40))


@given(st.lists(inner, min_size=1, max_size=9), st.sampled_from(BOX_FORMATS))
def test_the_convention_that_boxes_are_written_in_fits_all(
    places: list[tuple[int, int, int, int]], written: BoxFormat
) -> None:
    """Of boxes in their picture, whatever convention they are taken for."""
    edges = np.array([(x, y, min(x + w, 80), min(y + h, 60)) for y, x, h, w in places], np.float64)
    numbers = numbers_of(written.form, *edges.T)
    scale = (80, 60, 80, 60) if written.units == "relative" else (1, 1, 1, 1)
    x, y, width, height = (number / side for number, side in zip(numbers, scale, strict=True))
    taken = [tuple(map(float, box)) for box in zip(y, x, y + height, x + width, strict=True)]
    marks = box_marks(ref(*taken, box_format=BoxFormat("xywh")), SIZE)  # type: ignore[arg-type]
    assert marks.fitting[BOX_FORMATS.index(written)] == len(places)


def test_what_is_clipped_away() -> None:
    pixels = clip_to_picture(ref((-5, 8, 30, 90), (70, 0, 75, 9)), SIZE)
    assert pixels.tolist() == [[0, 0.1, 0.5, 1], [1, 0, 1, 0.1125]]
    relative = ref((-0.5, 0.1, 0.5, 1.5), box_format=BoxFormat("xyxy", "relative"))
    assert clip_to_picture(relative, SIZE).tolist() == [[0, 0.1, 0.5, 1]]


class TestEvidence:
    def test_of_one_image(self) -> None:
        image = ref((0, 0, 30, 90), (5, 5, 6, 20), name="x/1.jpg")
        got = "a.csv", 2, "x/1.jpg, 80 x 60 pixels: got 0, 0, 90, 30, read as xyxy in pixels"
        small = "a.csv", 2, "x/1.jpg, 80 x 60 pixels: got 5, 5, 20, 6, read as xyxy in pixels"
        assert BoxEvidence.of(image, box_marks(image, SIZE)) == BoxEvidence(
            1, 2, Doubt(1, (got,)), Doubt(1, (small,)), (0, 1, 0, 0, 0, 0)
        )

    def test_it_adds_up_in_any_order(self) -> None:
        images = [ref((0, 0, 30, 90 + i), (1, 1, 2, 2), name=f"{i}.jpg") for i in range(9)]
        parts = [BoxEvidence.of(image, box_marks(image, SIZE)) for image in images]
        total = sum(parts, BoxEvidence())
        assert (total.images, total.boxes, total.clipped.count, total.tiny.count) == (9, 18, 9, 9)
        assert [shown.partition(",")[0] for _, _, shown in total.clipped.examples] == [
            *("0.jpg", "1.jpg", "2.jpg"),
        ]
        for seed in range(5):
            random.Random(seed).shuffle(parts)
            assert sum(parts, BoxEvidence()) == total

    def test_marks_know_the_frame(self) -> None:
        marks = box_marks(ref((0, 0, 30, 30)), (30, 40))
        assert isinstance(marks, BoxMarks)
        assert marks.size == (30, 40)
