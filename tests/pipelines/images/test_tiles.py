"""Tiles and copies of a picture, by its content and the seed alone."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from recordmill.pipelines.config.images import Images
from recordmill.pipelines.images.tiles import OutputImage, SourcePicture, TileAndAugment
from recordmill.schemas.manifest import Expansion
from recordmill.transforms.augment import Augmentation, RandomFlip, RandomHue
from recordmill.transforms.tiles import Tiling

pytestmark = pytest.mark.slow

TILING = Tiling(size=8, stride=8)
COPIES = Augmentation((RandomHue(0.3), RandomFlip()), copies=2)
KEY = (0x0123_4567_89AB_CDEF, 0xFEDC_BA98_7654_3210)

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Made:
    """The pieces of a picture, and their numbers."""

    pieces: list[OutputImage]
    expansion: Expansion
    names: list[str] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "names", [piece.name for piece in self.pieces])

    def __getitem__(self, name: str) -> OutputImage:
        return self.pieces[self.names.index(name)]


def picture(
    *boxes: tuple[float, float, float, float],
    size: tuple[int, int] = (16, 24),
    key: tuple[int, int] = KEY,
) -> SourcePicture:
    """A picture like no other of its size, with boxes in pixels."""
    height, width = size
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    relative = np.array(boxes, np.float32).reshape(-1, 4) / (height, width, height, width)
    return SourcePicture(pixels, relative.astype(np.float32), key)


def cut(shot: SourcePicture, *, seed: int = 0, copies: bool = True, **options: Any) -> Made:
    return Made(*cutter(Images(**options), seed).outputs(shot, copies=copies))


@cache
def cutter(images: Images, seed: int) -> TileAndAugment:
    return TileAndAugment(images, seed=seed)


def pixels(piece: OutputImage) -> Array:
    return np.asarray(piece.pixels)


def shown(piece: OutputImage) -> list[Any]:
    return np.round(piece.boxes * 8, 4).tolist()  # type: ignore[no-any-return]


def names(*tiles: int) -> list[str]:
    return [f"#tile-{tile}" for tile in tiles]


class TestWhole:
    def test_it_is_its_only_piece(self) -> None:
        shot = picture((1, 2, 3, 4), (5, 6, 7, 8))
        made = cut(shot)
        assert made.names == [""]
        assert made.expansion == Expansion(written=1, pieces=1)
        np.testing.assert_array_equal(pixels(made[""]), shot.pixels)
        np.testing.assert_array_equal(made[""].boxes, shot.boxes)
        assert made[""].box_indices.tolist() == [0, 1]
        assert made[""].box_indices.dtype == np.int64
        assert made[""].touched is None

    @pytest.mark.parametrize("shot", [picture(), replace(picture(), boxes=None)])
    def test_it_stays_without_boxes(self, shot: SourcePicture) -> None:
        made = cut(shot, empty_tiles=0.0)
        assert made.names == [""]
        assert made[""].boxes.shape == (0, 4)
        assert (made[""].boxes.dtype, made[""].box_indices.dtype) == (np.float32, np.int64)
        assert made[""].box_indices.tolist() == []


class TestTiles:
    def test_they_show_the_picture_from_left_to_right(self) -> None:
        shot = picture()
        made = cut(shot, tiling=TILING, empty_tiles=1.0)
        assert made.names == names(0, 1, 2, 3, 4, 5)
        assert made.expansion == Expansion(written=1, pieces=6)
        for index, piece in enumerate(made.pieces):
            top, left = divmod(index, 3)
            expected = shot.pixels[top * 8 : top * 8 + 8, left * 8 : left * 8 + 8]
            np.testing.assert_array_equal(pixels(piece), expected)

    def test_boxes_are_those_of_the_tile(self) -> None:
        shot = picture((9, 17, 11, 20), (1, 2, 3, 4), (10, 18, 16, 24))
        made = cut(shot, tiling=TILING, empty_tiles=0.0)
        assert made.names == names(0, 5)
        assert shown(made["#tile-0"]) == [[1, 2, 3, 4]]
        assert made["#tile-0"].box_indices.tolist() == [1]
        assert shown(made["#tile-5"]) == [[1, 1, 3, 4], [2, 2, 8, 8]]
        assert made["#tile-5"].box_indices.tolist() == [0, 2]
        assert made.expansion == Expansion(written=1, pieces=6, left_out=4)

    def test_one_that_shows_only_a_sliver_is_left_out_whatever_is_kept(self) -> None:
        shot = picture((1, 7, 3, 12))  # a fifth in tile 0, the rest in tile 1
        made = cut(shot, tiling=TILING, empty_tiles=1.0)
        assert made.names == names(1, 2, 3, 4, 5)
        assert shown(made["#tile-1"]) == [[1, 0, 3, 4]]
        assert made.expansion == Expansion(written=1, pieces=6, left_out=1)

    def test_a_sliver_beside_a_whole_box_is_not_among_its_boxes(self) -> None:
        shot = picture((1, 7, 3, 12), (2, 2, 4, 4))
        made = cut(shot, tiling=TILING, empty_tiles=0.0)
        assert made.names == names(0, 1)
        assert made["#tile-0"].box_indices.tolist() == [1]
        assert made["#tile-0"].touched == 2
        assert made["#tile-1"].box_indices.tolist() == [0]

    @pytest.mark.parametrize(("share", "expected"), [(0.2, [0, 1]), (0.5, [1]), (0.9, [])])
    def test_how_much_of_a_box_a_tile_must_show(self, share: float, expected: list[int]) -> None:
        shot = picture((0, 6, 8, 13))  # two sevenths, five sevenths
        made = cut(shot, tiling=TILING, empty_tiles=0.0, min_visible=share)
        assert made.names == names(*expected)

    def test_a_box_at_the_border_of_a_tile_is_not_in_the_next(self) -> None:
        made = cut(picture((0, 0, 8, 8)), tiling=TILING, empty_tiles=1.0)
        assert made["#tile-0"].touched == 1
        assert [made[name].touched for name in names(1, 2, 3, 4, 5)] == [0] * 5

    @pytest.mark.parametrize(("share", "tiles"), [(0.0, 0), (1.0, 6)])
    def test_all_or_none_of_a_picture_without_boxes(self, share: float, tiles: int) -> None:
        made = cut(picture(), tiling=TILING, empty_tiles=share)
        assert len(made.pieces) == tiles
        assert made.expansion == Expansion(written=1, pieces=6, left_out=6 - tiles)

    def test_a_picture_smaller_than_a_tile_is_one(self) -> None:
        made = cut(picture((1, 1, 4, 4), size=(4, 4)), tiling=TILING, empty_tiles=0.0)
        assert made.names == names(0)
        assert shown(made["#tile-0"]) == [[1, 1, 4, 4]]
        assert pixels(made["#tile-0"]).shape == (8, 8, 3)
        assert not pixels(made["#tile-0"])[4:].any()


class TestEmptyTiles:
    def test_the_share_is_near_to_what_was_asked(self) -> None:
        shot = picture(size=(96, 128))  # 192 tiles; the standard deviation is 0.033
        made = cut(shot, tiling=TILING, empty_tiles=0.3)
        assert 0.2 < len(made.pieces) / 192 < 0.4

    def test_a_larger_share_keeps_what_a_smaller_one_does(self) -> None:
        shot = picture(size=(32, 64))
        names = [cut(shot, tiling=TILING, empty_tiles=share).names for share in (0.1, 0.4, 0.8)]
        assert set(names[0]) < set(names[1]) < set(names[2])

    def test_seed_and_content_decide(self) -> None:
        shot = picture(size=(32, 64))
        first = cut(shot, tiling=TILING, empty_tiles=0.5).names
        assert cut(shot, tiling=TILING, empty_tiles=0.5).names == first
        assert cut(shot, tiling=TILING, empty_tiles=0.5, seed=1).names != first
        other = replace(shot, key=(KEY[0] + 1, KEY[1]))
        assert cut(other, tiling=TILING, empty_tiles=0.5).names != first


class TestCopies:
    def test_they_come_behind_and_only_where_asked_for(self) -> None:
        shot = picture((1, 2, 3, 4))
        made = cut(shot, augmentation=COPIES)
        assert made.names == ["", "#copy-1", "#copy-2"]
        assert made.expansion == Expansion(written=1, pieces=1, copies=2)
        np.testing.assert_array_equal(pixels(made[""]), shot.pixels)
        alone = cut(shot, augmentation=COPIES, copies=False)
        assert alone.names == [""]
        assert alone.expansion == Expansion(written=1, pieces=1)

    def test_no_augmentation_no_copies(self) -> None:
        assert cut(picture(), copies=True).names == [""]

    def test_each_is_another(self) -> None:
        made = cut(picture(), augmentation=COPIES)
        first, second, third = (pixels(piece) for piece in made.pieces)
        assert (first != second).any()
        assert (first != third).any()
        assert (second != third).any()

    def test_seed_and_content_decide(self) -> None:
        shot = picture()
        first = cut(shot, augmentation=COPIES)
        again = cut(shot, augmentation=COPIES)
        for piece, other in zip(first.pieces, again.pieces, strict=True):
            np.testing.assert_array_equal(pixels(piece), pixels(other))
            assert piece.order == other.order
        for name in ("#copy-1", "#copy-2"):
            others = (
                cut(shot, augmentation=COPIES, seed=1),
                cut(replace(shot, key=(KEY[0] + 1, KEY[1])), augmentation=COPIES),
                cut(replace(shot, key=(KEY[0], KEY[1] + 1)), augmentation=COPIES),
            )
            for other in others:
                assert (pixels(other[name]) != pixels(first[name])).any()

    def test_boxes_go_with_the_pixels(self) -> None:
        flip = Augmentation((RandomFlip(),), copies=8)
        made = cut(picture((1, 2, 3, 4), size=(8, 8)), augmentation=flip)
        flips = set()
        for copy in made.pieces[1:]:
            same = (pixels(copy) == pixels(made[""])).all()
            np.testing.assert_array_equal(pixels(copy), pixels(made[""])[:, :: 1 if same else -1])
            assert shown(copy) == ([[1, 2, 3, 4]] if same else [[1, 4, 3, 6]])
            flips.add(bool(same))
        assert flips == {True, False}

    def test_a_copy_of_a_tile_knows_the_places_in_the_picture(self) -> None:
        shot = picture((1, 2, 3, 4), (9, 17, 11, 20))
        made = cut(shot, tiling=TILING, empty_tiles=0.0, augmentation=COPIES)
        assert made.names == [
            *("#tile-0", "#tile-5"),
            *("#tile-0#copy-1", "#tile-0#copy-2", "#tile-5#copy-1", "#tile-5#copy-2"),
        ]
        assert made["#tile-0#copy-1"].box_indices.tolist() == [0]
        assert made["#tile-5#copy-2"].box_indices.tolist() == [1]
        assert made.expansion == Expansion(written=1, pieces=6, left_out=4, copies=4)
        assert made.expansion.records == len(made.pieces)

    def test_a_picture_without_boxes_has_them_too(self) -> None:
        made = cut(replace(picture(), boxes=None), augmentation=COPIES)
        assert [piece.boxes.shape for piece in made.pieces] == [(0, 4)] * 3


class TestOrder:
    @given(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1))
    @settings(max_examples=5, deadline=None)
    @example(1, 2**64 - 1)
    def test_it_is_a_word_of_each_pieces_own(self, hi: int, lo: int) -> None:
        shot = picture(size=(8, 16), key=(hi, lo))
        made = cut(shot, seed=5, tiling=TILING, empty_tiles=1.0, augmentation=COPIES)
        orders = {piece.order for piece in made.pieces}
        assert len(orders) == len(made.pieces) == 6
        assert all(0 <= order < 2**64 for order in orders)

    def test_it_mixes_the_tiles_of_pictures(self) -> None:
        placed = sorted(
            (piece.order, number)
            for number in range(4)
            for piece in cut(
                picture(size=(32, 64), key=(number, 0)), tiling=TILING, empty_tiles=1.0
            ).pieces
        )
        beside = sum(number == after for (_, number), (_, after) in pairwise(placed))
        assert len(placed) == 128
        assert beside < 64  # in a random order, 31 on average; unmixed, 124
