from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from recordmill.transforms import boxes as box_ops

Boxes = npt.NDArray[np.float32]

WINDOW = [0.25, 0.5, 0.75, 1.0]
SIDES = st.lists(st.integers(0, 1000), min_size=2, max_size=2, unique=True).map(sorted)
"""Two edges of a box, in thousandths of the image."""


@st.composite
def one_box(draw: Any) -> list[float]:
    (ymin, ymax), (xmin, xmax) = draw(SIDES), draw(SIDES)
    return [edge / 1000 for edge in (ymin, xmin, ymax, xmax)]


some_boxes = st.lists(one_box(), max_size=4).map(
    lambda boxes: np.array(boxes, np.float32).reshape(-1, 4)
)


def same(boxes: Any, others: Any) -> bool:
    return bool(np.allclose(boxes, others, rtol=0, atol=1e-6))


def test_area_and_clip() -> None:
    boxes = [[-0.5, 0.25, 0.5, 0.75], [0.5, 0.5, 0.25, 0.75], [1.5, 0.0, 2.0, 1.0]]
    assert box_ops.area(boxes).numpy().tolist() == [0.5, 0.0, 0.5]
    clipped = box_ops.clip(boxes)
    assert clipped.numpy().tolist()[::2] == [[0.0, 0.25, 0.5, 0.75], [1.0, 0.0, 1.0, 1.0]]
    assert box_ops.area(clipped).numpy().tolist() == [0.25, 0.0, 0.0]


def test_visible() -> None:
    boxes = [
        [0.25, 0.5, 0.5, 0.75],
        [0.0, 0.5, 0.5, 1.0],
        [0.0, 0.25, 0.5, 0.75],
        [0.0, 0.0, 1.0, 0.5],
        [0.5, 0.75, 0.5, 1.0],
    ]
    assert box_ops.visible(boxes, WINDOW).numpy().tolist() == [1.0, 0.5, 0.25, 0.0, 0.0]


@pytest.mark.parametrize(
    ("min_visible", "indices"), [(0.0, [0, 1]), (0.25, [0, 1]), (0.26, [0]), (1.0, [0])]
)
def test_is_visible(min_visible: float, indices: list[int]) -> None:
    boxes = [[0.25, 0.5, 0.5, 0.75], [0.0, 0.25, 0.5, 0.75], [0.0, 0.0, 1.0, 0.5], [0.5] * 4]
    enough = box_ops.is_visible(boxes, WINDOW, min_visible=min_visible)
    assert np.flatnonzero(enough).tolist() == indices


def test_to_window() -> None:
    boxes = [[0.0, 0.0, 0.5, 0.25], [0.25, 0.5, 0.75, 1.0], [0.5, 0.25, 1.0, 1.0]]
    moved, indices = box_ops.to_window(boxes, WINDOW, min_visible=0.25)
    assert (moved.dtype, indices.dtype, indices.numpy().tolist()) == (tf.float32, tf.int64, [1, 2])
    assert moved.numpy().tolist() == [[0.0, 0.0, 1.0, 1.0], [0.5, 0.0, 1.0, 1.0]]
    assert box_ops.to_window(boxes, WINDOW)[1].numpy().tolist() == [1]


@given(some_boxes, one_box())
@settings(deadline=None, max_examples=50)
def test_to_window_and_back_is_the_part_in_the_window(boxes: Boxes, window: list[float]) -> None:
    moved, indices = box_ops.to_window(boxes, window, min_visible=0.3)
    back = box_ops.from_window(moved, window)
    starts = np.maximum(boxes[:, :2], window[:2])
    ends = np.minimum(boxes[:, 2:], window[2:])
    shares = np.prod(np.maximum(ends - starts, 0), axis=1) / box_ops.area(boxes)
    for index, share in enumerate(shares):
        if abs(share - 0.3) > 1e-3:
            assert (index in indices) == (share > 0.3)
    assert same(back, np.concatenate([starts, ends], axis=1)[indices])
    # Shares of thin boxes differ by a few units of float32 from those computed in another order.
    assert np.allclose(box_ops.visible(boxes, window), shares, rtol=0, atol=1e-5)


@given(some_boxes, st.integers(1, 999), st.integers(1, 999))
@settings(deadline=None, max_examples=50)
def test_parts_of_an_image_show_all_of_a_box(boxes: Boxes, y: int, x: int) -> None:
    rows, columns = (0.0, y / 1000, 1.0), (0.0, x / 1000, 1.0)
    windows = [
        [top, left, bottom, right]
        for top, bottom in pairwise(rows)
        for left, right in pairwise(columns)
    ]
    shares = box_ops.visible(boxes[:, np.newaxis], windows)
    np.testing.assert_allclose(tf.reduce_sum(shares, axis=1), np.ones(len(boxes)), atol=1e-3)


def on_pixels(move: Callable[[Any], Any], box: list[int]) -> list[float]:
    """Return the box around white pixels, after an image with one white box was moved."""
    image = np.zeros((8, 12, 1), np.uint8)
    image[box[0] : box[2], box[1] : box[3]] = 255
    moved = move(image)[..., 0].numpy()
    (top, bottom), (left, right) = ((at.min(), at.max() + 1) for at in np.nonzero(moved))
    height, width = moved.shape
    return [top / height, left / width, bottom / height, right / width]


@pytest.mark.parametrize("box", [[0, 0, 8, 12], [0, 3, 2, 6], [7, 11, 8, 12]])
def test_moves_are_those_of_the_pixels(box: list[int]) -> None:
    relative = np.float32([box]) / np.float32([8, 12, 8, 12])
    flipped = on_pixels(tf.image.flip_left_right, box)
    assert same(box_ops.flip_horizontally(relative), [flipped])
    flipped = on_pixels(tf.image.flip_up_down, box)
    assert same(box_ops.flip_vertically(relative), [flipped])
    for k in range(-1, 6):
        turned = on_pixels(lambda image, k=k: tf.image.rot90(image, k % 4), box)
        assert same(box_ops.quarter_turns(relative, k), [turned])
        assert same(box_ops.quarter_turns(relative, tf.constant(k)), [turned])


@given(some_boxes)
@settings(deadline=None, max_examples=50)
def test_moves_that_undo_each_other(boxes: Boxes) -> None:
    for flip in (box_ops.flip_horizontally, box_ops.flip_vertically):
        assert same(flip(flip(boxes)), boxes)
    both = box_ops.flip_vertically(box_ops.flip_horizontally(boxes))
    assert same(both, box_ops.quarter_turns(boxes, 2))
    assert same(box_ops.quarter_turns(box_ops.quarter_turns(boxes, 1), 3), boxes)
    assert box_ops.quarter_turns(boxes, 0).numpy().tolist() == boxes.tolist()


def test_transform() -> None:
    boxes = [[0.25, 0.25, 0.75, 0.75], [0.0, 0.5, 0.5, 1.0]]
    still = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]
    assert box_ops.transform(boxes, still).numpy().tolist() == boxes
    mirror = [[1.0, 0.0, 0.25], [0.0, -1.0, 1.0]]
    assert box_ops.transform(boxes, mirror).numpy().tolist() == [
        [0.5, 0.25, 1.0, 0.75],
        [0.25, 0.0, 0.75, 0.5],
    ]


@given(st.integers(-45, 45))
@settings(deadline=None, max_examples=50)
def test_transform_by_a_rotation_about_the_centre(degrees: int) -> None:
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    matrix = [[cos, -sin, 0.5 * (1 - cos + sin)], [sin, cos, 0.5 * (1 - sin - cos)]]
    (box,) = box_ops.transform([[0.25, 0.25, 0.75, 0.75]], np.float32(matrix)).numpy()
    half = 0.25 * (cos + abs(sin))
    assert same(box, [0.5 - half, 0.5 - half, 0.5 + half, 0.5 + half])


def test_intersection_over_union() -> None:
    boxes = [[0.0, 0.0, 0.5, 0.5], [0.5, 0.5, 0.5, 0.5]]
    others = [[0.0, 0.0, 0.5, 0.5], [0.0, 0.25, 0.5, 0.5], [0.5, 0.5, 1.0, 1.0], [0.5] * 4]
    expected = [[1.0, 0.5, 0.0, 0.0], [0.0] * 4]
    assert box_ops.intersection_over_union(boxes, others).numpy().tolist() == expected


@given(some_boxes, some_boxes)
@settings(deadline=None, max_examples=50)
def test_intersection_over_union_is_symmetric(boxes: Boxes, others: Boxes) -> None:
    overlap = box_ops.intersection_over_union(boxes, others).numpy()
    assert overlap.shape == (len(boxes), len(others))
    assert same(overlap, box_ops.intersection_over_union(others, boxes).numpy().T)
    assert ((overlap >= 0) & (overlap <= 1)).all()
    assert (np.diag(box_ops.intersection_over_union(boxes, boxes)) == 1).all()


@pytest.mark.parametrize("count", [0, 2])
def test_any_number_of_boxes_in_a_graph(count: int) -> None:
    @tf.function(input_signature=[tf.TensorSpec([None, 4], tf.float32)])
    def everything(boxes: tf.Tensor) -> list[tf.Tensor]:
        return [
            box_ops.area(boxes),
            box_ops.visible(boxes, WINDOW),
            box_ops.to_window(boxes, WINDOW)[1],
            box_ops.to_window(boxes, WINDOW)[0],
            box_ops.clip(boxes),
            box_ops.flip_horizontally(boxes),
            box_ops.flip_vertically(boxes),
            box_ops.quarter_turns(boxes, 1),
            box_ops.transform(boxes, tf.eye(2, 3)),
            box_ops.intersection_over_union(boxes, boxes),
        ]

    shapes = [
        result.shape for result in everything(tf.constant([WINDOW] * count, shape=(count, 4)))
    ]
    assert shapes == [(count,)] * 3 + [(count, 4)] * 6 + [(count, count)]


def test_deprecated_arguments() -> None:
    boxes = np.array([[0.0, 0.0, 1.0, 1.0]], np.float32)
    with pytest.warns(DeprecationWarning, match="one= of intersection_over_union is deprecated"):
        overlap = box_ops.intersection_over_union(one=boxes, other=boxes)  # type: ignore[call-arg]
    assert overlap.numpy().tolist() == [[1.0]]
