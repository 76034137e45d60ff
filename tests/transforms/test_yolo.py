from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from recordmill.schemas.errors import RecipeError
from recordmill.transforms.yolo import boxes_of_grid, yolo_grid

Boxes = npt.NDArray[np.float32]

SIDES = st.lists(st.integers(0, 1000), min_size=2, max_size=2, unique=True).map(sorted)


@st.composite
def one_box(draw: Any) -> list[float]:
    (ymin, ymax), (xmin, xmax) = draw(SIDES), draw(SIDES)
    return [edge / 1000 for edge in (ymin, xmin, ymax, xmax)]


some_boxes = st.lists(one_box(), max_size=6).map(
    lambda boxes: np.array(boxes, np.float32).reshape(-1, 4)
)


def box_at(y: float, x: float, size: float = 0.125) -> list[float]:
    """Return a square box by its centre."""
    return [y - size / 2, x - size / 2, y + size / 2, x + size / 2]


def test_one_box() -> None:
    targets, overflow = yolo_grid([[0.25, 0.5, 0.5, 1.0]])
    assert (targets.shape, targets.dtype) == ((16, 16, 2, 5), tf.float32)
    assert (overflow.shape, overflow.dtype, int(overflow)) == ((), tf.int32, 0)
    assert targets[6, 12, 0].numpy().tolist() == [-1.0, -1.0, 0.5, 0.25, 1.0]
    assert np.argwhere(targets).tolist() == [[6, 12, 0, value] for value in range(5)]


def test_no_boxes() -> None:
    targets, overflow = yolo_grid(np.zeros((0, 4), np.float32), grid=3, boxes_per_cell=4)
    assert (targets.shape, np.count_nonzero(targets), int(overflow)) == ((3, 3, 4, 5), 0, 0)
    boxes, confidence = boxes_of_grid(targets)
    assert (boxes.shape, confidence.shape) == ((0, 4), (0,))


@pytest.mark.parametrize(
    ("centre", "cell", "offset"),
    [
        ((0.0, 0.0), (0, 0), [-1.0, -1.0]),
        ((0.5, 0.375), (2, 1), [0.0, -1.0]),
        ((0.25, 0.75), (1, 3), [-1.0, -1.0]),
        ((1.0, 1.0), (3, 3), [1.0, 1.0]),
        ((1.0, 0.1875), (3, 0), [0.5, 1.0]),
    ],
)
def test_the_cell_of_a_centre(
    centre: tuple[float, float], cell: tuple[int, int], offset: list[float]
) -> None:
    targets, _ = yolo_grid([box_at(*centre)], grid=4, boxes_per_cell=1)
    assert np.argwhere(targets[..., 4])[0].tolist() == [*cell, 0]
    assert targets[cell][0, :2].numpy().tolist() == offset


def test_the_nearest_comes_first_then_the_larger_then_the_earlier() -> None:
    boxes = [
        box_at(0.625, 0.75, 0.25),
        box_at(0.75, 0.75, 0.125),
        box_at(0.75, 0.625, 0.375),
        box_at(0.875, 0.75, 0.25),
        box_at(0.75, 0.75, 0.25),
        box_at(0.25, 0.25, 0.25),
    ]
    ordered = [4, 1, 2, 0, 3]
    for slots in (1, 3, 5, 6):
        targets, overflow = yolo_grid(boxes, grid=2, boxes_per_cell=slots)
        decoded, _ = boxes_of_grid(targets)
        assert decoded.numpy().tolist() == [boxes[index] for index in [5, *ordered[:slots]]]
        assert int(overflow) == max(0, 5 - slots)


@given(some_boxes, st.integers(1, 20))
@settings(deadline=None, max_examples=50)
def test_round_trip(boxes: Boxes, grid: int) -> None:
    targets, overflow = yolo_grid(boxes, grid=grid, boxes_per_cell=6)
    assert int(overflow) == 0
    assert (np.abs(targets[..., :2]) <= 1).all()
    decoded, confidence = boxes_of_grid(targets)
    assert confidence.numpy().tolist() == [1.0] * len(boxes)
    assert decoded.shape == boxes.shape
    distances = np.abs(decoded.numpy()[:, np.newaxis] - boxes).max(axis=-1)
    assert (distances.min(axis=0, initial=1.0) <= 1e-6).all()
    assert (distances.min(axis=1, initial=1.0) <= 1e-6).all()


@given(some_boxes, st.integers(1, 4), st.integers(1, 3))
@settings(deadline=None, max_examples=50)
def test_every_box_is_kept_or_counted(boxes: Boxes, grid: int, slots: int) -> None:
    targets, overflow = yolo_grid(boxes, grid=grid, boxes_per_cell=slots)
    used = targets.numpy()[..., 4]
    assert set(np.unique(used)) <= {0.0, 1.0}
    assert used.sum() + int(overflow) == len(boxes)
    assert (targets.numpy()[used == 0] == 0).all()
    assert (np.diff(used, axis=-1) <= 0).all()
    distances = np.where(used, np.square(targets[..., :2]).sum(axis=-1), np.inf)
    assert (np.sort(distances, axis=-1) == distances).all()


def test_confidence_of_a_prediction() -> None:
    targets = np.zeros((2, 2, 1, 5), np.float32)
    targets[0, 1, 0] = [0.0, 0.0, 0.5, 0.25, 0.75]
    targets[1, 0, 0] = [1.0, -1.0, 0.5, 1.0, 0.5]
    boxes, confidence = boxes_of_grid(targets)
    assert boxes.numpy().tolist() == [[0.125, 0.5, 0.375, 1.0], [0.0, 0.25, 1.0, 0.75]]
    assert confidence.numpy().tolist() == [0.75, 0.5]
    assert boxes_of_grid(targets, threshold=0.6)[1].numpy().tolist() == [0.75]


def test_many_images_in_a_graph() -> None:
    boxes = tf.RaggedTensor.from_row_lengths([box_at(0.5, 0.5), box_at(0.1, 0.1)], [2, 0])

    @tf.function(input_signature=[tf.RaggedTensorSpec([None, None, 4], tf.float32, ragged_rank=1)])
    def grids(boxes: tf.RaggedTensor) -> Any:
        signature = (tf.TensorSpec([16, 16, 2, 5]), tf.TensorSpec([], tf.int32))
        return tf.map_fn(yolo_grid, boxes, fn_output_signature=signature)

    targets, overflow = grids(boxes)
    assert (targets.shape, overflow.numpy().tolist()) == ((2, 16, 16, 2, 5), [0, 0])
    assert tf.reduce_sum(targets[..., 4], axis=[1, 2, 3]).numpy().tolist() == [2.0, 0.0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"grid": 0}, "expected a grid of at least 1, got 0"),
        ({"boxes_per_cell": -1}, "expected a boxes_per_cell of at least 1, got -1"),
    ],
)
def test_wrong_arguments(arguments: dict[str, int], message: str) -> None:
    with pytest.raises(RecipeError) as error:
        yolo_grid([[0.0, 0.0, 1.0, 1.0]], **arguments)
    assert str(error.value) == message
