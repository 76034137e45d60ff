from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from recordmill.schemas.errors import RecipeError
from recordmill.transforms import boxes as box_ops
from recordmill.transforms._ops.resize import resize
from recordmill.transforms.tiles import Tiling, stitch, tile_boxes

Pixels = npt.NDArray[np.uint8]

HALVES = [[0.0, 0.0, 1.0, 0.5], [0.0, 0.25, 1.0, 0.75], [0.0, 0.5, 1.0, 1.0]]
"""The windows of three tiles side by side, each overlapping half of the next."""

SIDES = st.lists(st.integers(0, 1000), min_size=2, max_size=2, unique=True).map(sorted)


@st.composite
def one_box(draw: Any) -> list[float]:
    (ymin, ymax), (xmin, xmax) = draw(SIDES), draw(SIDES)
    return [edge / 1000 for edge in (ymin, xmin, ymax, xmax)]


@st.composite
def tilings(draw: Any) -> Tiling:
    size = draw(st.integers(1, 12))
    return Tiling(size=size, stride=draw(st.integers((size + 1) // 2, size)))


def noise(height: int, width: int) -> Pixels:
    return np.random.default_rng(7).integers(1, 256, (height, width, 3), np.uint8)


def starts(length: int, tiling: Tiling) -> list[int]:
    """Return the starts of the tiles along a side, computed one by one."""
    starts = [0]
    while starts[-1] + tiling.size < length:
        starts.append(min(starts[-1] + tiling.stride, length - tiling.size))
    return starts


def cut(image: Pixels, tiling: Tiling) -> Pixels:
    """Return the tiles of an image at scale 1, cut one by one."""
    height, width, _ = image.shape
    canvas = np.zeros((max(height, tiling.size), max(width, tiling.size), 3), np.uint8)
    canvas[:height, :width] = image
    return np.stack(
        [
            canvas[y : y + tiling.size, x : x + tiling.size]
            for y in starts(height, tiling)
            for x in starts(width, tiling)
        ]
    )


@given(tilings(), st.integers(1, 20), st.integers(1, 20))
@settings(deadline=None, max_examples=30)
def test_tiles_are_slices_of_the_image(tiling: Tiling, height: int, width: int) -> None:
    image = noise(height, width)
    tiles, windows = tiling(tf.constant(image))
    assert tiles.dtype == tf.uint8
    np.testing.assert_array_equal(tiles, cut(image, tiling))
    np.testing.assert_array_equal(windows, tiling.windows(height, width))


@given(tilings(), st.integers(1, 20), st.integers(1, 20))
@settings(deadline=None, max_examples=50)
def test_windows_cover_every_pixel_once_each(tiling: Tiling, height: int, width: int) -> None:
    windows = tiling.windows(height, width)
    pixels = windows * [height, width, height, width]
    corners = np.rint(pixels).astype(int)
    np.testing.assert_allclose(pixels, corners, atol=1e-4)
    assert (corners[:, 2:] - corners[:, :2] == tiling.size).all()
    assert len(np.unique(corners, axis=0)) == len(corners)
    seen = np.zeros((height, width), bool)
    for top, left, bottom, right in corners:
        seen[top:bottom, left:right] = True
    assert seen.all()
    inside = [bool(edges.max() <= 1) for edges in (windows[:, 2], windows[:, 3])]
    assert inside == [height >= tiling.size, width >= tiling.size]


@pytest.mark.parametrize(
    ("length", "expected"),
    [(3, [0]), (8, [0]), (9, [0, 1]), (12, [0, 4]), (13, [0, 4, 5]), (16, [0, 4, 8])],
)
def test_the_last_tile_ends_at_the_border(length: int, expected: list[int]) -> None:
    windows = Tiling(size=8, stride=4).windows(8, length)
    assert np.rint(windows[:, 1] * length).tolist() == expected
    assert np.rint(windows[:, 3] * length).tolist() == [start + 8 for start in expected]


def test_a_small_image_is_padded_with_black() -> None:
    image = noise(2, 3)
    tiles, windows = Tiling(size=4, stride=4)(image)
    assert windows.numpy().tolist() == [[0.0, 0.0, 2.0, np.float32(4 / 3)]]
    np.testing.assert_array_equal(tiles[0, :2, :3], image)
    assert np.count_nonzero(tiles) == image.size


def test_scales() -> None:
    image = noise(25, 30)
    tiling = Tiling(size=8, stride=5, scales=(1.0, 0.5, 0.01, 1.3))
    tiles, windows = tiling(tf.constant(image))
    first = 0
    for scale, size in ((1.0, (25, 30)), (0.5, (12, 15)), (0.01, (1, 1)), (1.3, (32, 39))):
        scaled = image if scale == 1.0 else resize(tf.constant(image), size).numpy()
        expected = cut(scaled, tiling)
        last = first + len(expected)
        np.testing.assert_array_equal(tiles[first:last], expected)
        alone = Tiling(size=8, stride=5).windows(*size)
        np.testing.assert_array_equal(windows[first:last], alone)
        first = last
    assert len(tiles) == len(windows) == first
    np.testing.assert_array_equal(windows, tiling.windows(25, 30))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"size": 0, "stride": 1}, "tiles: expected a size of at least 1, got 0"),
        (
            {"size": 8, "stride": 0},
            "tiles: expected a stride from 1 to the size 8, got 0",
        ),
        (
            {"size": 8, "stride": 9},
            "tiles: expected a stride from 1 to the size 8, got 9",
        ),
        (
            {"size": 8, "stride": 8, "scales": ()},
            "tiles: expected different scales above 0, at least one, got ()",
        ),
        (
            {"size": 8, "stride": 8, "scales": (1.0, 0.5, 1.0)},
            "tiles: expected different scales above 0, at least one, got (1.0, 0.5, 1.0)",
        ),
        (
            {"size": 8, "stride": 8, "scales": (0.0,)},
            "tiles: expected different scales above 0, at least one, got (0.0,)",
        ),
        (
            {"size": 8, "stride": 8, "scales": (float("nan"),)},
            "tiles: expected different scales above 0, at least one, got (nan,)",
        ),
    ],
)
def test_wrong_fields(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(RecipeError) as error:
        Tiling(**arguments)
    assert str(error.value) == message


class Scanner(tf.Module):
    """Serve a graph that finds the brightest tile of a photo."""

    @tf.function(input_signature=[tf.TensorSpec([], tf.string)])
    def scan(self, encoded: tf.Tensor) -> tuple[tf.Tensor, ...]:
        image = tf.io.decode_png(encoded, channels=3)
        tiles, windows = Tiling(size=8, stride=4, scales=(1.0, 0.5))(image)
        assert tiles.shape.as_list() == [None, 8, 8, 3]
        scores = tf.reduce_mean(tf.cast(tiles, tf.float32), axis=[1, 2, 3])[:, tf.newaxis]
        full = tf.tile([[[0.0, 0.0, 1.0, 1.0]]], [tf.shape(tiles)[0], 1, 1])
        return tiles, *stitch(full, scores, windows, max_boxes=1)


def test_in_a_saved_model(tmp_path: Path) -> None:
    tf.saved_model.save(Scanner(), str(tmp_path))
    scan = tf.saved_model.load(str(tmp_path)).scan
    for height, width in ((20, 24), (5, 9)):
        image = np.zeros((height, width, 3), np.uint8)
        image[-4:, -4:] = 255
        tiles, boxes, scores, places = scan(tf.io.encode_png(image))
        expected, windows = Tiling(size=8, stride=4, scales=(1.0, 0.5))(image)
        np.testing.assert_array_equal(tiles, expected)
        best = int(np.argmax(expected.numpy().mean(axis=(1, 2, 3))))
        assert places.numpy().tolist() == [best]
        np.testing.assert_array_equal(boxes, box_ops.clip(windows[best : best + 1]))
        assert scores.shape == (1,)


def test_tile_boxes() -> None:
    boxes = [[0.0, 0.0, 0.5, 0.25], [0.25, 0.125, 0.75, 0.375], [0.0, 0.5, 1.0, 1.0]]
    moved, indices = tile_boxes(boxes, HALVES)
    assert (moved.dtype, indices.dtype) == (tf.float32, tf.int64)
    assert (moved.shape.as_list(), indices.shape.as_list()) == ([3, None, 4], [3, None])
    assert indices.to_list() == [[0, 1], [1, 2], [2]]
    assert moved.to_list() == [
        [[0.0, 0.0, 0.5, 0.5], [0.25, 0.25, 0.75, 0.75]],
        [[0.25, 0.0, 0.75, 0.25], [0.0, 0.5, 1.0, 1.0]],
        [[0.0, 0.0, 1.0, 1.0]],
    ]
    assert tile_boxes(boxes, HALVES, min_visible=0.6)[1].to_list() == [[0, 1], [], [2]]


def test_tile_boxes_of_no_boxes() -> None:
    moved, indices = tile_boxes(np.zeros((0, 4), np.float32), HALVES)
    assert (moved.to_list(), indices.to_list()) == ([[], [], []], [[], [], []])
    assert moved.shape.as_list() == [3, None, 4]


@given(st.lists(one_box(), max_size=4), tilings(), st.integers(4, 20), st.integers(4, 20))
@settings(deadline=None, max_examples=30)
def test_boxes_of_tiles_lie_where_they_lay(
    drawn: list[list[float]], tiling: Tiling, height: int, width: int
) -> None:
    boxes = np.array(drawn, np.float32).reshape(-1, 4)
    windows = tiling.windows(height, width)
    moved, indices = tile_boxes(boxes, windows, min_visible=0.0)
    assert set(indices.values.numpy().tolist()) == set(range(len(boxes)))
    tiles = indices.value_rowids()
    back = box_ops.from_window(moved.values, tf.gather(windows, tiles)).numpy()
    window, box = windows[tiles], boxes[indices.values]
    np.testing.assert_allclose(back[:, :2], np.maximum(box[:, :2], window[:, :2]), atol=1e-5)
    np.testing.assert_allclose(back[:, 2:], np.minimum(box[:, 2:], window[:, 2:]), atol=1e-5)
    for tile in {0, len(windows) - 1}:
        expected, places = box_ops.to_window(boxes, windows[tile], min_visible=0.0)
        assert indices[tile].numpy().tolist() == places.numpy().tolist()
        assert moved[tile].numpy().tolist() == expected.numpy().tolist()


def test_boxes_of_tiles_lie_on_their_pixels() -> None:
    image = np.zeros((24, 40, 3), np.uint8)
    image[4:16, 8:20] = 255
    box = np.float32([[4 / 24, 8 / 40, 16 / 24, 20 / 40]])
    tiles, windows = Tiling(size=8, stride=6, scales=(1.0, 0.5))(image)
    moved, indices = tile_boxes(box, windows, min_visible=0.0)
    for tile, boxes in zip(tiles.numpy(), moved, strict=True):
        rows, columns, _ = np.nonzero(tile > 127)
        edges = [rows.min(), columns.min(), rows.max() + 1, columns.max() + 1] if rows.size else []
        np.testing.assert_allclose(tf.reshape(boxes, [-1]), np.array(edges) / 8, atol=1e-6)
    assert 0 < indices.flat_values.shape[0] < len(tiles)


def test_stitch() -> None:
    nothing = [0.0, 0.0, 1.0, 1.0]
    boxes = [
        [[0.25, 0.5, 0.75, 1.0], nothing],
        [[0.25, 0.0, 0.75, 0.5], [0.0, 0.75, 0.5, 1.25]],
        [[0.5, 0.5, 1.0, 1.5], [0.0, 0.25, 0.5, 0.75]],
    ]
    scores = [[0.75, 0.0], [0.875, 0.25], [0.625, 0.5]]
    merged, best, places = stitch(boxes, scores, HALVES)
    assert merged.numpy().tolist() == [
        [0.25, 0.25, 0.75, 0.5],
        [0.5, 0.75, 1.0, 1.0],
        [0.0, 0.625, 0.5, 0.875],
    ]
    assert best.numpy().tolist() == [0.875, 0.625, 0.5]
    assert (places.dtype, places.numpy().tolist()) == (tf.int64, [2, 4, 5])
    few = stitch(boxes, scores, HALVES, max_boxes=1)
    assert [part.numpy().tolist() for part in few[1:]] == [[0.875], [2]]
    sure = stitch(boxes, scores, HALVES, score_threshold=0.5)
    assert sure[2].numpy().tolist() == [2, 4]
    close = stitch(boxes, scores, HALVES, iou_threshold=1.0)
    assert close[2].numpy().tolist() == [2, 0, 4, 5, 3]


@pytest.mark.parametrize("tiles", [0, 3])
def test_stitch_nothing(tiles: int) -> None:
    windows = np.array(HALVES, np.float32)[:tiles]
    parts = stitch(tf.zeros([tiles, 0, 4]), tf.zeros([tiles, 0]), windows)
    assert [part.shape.as_list() for part in parts] == [[0, 4], [0], [0]]


@given(one_box(), tilings())
@settings(deadline=None, max_examples=30)
def test_a_box_that_some_tile_shows_whole_is_stitched_back(
    box: list[float], tiling: Tiling
) -> None:
    windows = tiling.windows(13, 17)
    moved, _ = tile_boxes([box], windows, min_visible=0.0)
    scores = box_ops.visible([box], windows[:, np.newaxis])
    merged, best, places = stitch(moved.to_tensor(shape=[None, 1, 4]), scores, windows)
    assert places[0] == tf.argmax(scores[:, 0])
    if best[0] == 1:
        np.testing.assert_allclose(merged[0], np.float32(box), atol=1e-5)
