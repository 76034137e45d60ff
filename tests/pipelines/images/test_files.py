"""Image files one by one; `test_chunks` reads them as a run does."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.small_images import encoded, picture

from recordmill.pipelines.config.image_limits import ImageLimits
from recordmill.pipelines.images.annotations.box_format import BoxFormat
from recordmill.pipelines.images.annotations.refs import ImageRef
from recordmill.pipelines.images.check import BadImage, open_image
from recordmill.pipelines.images.files import (
    FileRead,
    GoodImage,
    as_rows,
    digest_of,
    further_values,
    keys_of,
    open_file,
    read_file,
    reject_of,
    split_lane,
)
from recordmill.schemas import Column, DataError, ImageSchema
from recordmill.transforms._ops.orientation import upright_boxes

SCHEMA = ImageSchema("detection", ("cat", "dog"))
PNG = encoded(picture(1, (80, 60)), "PNG")
BOX = (6.0, 8.0, 30.0, 40.0)  # ymin, xmin, ymax, xmax of 60 x 80 pixels


def ref_of(path: str = "in/1.png", **fields: Any) -> ImageRef:
    fields = {"boxes": (BOX,), "classes": ("cat",), "source": "a.csv", "line": 7} | fields
    return ImageRef(path, "1.png", fields.pop("size_bytes", len(PNG)), None, **fields)


def opened(ref: ImageRef, data: bytes = PNG, frame: str = "stored", **options: Any) -> GoodImage:
    file = FileRead(data, hashlib.sha256(data).digest())
    options = {"limits": ImageLimits(), "check": open_image} | options
    return open_file(ref, file, options.pop("schema", SCHEMA), frame=frame, **options)


class TestRead:
    def test_the_bytes_and_their_digest(self, tmp_path: Path) -> None:
        (tmp_path / "1.png").write_bytes(PNG)
        file = read_file(ref_of(f"{tmp_path}/1.png"), ImageLimits())
        assert file == FileRead(PNG, hashlib.sha256(PNG).digest())

    def test_no_more_than_shows_that_a_file_is_too_large(self, tmp_path: Path) -> None:
        (tmp_path / "1.png").write_bytes(PNG)
        file = read_file(ref_of(f"{tmp_path}/1.png"), ImageLimits(max_bytes=10))
        assert file.data == PNG[:11]

    @pytest.mark.parametrize(("listed", "got"), [(len(PNG) - 1, "more"), (9_000, f"{len(PNG):,}")])
    def test_a_file_that_changed(self, listed: int, got: str, tmp_path: Path) -> None:
        (tmp_path / "1.png").write_bytes(PNG)
        with pytest.raises(DataError) as error:
            read_file(ref_of(f"{tmp_path}/1.png", size_bytes=listed), ImageLimits())
        assert str(error.value) == (
            f"{tmp_path}/1.png: the file changed while it was read: expected the {listed:,} bytes "
            f"that were listed, got {got}. Run again when nothing writes to it."
        )


class TestBoxes:
    def test_they_are_relative_to_the_picture(self) -> None:
        good = opened(ref_of())
        np.testing.assert_array_equal(good.boxes, np.float32([[0.1, 0.1, 0.5, 0.5]]))
        assert good.boxes.dtype == np.float32

    def test_none(self) -> None:
        assert opened(ref_of(boxes=(), classes=())).boxes.shape == (0, 4)

    def test_they_are_clipped(self) -> None:
        good = opened(ref_of(boxes=((-6.0, 40.0, 30.0, 200.0),)))
        np.testing.assert_array_equal(good.boxes, np.float32([[0, 0.5, 0.5, 1]]))
        assert good.marks.clipped.tolist() == [True]

    @pytest.mark.parametrize("frame", ["stored", "upright"])
    def test_a_photo_that_exif_turns(self, frame: str) -> None:
        image = picture(2, (80, 60))
        exif = image.getexif()
        exif[0x0112] = 6
        data = encoded(image, exif=exif)
        box = BOX if frame == "stored" else (8.0, 6.0, 40.0, 30.0)
        good = opened(ref_of(boxes=(box,), size_bytes=len(data)), data, frame)
        relative = np.float32([[box[0] / 60, box[1] / 80, box[2] / 60, box[3] / 80]])
        if frame == "upright":
            expected = np.float32([[box[0] / 80, box[1] / 60, box[2] / 80, box[3] / 60]])
        else:
            expected = np.asarray(upright_boxes(relative, 6))
        np.testing.assert_allclose(good.boxes, expected, atol=1e-6)

    @pytest.mark.parametrize(
        ("fields", "message"),
        [
            (
                {"boxes": ((70.0, 90.0, 75.0, 95.0),)},
                "1.png: expected boxes inside its 80 x 60 pixels, got xmin 90, ymin 70, xmax 95, "
                "ymax 75",
            ),
            (
                {"boxes": ((2.0, 0.1, 3.0, 0.5),), "box_format": BoxFormat("xyxy", "relative")},
                "1.png: expected boxes inside 0 to 1, relative to 80 x 60 pixels, got xmin 0.1, "
                "ymin 2, xmax 0.5, ymax 3",
            ),
            (
                {"stated_size": (81, 60)},
                "1.png: its boxes are stated for a picture of 81 x 60 pixels, and it has 80 x 60",
            ),
        ],
    )
    def test_boxes_of_another_picture(self, fields: dict[str, Any], message: str) -> None:
        with pytest.raises(BadImage) as error:
            opened(ref_of(**fields))
        assert (error.value.reason, error.value.message) == ("bad_box", message)


def test_every_class_is_one_of_the_schema() -> None:
    with pytest.raises(BadImage) as error:
        opened(ref_of(boxes=(BOX, BOX), classes=("cat", 'c"w')))
    assert error.value.reason == "not_in_domain"
    assert error.value.message == r'1.png: expected a class of "cat", "dog", got "c\"w"'


@pytest.mark.parametrize(
    ("reason", "place"), [("bad_box", ("a.csv", 7)), ("truncated", ("in/1.png", 1))]
)
def test_a_reject_is_of_the_annotation_or_of_the_file(reason: str, place: tuple[str, int]) -> None:
    reject = reject_of(ref_of(), BadImage(reason, "why"))
    assert (reject.file, reject.line) == place
    assert (reject.reason, reject.message, reject.raw) == (reason, "why", "in/1.png")


def test_the_digest_of_a_name_and_bytes() -> None:
    sha256 = hashlib.sha256(PNG).digest()
    expected = hashlib.sha256(b"1.png\0" + sha256).hexdigest()
    assert digest_of(ref_of(), sha256) == int(expected, 16)


class TestRows:
    FURTHER = ImageSchema(
        "detection",
        ("cat", "dog"),
        further=(Column("age", "int64", maximum=9), Column("place", "string")),
    )

    def test_values_of_further_columns(self) -> None:
        texts = [("3", " zoo"), ("30", "zoo"), ("x", "home"), ("", "")]
        good = [opened(ref_of(values=values, line=n)) for n, values in enumerate(texts)]
        arrays, left, rejects = further_values(good, self.FURTHER)
        assert [array.to_pylist() for array in arrays] == [[3, None], ["zoo", None]]
        assert [one.ref.line for one in left] == [0, 3]
        assert [(one.line, one.column, one.reason) for one in rejects] == [
            (1, "age", "out_of_range"),
            (2, "age", "not_an_integer"),
        ]
        assert rejects[1].message.endswith(', got "x"')

    def test_rows_of_the_schema(self) -> None:
        good = [opened(ref_of(values=("3", "zoo"), label=None))]
        arrays, good, _ = further_values(good, self.FURTHER)
        batch = as_rows(good, arrays, self.FURTHER)
        assert batch.schema == self.FURTHER.arrow_schema()
        (row,) = batch.to_pylist()
        assert (row["image"], row["sha256"]) == (PNG, hashlib.sha256(PNG).hexdigest())
        assert (row["width"], row["height"], row["format"], row["age"]) == (80, 60, "PNG", 3)
        assert row["box_labels"] == ["cat"]
        assert row["brightness"] is None


def test_what_keys_depend_on() -> None:
    good = opened(ref_of())
    moved = replace(good, ref=replace(good.ref, name="2.png"))
    other = opened(ref_of(size_bytes=len(PNG) + 1), PNG + b"\0")
    bytes_lane, rest_lane = keys_of([good, moved, other], 0)
    assert bytes_lane[0] == bytes_lane[1] != bytes_lane[2]
    assert rest_lane[0] == rest_lane[2] != rest_lane[1]
    seeded = keys_of([good], 1)
    assert seeded[0][0] != bytes_lane[0] and seeded[1][0] != rest_lane[0]


def test_a_group_decides_the_split_before_the_bytes_do() -> None:
    good = opened(ref_of())
    grouped = [replace(good, ref=replace(good.ref, group=name)) for name in ("", "a", "a", "b")]
    lane = split_lane(grouped).tolist()
    assert lane[1] == lane[2]
    assert len(set(lane)) == 3
