from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from PIL import Image

from recordmill.transforms._ops.augment_geometry import (
    Operation,
    RandomCrop,
    RandomFlip,
    RandomQuarterTurns,
    RandomRotation,
    RandomScale,
    draw,
)
from recordmill.transforms.augment import copy_seed

Pixels = npt.NDArray[np.uint8]
Boxes = npt.NDArray[np.float32]
Seed = tuple[int, int]

NO_BOXES = np.zeros([0, 4], np.float32)
BOXES = np.array([[0.25, 0.5, 0.5, 0.75], [0.0, 0.0, 1.0, 1.0]], np.float32)
OPERATIONS = [
    RandomFlip(True, True),
    RandomQuarterTurns(),
    RandomRotation(30),
    RandomCrop((0.3, 1.0), min_visible=0.0),
    RandomScale(0.4, 2.0, min_visible=0.0),
]
SEEDS = st.tuples(*[st.integers(-(2**31), 2**31 - 1)] * 2)


def noise(height: int, width: int) -> Pixels:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


def apply(
    operation: Operation, image: Pixels, boxes: Boxes, seed: Any
) -> tuple[Pixels, Boxes, list[int]]:
    changed, moved, indices = operation(image, boxes, seed)
    return changed.numpy(), moved.numpy(), indices.numpy().tolist()


def drawn(seed: Seed, lower: float, upper: float) -> float:
    """Return the first number that an operation draws."""
    return float(draw(tf.constant(seed), 0, lower, upper))


def painted(height: int, width: int, rectangle: tuple[int, int, int, int]) -> Pixels:
    image = np.zeros([height, width, 3], np.uint8)
    top, left, bottom, right = rectangle
    image[top:bottom, left:right] = 255
    return image


def seen(image: Pixels) -> list[int]:
    """Return the box around pixels at least half white: top, left, bottom, right."""
    rows, columns = np.nonzero(image[..., 0] >= 128)
    return [rows.min(), columns.min(), rows.max() + 1, columns.max() + 1]


class TestFlip:
    @pytest.mark.parametrize("axes", [(True, False), (False, True), (True, True)])
    def test_every_outcome(self, axes: tuple[bool, bool]) -> None:
        image = noise(4, 6)
        box = np.array([[0.0, 0.25, 0.5, 0.375]], np.float32)
        outcomes = {
            image.tobytes(): [0.0, 0.25, 0.5, 0.375],
            image[:, ::-1].tobytes(): [0.0, 0.625, 0.5, 0.75],
            image[::-1].tobytes(): [0.5, 0.25, 1.0, 0.375],
            image[::-1, ::-1].tobytes(): [0.5, 0.625, 1.0, 0.75],
        }
        met = set()
        for number in range(40):
            flipped, boxes, indices = apply(RandomFlip(*axes), image, box, (number, 0))
            assert (boxes.tolist(), indices) == ([outcomes[flipped.tobytes()]], [0])
            met.add(list(outcomes).index(flipped.tobytes()))
        assert met == {(True, False): {0, 1}, (False, True): {0, 2}}.get(axes, {0, 1, 2, 3})

    def test_half_of_the_seeds_flip(self) -> None:
        image = noise(1, 5)
        same = [
            np.array_equal(apply(RandomFlip(), image, NO_BOXES, copy_seed(1, 1, copy))[0], image)
            for copy in range(100)
        ]
        assert 30 <= sum(same) <= 70


class TestQuarterTurns:
    @pytest.mark.parametrize(("width", "turns"), [(4, {0, 1, 2, 3}), (6, {0, 2})])
    def test_every_outcome(self, width: int, turns: set[int]) -> None:
        image = noise(4, width)
        box = np.array([[0.0, 0.5, 0.25, 1.0]], np.float32)
        moved = [[0, 0.5, 0.25, 1], [0, 0, 0.5, 0.25], [0.75, 0, 1, 0.5], [0.5, 0.75, 1, 1]]
        met = set()
        for number in range(40):
            turned, boxes, indices = apply(RandomQuarterTurns(), image, box, (number, 0))
            k = next(k for k in sorted(turns) if np.array_equal(turned, np.rot90(image, k)))
            assert (boxes.tolist(), indices) == ([moved[k]], [0])
            met.add(k)
        assert met == turns


class TestRotation:
    @settings(max_examples=10, deadline=None)
    @given(SEEDS)
    def test_as_pillow_turns(self, seed: Seed) -> None:
        y, x = np.mgrid[:40, :60]
        image = np.stack([y * 4 + x, 250 - x * 3, y * x // 10], axis=-1).astype(np.uint8)
        angle = math.degrees(drawn(seed, -math.pi / 4, math.pi / 4))
        expected = Image.fromarray(image).rotate(angle, Image.Resampling.BILINEAR)
        turned = apply(RandomRotation(45), image, NO_BOXES, seed)[0]
        difference = np.abs(turned.astype(int) - np.asarray(expected, int))
        inside = np.asarray(Image.new("L", (60, 40), 255).rotate(angle)) == 255
        assert np.mean(difference[inside] <= 2) > 0.97

    def test_what_leaves_the_image_goes(self) -> None:
        boxes = np.array([[0, 0, 0.1, 0.1], [0.4, 0.4, 0.6, 0.6], [0.5, 0.5, 0.5, 0.5]], np.float32)
        seed = next((n, 0) for n in range(99) if abs(drawn((n, 0), -3.14, 3.14) - 0.78) < 0.1)
        _, turned, indices = apply(RandomRotation(180), noise(30, 30), boxes, seed)
        assert indices == [1]
        assert turned[0].tolist() == pytest.approx([0.36, 0.36, 0.64, 0.64], abs=0.01)


class TestCrop:
    @settings(max_examples=15, deadline=None)
    @given(SEEDS)
    def test_the_part_is_as_large_as_asked(self, seed: Seed) -> None:
        whole_image = np.array([[0.0, 0.0, 1.0, 1.0]], np.float32)
        inner = np.array([[0.45, 0.45, 0.55, 0.55]], np.float32)
        operation = RandomCrop((0.49, 0.81), (0.8, 1.25), min_visible=0.0)
        _, boxes, indices = apply(
            operation, noise(50, 100), np.concatenate([whole_image, inner]), seed
        )
        assert boxes[0].tolist() == [0.0, 0.0, 1.0, 1.0]
        assume(1 in indices and boxes[1].min() > 0 and boxes[1].max() < 1)
        height, width = 0.1 / (boxes[1][2:] - boxes[1][:2])
        assert 0.46 <= height * width <= 0.84
        assert 0.77 <= width / height <= 1.3

    def test_min_visible(self) -> None:
        boxes = np.array([[0.0, 0.0, 1.0, 1.0], [0.45, 0.45, 0.55, 0.55]], np.float32)
        _, moved, indices = apply(RandomCrop((0.3, 0.4), (1, 1)), noise(80, 80), boxes, (3, 3))
        assert (indices, moved.shape) == ([1], (1, 4))

    def test_a_side_ends_at_the_image(self) -> None:
        image = noise(8, 8)
        cut, boxes, _ = apply(RandomCrop((1, 1), (4, 4)), image, BOXES[1:2], (0, 0))
        assert boxes.tolist() == [[0.0, 0.0, 1.0, 1.0]]
        assert not np.array_equal(cut, image)


class TestScale:
    def test_half(self) -> None:
        image = np.full([8, 12, 3], 77, np.uint8)
        small, boxes, indices = apply(RandomScale(0.5, 0.5), image, BOXES, (0, 0))
        expected = np.zeros_like(image)
        expected[2:6, 3:9] = 77
        assert np.array_equal(small, expected)
        assert boxes.tolist() == [[0.375, 0.5, 0.5, 0.625], [0.25, 0.25, 0.75, 0.75]]
        assert indices == [0, 1]

    def test_double(self) -> None:
        image = np.full([8, 12, 3], 9, np.uint8)
        image[2:6, 3:9] = 77
        large, boxes, indices = apply(RandomScale(2, 2), image, BOXES, (0, 0))
        assert np.array_equal(large, np.full_like(image, 77))
        assert (boxes.tolist(), indices) == ([[0.0, 0.5, 0.5, 1.0]], [0])


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: type(operation).__name__)
@settings(max_examples=15, deadline=None)
@given(SEEDS, st.sampled_from([(90, 90), (70, 110)]), st.integers(0, 60), st.integers(0, 60))
@example((0, 0), (90, 90), 30, 30)
def test_boxes_follow_pixels(
    operation: Operation, seed: Seed, shape: tuple[int, int], top: int, left: int
) -> None:
    rectangle = (top, left, min(top + 25, shape[0]), min(left + 30, shape[1]))
    size = np.array(shape * 2, np.float32)
    box = np.array([rectangle], np.float32) / size
    changed, boxes, indices = apply(operation, painted(*shape, rectangle), box, seed)
    assume(indices == [0])
    expected = boxes[0] * size
    assume((expected[2:] - expected[:2]).min() >= 4)
    edges = np.array(seen(changed))
    cut = boxes[0].min() <= 0 or boxes[0].max() >= 1
    if isinstance(operation, RandomRotation) and cut:
        assert (edges[:2] >= expected[:2] - 2).all() and (edges[2:] <= expected[2:] + 2).all()
    else:
        assert np.abs(edges - expected).max() <= 2
