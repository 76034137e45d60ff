from __future__ import annotations

import colorsys
import json
import math
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from recordmill.schemas.errors import RecipeError
from recordmill.transforms import augment
from recordmill.transforms._ops.augment_geometry import draw
from recordmill.transforms.augment import (
    Augmentation,
    Operation,
    RandomBrightness,
    RandomContrast,
    RandomCrop,
    RandomFlip,
    RandomHue,
    RandomQuarterTurns,
    RandomRotation,
    RandomSaturation,
    RandomScale,
    copy_seed,
)

Pixels = npt.NDArray[np.uint8]
Boxes = npt.NDArray[np.float32]
Seed = tuple[int, int]

NO_BOXES = np.zeros([0, 4], np.float32)
BOXES = np.array([[0.25, 0.5, 0.5, 0.75], [0.0, 0.0, 1.0, 1.0], [0.4, 0.3, 0.7, 0.6]], np.float32)
COLOUR = [RandomHue(0.5), RandomSaturation(0.0, 3.0), RandomBrightness(0.4), RandomContrast(0.2, 3)]
GEOMETRY = [
    RandomFlip(True, True),
    RandomQuarterTurns(),
    RandomRotation(30),
    RandomCrop((0.3, 1.0), min_visible=0.0),
    RandomScale(0.4, 2.0, min_visible=0.0),
]
EVERYTHING = Augmentation((*GEOMETRY, *COLOUR))
IDENTITIES = [
    RandomRotation(0),
    RandomHue(0),
    RandomSaturation(1, 1),
    RandomBrightness(0),
    RandomContrast(1, 1),
    RandomCrop((1, 1), (1, 1)),
    RandomScale(1, 1),
]
SEEDS = st.tuples(*[st.integers(-(2**31), 2**31 - 1)] * 2)


def name_of(operation: object) -> str:
    return type(operation).__name__


def noise(height: int, width: int, *, seed: int = 0) -> Pixels:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def apply(
    operation: Operation | Augmentation, image: Pixels, boxes: Boxes, seed: Any
) -> tuple[Pixels, Boxes, list[int]]:
    changed, moved, indices = operation(image, boxes, seed)
    assert (changed.dtype, moved.dtype, indices.dtype) == (tf.uint8, tf.float32, tf.int64)
    assert changed.shape == image.shape and moved.shape == (*indices.shape, 4)
    return changed.numpy(), moved.numpy(), indices.numpy().tolist()


def recoloured(operation: Operation, image: Pixels, seed: Seed) -> Pixels:
    changed, boxes, indices = apply(operation, image, BOXES, seed)
    assert (boxes.tolist(), indices) == (BOXES.tolist(), [0, 1, 2])
    return changed


def drawn(seed: Seed, lower: float, upper: float) -> float:
    """Return the first number that an operation draws."""
    return float(draw(tf.constant(seed), 0, lower, upper))


@pytest.mark.parametrize("operation", IDENTITIES, ids=name_of)
@pytest.mark.parametrize("shape", [(97, 61), (1, 1), (2, 1), (1, 300)])
def test_operations_that_change_nothing(operation: Operation, shape: tuple[int, int]) -> None:
    image = noise(*shape)
    changed, boxes, indices = apply(operation, image, BOXES, (1, 2))
    assert np.array_equal(changed, image)
    assert (boxes.tolist(), indices) == (BOXES.tolist(), [0, 1, 2])


def test_an_angle_of_zero_leaves_tensorflow_its_zero() -> None:
    RandomRotation(0)(noise(2, 2), NO_BOXES, (0, 0))
    assert not np.signbit(tf.maximum(tf.constant([-1.0]), 0.0).numpy()).any()


@pytest.mark.parametrize("operation", [*GEOMETRY, *COLOUR, EVERYTHING], ids=name_of)
@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (5, 2), (31, 47)])
def test_any_size_without_boxes(
    operation: Operation | Augmentation, shape: tuple[int, int]
) -> None:
    for number in range(4):
        _, boxes, indices = apply(operation, noise(*shape), NO_BOXES, (number, 5))
        assert (boxes.shape, indices) == ((0, 4), [])


class TestColour:
    def test_hue_is_that_of_hsv(self) -> None:
        image, seed = noise(6, 6), (5, 6)
        turn = drawn(seed, -0.5, 0.5)

        def turned(pixel: Any) -> list[float]:
            hue, saturation, value = colorsys.rgb_to_hsv(*(pixel / 255))
            return [255 * c for c in colorsys.hsv_to_rgb((hue + turn) % 1, saturation, value)]

        expected = np.array([[turned(pixel) for pixel in row] for row in image])
        assert np.abs(recoloured(RandomHue(0.5), image, seed) - expected).max() <= 0.51

    def test_hue_leaves_grey(self) -> None:
        grey = np.repeat(np.arange(256, dtype=np.uint8)[np.newaxis, :, np.newaxis], 3, axis=2)
        assert np.array_equal(recoloured(RandomHue(0.5), grey, (1, 1)), grey)
        assert np.array_equal(recoloured(RandomSaturation(0, 9), grey, (1, 1)), grey)

    @settings(max_examples=10, deadline=None)
    @given(SEEDS)
    def test_saturation_is_that_of_hsv(self, seed: Seed) -> None:
        image = noise(20, 20, seed=seed[0] & 0xFFFF)
        factor = drawn(seed, 0.0, 3.0)
        expected = tf.image.adjust_saturation(image.astype(np.float32) / 255, factor) * 255
        changed = recoloured(RandomSaturation(0, 3), image, seed)
        assert np.abs(changed - expected.numpy()).max() <= 0.51

    def test_no_and_all_saturation(self) -> None:
        image = np.array([[[10, 200, 30], [0, 0, 0], [255, 254, 250]]], np.uint8)
        none = recoloured(RandomSaturation(0, 0), image, (0, 0))
        assert none.tolist() == [[[200] * 3, [0] * 3, [255] * 3]]
        pure = recoloured(RandomSaturation(1e6, 1e6), image, (0, 0))
        assert pure.tolist() == [[[0, 200, 21], [0, 0, 0], [255, 204, 0]]]

    @settings(max_examples=10, deadline=None)
    @given(SEEDS)
    def test_brightness(self, seed: Seed) -> None:
        image = noise(9, 9)
        expected = np.rint(image + np.float32(drawn(seed, -255.0, 255.0))).clip(0, 255)
        assert np.array_equal(recoloured(RandomBrightness(1), image, seed), expected)

    @settings(max_examples=10, deadline=None)
    @given(SEEDS)
    def test_contrast(self, seed: Seed) -> None:
        image = noise(300, 400)
        mean = image.mean((0, 1), np.float64).astype(np.float32)
        values = mean + (image - mean) * np.float32(drawn(seed, 0.0, 2.0))
        expected = np.rint(values).clip(0, 255)
        assert np.array_equal(recoloured(RandomContrast(0, 2), image, seed), expected)

    def test_no_contrast(self) -> None:
        image = np.array([[[1, 0, 9], [2, 0, 10]], [[1, 255, 9], [2, 255, 10]]], np.uint8)
        assert (recoloured(RandomContrast(0, 0), image, (0, 0)) == [2, 128, 10]).all()


class TestOneResult:
    """Pixels and boxes are the same eagerly, in `tf.data`, and in a function of a static shape."""

    @pytest.mark.parametrize(
        "operation",
        [*GEOMETRY, *COLOUR, pytest.param(EVERYTHING, marks=pytest.mark.slow)],
        ids=name_of,
    )
    def test_everywhere(self, operation: Operation | Augmentation) -> None:
        images = [noise(30 + number, 40, seed=number) for number in range(12)]
        seeds = [copy_seed(number, 7, 1) for number in range(12)]
        eager = [
            [part.numpy().tobytes() for part in operation(image, BOXES, seed)]
            for image, seed in zip(images, seeds, strict=True)
        ]
        of_one_shape = tf.function(lambda image, seed: operation(image, BOXES, seed))
        traced = of_one_shape(images[0], tf.constant(seeds[0]))
        pixels, boxes, indices = (part.numpy() for part in traced)
        assert [pixels.tobytes(), indices.tobytes()] == eager[0][::2]
        assert boxes.tobytes() == eager[0][1]
        elements = tf.data.Dataset.from_generator(
            lambda: zip(images, seeds, strict=True),
            output_signature=(
                tf.TensorSpec([None, None, 3], tf.uint8),
                tf.TensorSpec([2], tf.int32),
            ),
        )
        mapped = elements.map(
            lambda image, seed: operation(image, BOXES, seed), num_parallel_calls=4
        )
        assert [[part.numpy().tobytes() for part in result] for result in mapped] == eager

    def test_a_seed_may_be_int32_or_int64(self) -> None:
        image = noise(20, 20)
        results = [
            apply(EVERYTHING, image, BOXES, tf.constant([-3, 2**31 - 1], dtype))[0]
            for dtype in (tf.int32, tf.int64)
        ]
        assert np.array_equal(*results)


class TestAugmentation:
    def test_kept_goes_through_all_operations(self) -> None:
        boxes = np.array(
            [[0, 0, 0.2, 0.2], [0.3, 0.3, 0.7, 0.7], [0.2, 0.2, 0.3, 0.3], [0.45, 0.45, 0.55, 0.55]]
        )
        zooms = Augmentation((RandomScale(1.5, 1.5), RandomScale(1.5, 1.5)))
        _, moved, indices = apply(zooms, noise(180, 180), boxes.astype(np.float32), (0, 0))
        assert indices == [1, 3]
        assert moved[1].tolist() == pytest.approx([0.3875] * 2 + [0.6125] * 2, abs=1e-6)

    def test_equal_operations_draw_each_for_itself(self) -> None:
        image = noise(6, 6)
        twice = Augmentation((RandomFlip(), RandomFlip()))
        same = [
            np.array_equal(apply(twice, image, NO_BOXES, (number, 0))[0], image)
            for number in range(20)
        ]
        assert 0 < sum(same) < 20

    def test_at_training_time(self) -> None:
        augmentation = Augmentation((RandomCrop(), RandomBrightness(0.5)))
        image = noise(16, 16)
        classes = tf.constant([4, 5, 6], tf.int64)
        target = {"boxes": BOXES, "classes": classes}

        def augmented(step: tf.Tensor, pair: Any) -> Any:
            pixels, target = pair
            pixels, boxes, indices = augmentation(pixels, target["boxes"], (7, step))
            return pixels, {"boxes": boxes, "classes": tf.gather(target["classes"], indices)}

        dataset = tf.data.Dataset.from_tensors((image, target)).repeat(3).enumerate()
        results = list(dataset.map(augmented, num_parallel_calls=2))
        assert len({pixels.numpy().tobytes() for pixels, _ in results}) == 3
        for pixels, target in results:
            assert pixels.shape == (16, 16, 3)
            assert target["boxes"].shape[0] == target["classes"].shape[0]

    def test_fields_are_plain(self) -> None:
        crop = RandomCrop()
        assert repr(crop) == (
            "RandomCrop(scale=(0.5, 1.0), ratio=(0.75, 1.3333333333333333), min_visible=0.5)"
        )
        for operation in (*GEOMETRY, *COLOUR):
            assert (
                type(operation)(**_tuples(json.loads(json.dumps(asdict(operation))))) == operation
            )
        assert hash(EVERYTHING) == hash(Augmentation((*GEOMETRY, *COLOUR)))


def _tuples(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: tuple(x) if isinstance(x, list) else x for name, x in fields.items()}


def test_copy_seed() -> None:
    seeds = [
        copy_seed(hi, lo, copy, seed=seed)
        for hi in (0, 1, 2**64 - 1)
        for lo in (0, 1, 2**64 - 1)
        for copy in (1, 2)
        for seed in (0, 1, -1)
    ]
    assert {(seed.dtype.name, seed.shape) for seed in seeds} == {("int32", (2,))}
    assert len({seed.tobytes() for seed in seeds}) == len(seeds)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: RandomHue(0.6), "RandomHue: delta: expected a number from 0 to 0.5, got 0.6"),
        (
            lambda: RandomHue(math.nan),
            "RandomHue: delta: expected a number from 0 to 0.5, got nan",
        ),
        (
            lambda: RandomBrightness("0.1"),  # type: ignore[arg-type]
            "RandomBrightness: delta: expected a number from 0 to 1, got '0.1'",
        ),
        (
            lambda: RandomSaturation(-1, 1),
            "RandomSaturation: lower: expected a number from 0 on, got -1",
        ),
        (
            lambda: RandomContrast(0.5, 0.25),
            "RandomContrast: upper: expected a number from 0.5 on, got 0.25",
        ),
        (
            lambda: RandomRotation(181),
            "RandomRotation: degrees: expected a number from 0 to 180, got 181",
        ),
        (
            lambda: RandomRotation(5, min_visible=True),
            "RandomRotation: min_visible: expected a number from 0 to 1, got True",
        ),
        (lambda: RandomScale(0, 1), "RandomScale: lower: expected a number above 0, got 0"),
        (
            lambda: RandomCrop((0.5, 1.5)),
            "RandomCrop: scale: expected a tuple of two numbers above 0, up to 1, in ascending"
            " order, got (0.5, 1.5)",
        ),
        (
            lambda: RandomCrop(ratio=(1,)),  # type: ignore[arg-type]
            "RandomCrop: ratio: expected a tuple of two numbers above 0, in ascending order,"
            " got (1,)",
        ),
        (
            lambda: RandomFlip("no"),  # type: ignore[arg-type]
            "RandomFlip: horizontal: expected true or false, got 'no'",
        ),
        (
            lambda: RandomFlip(False),
            "RandomFlip: vertical: expected true where horizontal is not, got False",
        ),
        (
            lambda: Augmentation((RandomFlip(),), copies=0),
            "Augmentation: copies: expected a whole number from 1 on, got 0",
        ),
        (
            lambda: Augmentation(()),
            "Augmentation: operations: expected a tuple of at least one operation, such as"
            " (RandomFlip(),), got ()",
        ),
        (
            lambda: RandomFlip()(np.zeros([2, 2, 3], np.float32), NO_BOXES, (0, 0)),
            "RandomFlip: expected an image of uint8 pixels from 0 to 255, got float32; augment"
            " before pixels are scaled or converted",
        ),
    ],
)
def test_wrong_arguments(make: Callable[[], object], message: str) -> None:
    with pytest.raises(RecipeError) as error:
        make()
    assert str(error.value) == message


def test_all_operations_come_from_one_module() -> None:
    assert {name_of(operation) for operation in (*GEOMETRY, *COLOUR)} <= set(augment.__all__)
