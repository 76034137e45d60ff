from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from recordmill.transforms._ops.resize import (
    central_crop,
    central_window,
    crop_box,
    pad,
    random_resized_crop,
    relative_window,
    resize,
)

NO_BOXES = tf.zeros([0, 4])


def noise(height: int, width: int) -> tf.Tensor:
    return tf.constant(
        np.random.default_rng(height * width).integers(0, 256, [height, width, 3], np.uint8)
    )


def ramp(height: int, width: int) -> tf.Tensor:
    """Pixels that say where they were: (row, column, 7)."""
    rows, columns = np.indices([height, width]).astype(np.uint8)
    return tf.constant(np.stack([rows, columns, np.full_like(rows, 7)], axis=-1))


@pytest.mark.parametrize("antialias", [True, False])
@pytest.mark.parametrize("shape", [(375, 500), (7, 5), (1, 1), (1, 300), (224, 64), (64, 224)])
def test_resize_is_that_of_tensorflow(shape: tuple[int, int], antialias: bool) -> None:
    image = noise(*shape)
    result = resize(image, (64, 32), antialias=antialias)
    exact = tf.image.resize(image, (64, 32), antialias=antialias)
    assert (result.dtype, result.shape) == (tf.uint8, (64, 32, 3))
    np.testing.assert_array_equal(result, tf.saturate_cast(tf.round(exact), tf.uint8))


def test_resize_rounds_half_to_even() -> None:
    image = tf.constant([[[0, 1, 2], [1, 2, 3]]], tf.uint8)
    assert resize(image, (1, 1)).numpy().tolist() == [[[0, 2, 2]]]


@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 40), st.integers(0, 255))
def test_one_colour_stays_that_colour(height: int, width: int, side: int, value: int) -> None:
    image = tf.fill([height, width, 3], tf.constant(value, tf.uint8))
    assert (resize(image, (side, 3)).numpy() == value).all()


def test_resize_to_the_size_it_has() -> None:
    image = noise(5, 7)
    np.testing.assert_array_equal(resize(image, (5, 7)), image)


def test_resize_to_a_size_known_late() -> None:
    @tf.function(input_signature=[tf.TensorSpec([None, None, 3], tf.uint8)])
    def halved(image: tf.Tensor) -> tf.Tensor:
        result = resize(image, tf.shape(image)[:2] // 2)
        assert result.shape.as_list() == [None, None, 3]
        return result

    np.testing.assert_array_equal(halved(noise(8, 6)), resize(noise(8, 6), (4, 3)))


@pytest.mark.parametrize(
    ("size", "aspect", "window"),
    [
        ([375, 500], 1.0, [0, 62, 375, 375]),
        ([500, 375], 1.0, [62, 0, 375, 375]),
        ([375, 500], 0.75, [0, 0, 375, 500]),
        ([10, 10], 2.0, [0, 2, 10, 5]),
        ([10, 10], 0.5, [2, 0, 5, 10]),
        ([4, 5], 1.0, [0, 0, 4, 4]),
        ([1, 1], 1.0, [0, 0, 1, 1]),
        ([1, 1], 1000.0, [0, 0, 1, 1]),
        ([1, 5000], 1.0, [0, 2499, 1, 1]),
        ([100, 100], 1e-6, [49, 0, 1, 100]),
        ([100, 100], 1e6, [0, 49, 100, 1]),
    ],
)
def test_central_window(size: list[int], aspect: float, window: list[int]) -> None:
    assert central_window(size, aspect).numpy().tolist() == window


@given(st.integers(1, 5000), st.integers(1, 5000), st.floats(0.01, 100))
def test_the_central_window_lies_in_the_image(height: int, width: int, aspect: float) -> None:
    top, left, high, wide = central_window([height, width], aspect).numpy().tolist()
    assert high == height or wide == width
    assert 0 <= top <= height - high <= 2 * top + 1
    assert 0 <= left <= width - wide <= 2 * left + 1
    assert abs(high - aspect * wide) <= max(1.0, aspect)


def test_central_crop() -> None:
    cropped = central_crop(ramp(4, 9), 1.0).numpy()
    assert cropped.shape == (4, 4, 3)
    assert (cropped[0, 0].tolist(), cropped[-1, -1].tolist()) == ([0, 2, 7], [3, 5, 7])


@pytest.mark.parametrize(
    ("box", "first", "last"),
    [
        ([0.0, 0.0, 1.0, 1.0], [0, 0], [9, 19]),
        ([0.3, 0.1, 0.7, 0.9], [3, 2], [6, 17]),
        ([-1.0, 0.5, 2.0, 3.0], [0, 10], [9, 19]),
        ([0.5, 0.5, 0.5, 0.5], [5, 10], [5, 10]),
        ([1.0, 1.0, 1.0, 1.0], [9, 19], [9, 19]),
        ([0.9, 0.9, 0.1, 0.1], [9, 18], [9, 18]),
    ],
)
def test_crop_box(box: list[float], first: list[int], last: list[int]) -> None:
    cropped = crop_box(ramp(10, 20), tf.constant(box)).numpy()
    assert (cropped[0, 0, :2].tolist(), cropped[-1, -1, :2].tolist()) == (first, last)


def test_pad_a_wide_image() -> None:
    padded, window = pad(tf.fill([2, 8, 3], tf.constant(200, tf.uint8)), (8, 16))
    assert padded.shape == (8, 16, 3)
    assert padded.numpy()[:, 0, 0].tolist() == [0, 0, 200, 200, 200, 200, 0, 0]
    assert window.numpy().tolist() == [-0.5, 0.0, 1.5, 1.0]


def test_pad_a_high_image() -> None:
    padded, window = pad(tf.fill([8, 4, 3], tf.constant(9, tf.uint8)), (4, 5))
    assert padded.numpy()[0, :, 0].tolist() == [0, 9, 9, 0, 0]
    assert window.numpy().tolist() == [0.0, -0.5, 1.0, 2.0]


@pytest.mark.parametrize("shape", [(1, 5000), (5000, 1), (1, 1)])
def test_pad_keeps_something_of_any_image(shape: tuple[int, int]) -> None:
    padded, _ = pad(tf.fill([*shape, 3], tf.constant(255, tf.uint8)), (4, 4))
    assert sorted(set(padded.numpy().ravel().tolist())) == ([255] if shape == (1, 1) else [0, 255])


def test_relative_window() -> None:
    window = relative_window(tf.constant([10, 20]), tf.constant([-5, 5]), tf.constant([20, 10]))
    assert window.numpy().tolist() == [-0.5, 0.25, 1.5, 0.75]


class TestRandomResizedCrop:
    IMAGE = ramp(100, 200)

    def test_the_same_seed_gives_the_same_part(self) -> None:
        def part(seed: list[int]) -> list[int]:
            return random_resized_crop(self.IMAGE, NO_BOXES, size=(8, 8), seed=seed)[0].numpy()

        np.testing.assert_array_equal(part([1, 2]), part([1, 2]))
        assert (part([1, 2]) != part([1, 3])).any()

    @settings(max_examples=30, deadline=None)
    @given(st.integers(0, 2**31 - 1))
    def test_share_shape_and_place(self, seed: int) -> None:
        box = tf.constant([[0.0, 0.0, 1.0, 1.0]])
        pixels, boxes, indices = random_resized_crop(
            self.IMAGE, box, size=(50, 50), seed=[seed, 0], scale=(0.25, 0.5), min_visible=0.2
        )
        assert boxes.numpy().tolist() == [[0.0, 0.0, 1.0, 1.0]]
        assert indices.numpy().tolist() == [0]
        height = np.ptp(pixels.numpy()[..., 0].astype(int)) * 50 / 49
        width = np.ptp(pixels.numpy()[..., 1].astype(int)) * 50 / 49
        assert 0.24 <= height * width / 20_000 <= 0.51
        assert 0.72 <= width / height <= 1.38

    def test_boxes_follow(self) -> None:
        image = np.zeros([100, 200, 3], np.uint8)
        image[40:60, 80:120] = 255
        box = tf.constant([[0.9, 0.9, 0.9, 0.9], [0.4, 0.4, 0.6, 0.6]])
        count = 0
        for seed in range(20):
            pixels, boxes, indices = random_resized_crop(
                tf.constant(image), box, size=(100, 100), seed=[seed, 0], scale=(0.5, 1.0)
            )
            if indices.numpy().tolist():
                count += 1
                assert indices.numpy().tolist() == [1]
                rows, columns = np.nonzero(pixels.numpy()[..., 0] > 127)
                edges = [rows.min(), columns.min(), rows.max() + 1, columns.max() + 1]
                np.testing.assert_allclose(boxes[0] * 100, edges, atol=1)
        assert count > 10

    @pytest.mark.parametrize("shape", [(2, 300), (300, 2), (1, 1)])
    def test_where_no_part_fits_it_is_the_whole(self, shape: tuple[int, int]) -> None:
        image = noise(*shape)
        pixels, _, _ = random_resized_crop(image, NO_BOXES, size=(4, 4), seed=[1, 1])
        np.testing.assert_array_equal(pixels, resize(image, (4, 4)))

    def test_in_a_dataset(self) -> None:
        dataset = tf.data.Dataset.range(3).map(
            lambda i: random_resized_crop(self.IMAGE, NO_BOXES, size=(4, 6), seed=[i, i])
        )
        assert dataset.element_spec[0].shape == [4, 6, 3]
        expected = random_resized_crop(self.IMAGE, NO_BOXES, size=(4, 6), seed=[2, 2])[0]
        np.testing.assert_array_equal(list(dataset)[2][0], expected)
