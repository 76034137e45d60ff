"""Messages of runs that fail for their boxes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from recordmill.pipelines import ImageFormat, Images, Input
from recordmill.pipelines.images.annotations.refs import ImageRef, Listing
from recordmill.pipelines.images.boxes.check import (
    ListedBoxes,
    check_boxes,
    check_listed,
    check_some_boxes,
)
from recordmill.pipelines.images.boxes.marks import BoxEvidence, Doubt
from recordmill.schemas.errors import DataError
from recordmill.schemas.manifest import SourceFile

ALLOW = (
    "If images without any box are intended, set images: {allow_no_boxes: true}. "
    "Nothing was published."
)
FIRST = ("a.json", 1, "1.jpg, 80 x 60 pixels: got 40, 30, 60, 50, read as xywh in pixels")


def evidence(
    clipped: int = 0, tiny: int = 0, fitting: tuple[int, ...] = (0,) * 6, boxes: int = 100
) -> BoxEvidence:
    """Of 40 images; the examples are all one."""
    doubts = [Doubt(count, (FIRST,) * bool(count)) for count in (clipped, tiny)]
    return BoxEvidence(40, boxes, *doubts, fitting)


def failure(boxes: dict[str, BoxEvidence], **options: Any) -> list[str]:
    with pytest.raises(DataError) as caught:
        check_boxes(boxes, images=Images(**options))
    return str(caught.value).splitlines()


CLIPPED = (
    "train: 6 of 100 boxes extend beyond their picture by more than a pixel (6.00%; "
    "max_clipped_ratio is 5.00%)"
)


class TestDoubtfulBoxes:
    @pytest.mark.parametrize("boxes", [evidence(), evidence(5, 5), evidence(boxes=20, tiny=1)])
    def test_five_in_a_hundred_are_good(self, boxes: BoxEvidence) -> None:
        check_boxes({"train": boxes, "eval": BoxEvidence()}, images=Images())

    def test_above_that_the_likely_reason_is_named(self) -> None:
        assert failure({"train": evidence(6, 1, (100, 0, 90, 0, 0, 0))}) == [
            CLIPPED,
            "The boxes look like xyxy in pixels: read so, 100 of 100 are good. Set "
            "images: {format: {box: xyxy}}; or raise max_clipped_ratio of images if the boxes are "
            "right. The first ones:",
            "  a.json:1: 1.jpg, 80 x 60 pixels: got 40, 30, 60, 50, read as xywh in pixels",
            "Nothing was published.",
        ]

    def test_relative_boxes_and_several_forms_that_fit(self) -> None:
        tiny, reason, *_ = failure({"eval": evidence(tiny=100, fitting=(0, 0, 0, 9, 99, 99))})
        assert tiny == (
            "eval: 100 of 100 boxes have a side of less than 1.5 pixels in their picture "
            "(100.00%; max_tiny_ratio is 5.00%)"
        )
        assert reason == (
            "The boxes look like relative xywh or relative cxcywh: read so, 99 of 100 "
            "are good. Set images: {format: {box: xywh, units: relative}} or {format: {box: "
            "cxcywh, units: relative}}; or raise max_tiny_ratio of images if the boxes are right. "
            "The first ones:"
        )

    def test_pixels_that_are_taken_for_relative(self) -> None:
        boxes = evidence(clipped=100, fitting=(100, 0, 0, 0, 0, 0))
        lines = failure({"train": boxes}, format=ImageFormat(box="xyxy", units="relative"))
        assert "Set images: {format: {box: xyxy, units: pixels}};" in lines[1]

    @pytest.mark.parametrize("fitting", [(94, 94, 0, 0, 0, 0), (0,) * 6])
    def test_no_convention_fits(self, fitting: tuple[int, ...]) -> None:
        assert failure({"train": evidence(6, fitting=fitting)})[:2] == [
            CLIPPED,
            "No other convention fits them (xyxy, xywh or cxcywh, in pixels or relative): correct "
            "the annotations, or raise max_clipped_ratio of images if they are intended. The first "
            "ones:",
        ]

    def test_the_stated_convention_is_no_reason(self) -> None:
        """It fits 97 of 100, which is enough for another one."""
        boxes = {"train": evidence(3, fitting=(97, 0, 0, 0, 0, 0))}
        lines = failure(boxes, max_clipped_ratio=0.01)
        assert lines[1].startswith("No other convention fits them")

    def test_every_split_is_told_and_both_kinds(self) -> None:
        boxes = {"train": evidence(100, 7), "eval": evidence(tiny=9), "test": evidence()}
        lines = failure(boxes)
        assert [line.partition(" of ")[0] for line in lines if line[:5] in ("train", "eval:")] == [
            *("eval: 9", "train: 100", "train: 7"),
        ]
        assert "or raise max_clipped_ratio or max_tiny_ratio of images" in " ".join(lines)

    def test_what_is_meant_is_let_through(self) -> None:
        images = Images(max_clipped_ratio=1.0, max_tiny_ratio=0.5)
        check_boxes({"train": evidence(100, 50)}, images=images)


def test_a_split_of_images_without_boxes() -> None:
    with pytest.raises(DataError) as caught:
        check_some_boxes({"train": (9, 3), "eval": (4, 0)}, images=Images())
    assert str(caught.value) == (
        "eval: none of its 4 images has a box: expected boxes, since the recipe is for detection. "
        "Give this split images with boxes, or another share or seed where content decides. "
        f"{ALLOW}"
    )
    check_some_boxes({"eval": (4, 0)}, images=Images(allow_no_boxes=True))
    check_some_boxes({"eval": (0, 0)}, images=Images())


def listed(
    pattern: object, *, split: str | None = None, boxes: int = 0, images: int = 2
) -> ListedBoxes:
    return ListedBoxes(Input(split, str(pattern)), images, boxes, True)


def refused(*entries: ListedBoxes, **options: Any) -> list[str]:
    with pytest.raises(DataError) as caught:
        check_listed(entries, images=Images(**options))
    return str(caught.value).splitlines()


class TestListed:
    def test_boxes_and_pictures_alone_are_told_apart(self) -> None:
        source = SourceFile("in", None, 0, "", 0)
        alone = ImageRef("in/1.jpg", "1.jpg", 1, None, source="in/1.jpg")
        boxed = ImageRef("1.jpg", "1.jpg", 1, None, source="a.csv", boxes=((0, 0, 1, 1),) * 3)
        source = Input("train", "in")
        for image, expected in ((alone, (1, 0, True)), (boxed, (1, 3, False))):
            listing = Listing(0, (image,), (), 0, 0, source)
            assert ListedBoxes.of(source, listing) == ListedBoxes(source, *expected)

    def test_a_folder_of_negatives_beside_boxes_is_good(self) -> None:
        entries = [listed("a", split="train"), listed("b", split="train", boxes=1)]
        check_listed(entries, images=Images())

    def test_nothing_listed_is_no_affair_of_boxes(self) -> None:
        check_listed([listed("a", images=0)], images=Images())

    def test_none_is_allowed_where_the_recipe_says_so(self) -> None:
        check_listed([listed("a")], images=Images(allow_no_boxes=True))

    def test_a_folder_of_pictures(self, tmp_path: Path) -> None:
        (tmp_path / "1.jpg").touch()
        assert refused(listed(tmp_path)) == [
            f'none of the 2 files of "{tmp_path}" has a box, and the recipe is for detection: '
            "expected annotations with boxes, got pictures only. Give Pascal VOC (*.xml), COCO "
            "(*.json) or a CSV with the columns filename,width,height,class,xmin,ymin,xmax,ymax as "
            "the input instead.",
            ALLOW,
        ]

    def test_annotations_without_boxes(self) -> None:
        entry = ListedBoxes(Input("eval", "a.json"), 7, 0, False)
        assert refused(entry)[0].startswith(
            'eval: none of the 7 images of "a.json" has a box, and the recipe is for detection: '
            "expected annotations with boxes. Give Pascal VOC"
        )

    @pytest.mark.parametrize(
        ("root", "setting"),
        [("", " and set images: {format: {root: ../photos}}"), ("../photos", "")],
    )
    def test_annotations_nearby_are_pointed_out(
        self, root: str, setting: str, tmp_path: Path
    ) -> None:
        for name in ("photos", "annotations"):
            (tmp_path / name).mkdir()
        (tmp_path / "photos" / "1.jpg").touch()
        (tmp_path / "annotations" / "1.xml").write_text(
            "<annotation><filename>1.jpg</filename></annotation>"
        )
        entry = listed(tmp_path / "photos", split="train")
        lines = refused(entry, format=ImageFormat(root=root))
        assert lines[0].endswith("There are annotations of these images; give")
        assert lines[1:] == [
            f"  --input 'train={tmp_path}/annotations/*.xml'{setting}  (Pascal VOC)",
            ALLOW,
        ]

    def test_a_root_that_yaml_would_misread_is_quoted(self, tmp_path: Path) -> None:
        (tmp_path / "a, b").mkdir()
        (tmp_path / "a, b" / "1.jpg").touch()
        (tmp_path / "1.xml").write_text("<annotation><filename>1.jpg</filename></annotation>")
        assert 'root: "a, b"' in refused(listed(tmp_path / "a, b"))[1]
