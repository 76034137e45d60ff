"""Evidence of photos for the frame of their boxes, and the decision for all."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recordmill.pipelines.images.annotations.refs import ImageRef
from recordmill.pipelines.images.boxes.frames import (
    BoxFrame,
    FrameEvidence,
    decide_frame,
    evidence_of,
    stored_size,
)
from recordmill.schemas.errors import DataError

CHOICE = (
    "images.format.frame in the recipe: upright, as a viewer shows a photo, or stored, as its file "
    "has it"
)


def ref(*boxes: tuple[float, ...], name: str = "1.jpg", line: int = 2, **fields: Any) -> ImageRef:
    return ImageRef(f"in/{name}", name, 9, None, boxes=boxes, source="a.csv", line=line, **fields)  # type: ignore[arg-type]


def kinds(evidence: FrameEvidence) -> dict[str, int]:
    return {kind: count for kind, count in evidence.counts().items() if count}


SMALL = (1, 2, 3, 4)


class TestEvidence:
    @pytest.mark.parametrize("orientation", range(5, 9))
    @pytest.mark.parametrize(
        ("stated", "kind"), [((36, 48), "upright"), ((48, 36), "stored"), ((9, 9), "unknown")]
    )
    def test_a_stated_size_shows_it(
        self, stated: tuple[int, int], kind: str, orientation: int
    ) -> None:
        shown = evidence_of(ref(SMALL, stated_size=stated), (36, 48), orientation)
        assert kinds(shown) == {"turned": 1, kind: 1}

    @pytest.mark.parametrize(
        ("box", "kind"),
        [
            ((0, 0, 40, 20), "upright"),
            ((0, 0, 20, 40), "stored"),
            ((-1, -1, 37, 37), "unknown"),
            ((0, 0, 49, 37), "upright"),
            ((0, 0, 50, 60), "unknown"),
        ],
    )
    def test_so_do_boxes_that_fit_into_one(self, box: tuple[int, ...], kind: str) -> None:
        assert kinds(evidence_of(ref(SMALL, box), (36, 48), 6)) == {"turned": 1, kind: 1}

    def test_size_and_boxes_can_disagree(self) -> None:
        shown = evidence_of(ref((0, 0, 20, 40), stated_size=(36, 48)), (36, 48), 8)
        assert kinds(shown) == {"turned": 1, "upright": 1, "stored": 1}

    @pytest.mark.parametrize("orientation", [2, 3, 4])
    def test_a_mirrored_photo_shows_nothing(self, orientation: int) -> None:
        shown = evidence_of(ref(SMALL, stated_size=(36, 48)), (36, 48), orientation)
        assert kinds(shown) == {"turned": 1, "unknown": 1}

    @pytest.mark.parametrize("orientation", range(2, 9))
    def test_nor_does_a_square_one(self, orientation: int) -> None:
        shown = evidence_of(ref(SMALL, stated_size=(40, 40)), (40, 40), orientation)
        assert kinds(shown) == {"turned": 1, "unknown": 1}

    @pytest.mark.parametrize("orientation", range(2, 9))
    def test_boxes_that_are_the_same_either_way_ask_for_nothing(self, orientation: int) -> None:
        boxes = [(0, 0, 40, 40), (10, 10, 30, 30)]
        assert kinds(evidence_of(ref(*boxes), (40, 40), orientation)) == {"turned": 1}

    def test_a_photo_that_is_not_turned_or_without_boxes_counts_for_nothing(self) -> None:
        assert evidence_of(ref(SMALL), (36, 48), 1) == FrameEvidence()
        assert evidence_of(ref(), (36, 48), 6) == FrameEvidence()

    def test_the_stored_size(self) -> None:
        assert [stored_size((3, 4), orientation) for orientation in (1, 4, 5, 8)] == [
            (3, 4)
        ] * 2 + [(4, 3)] * 2


def one(number: int, stated: tuple[int, int] | None, orientation: int = 6) -> FrameEvidence:
    photo = ref(SMALL, name=f"{number}.jpg", line=number, stated_size=stated)
    return evidence_of(photo, (36, 48), orientation)


UPRIGHT, STORED, EITHER = (36, 48), (48, 36), None


class TestDecision:
    def test_where_no_photo_is_turned_there_is_none(self) -> None:
        assert decide_frame(FrameEvidence()) == BoxFrame("stored", "none")

    @pytest.mark.parametrize(("stated", "frame"), [(UPRIGHT, "upright"), (STORED, "stored")])
    def test_one_photo_decides_for_all(self, stated: tuple[int, int], frame: str) -> None:
        evidence = FrameEvidence.sum([one(1, EITHER), one(2, stated), one(3, EITHER, 3)])
        assert decide_frame(evidence) == BoxFrame(frame, "files")  # type: ignore[arg-type]

    def test_where_nothing_shows_it_the_first_are_named(self) -> None:
        evidence = FrameEvidence.sum(one(number, EITHER, 3) for number in (5, 2, 1, 4, 3))
        with pytest.raises(DataError) as error:
            decide_frame(evidence)
        shown = [
            f"a.csv:{n}: {n}.jpg, EXIF orientation 3, stored as 36 x 48 pixels: its boxes fit "
            "either"
            for n in (1, 2, 3)
        ]
        assert str(error.value) == (
            "EXIF turns 5 photos with boxes, and nothing shows whether the boxes are of the "
            f"upright or of the stored picture: {'; '.join(shown)}; and 2 more. Set {CHOICE}"
        )

    def test_where_both_show_the_first_of_each_are_named(self) -> None:
        with pytest.raises(DataError) as error:
            decide_frame(one(1, UPRIGHT) + one(2, STORED) + one(3, UPRIGHT))
        words = "EXIF orientation 6, stored as 48 x 36 pixels: its annotation states"
        assert str(error.value) == (
            "expected the boxes of all photos that EXIF turns in one frame, got 2 in that of the "
            "upright picture and 1 in that of the stored one. Upright: "
            f"a.csv:1: 1.jpg, {words} 36 x 48; a.csv:3: 3.jpg, {words} 36 x 48. Stored: "
            f"a.csv:2: 2.jpg, {words} 48 x 36. Correct the annotations, or set {CHOICE}"
        )


@given(
    st.lists(st.tuples(st.integers(1, 9), st.sampled_from([UPRIGHT, STORED, EITHER]))),
    st.integers(0, 9),
)
def test_evidence_adds_up_in_any_order(
    photos: list[tuple[int, tuple[int, int] | None]], cut: int
) -> None:
    parts = [one(number, stated) for number, stated in photos]
    total = FrameEvidence.sum(parts)
    assert FrameEvidence.sum(reversed(parts)) == total
    assert FrameEvidence.sum(parts[:cut]) + FrameEvidence.sum(parts[cut:]) == total
    assert total.turned == len(parts) == sum(total.counts().values()) - total.turned
