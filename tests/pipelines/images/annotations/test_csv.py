"""CSV files that name images."""

from __future__ import annotations

import gzip
import hashlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recordmill.pipelines.config.image_format import ImageFormat
from recordmill.pipelines.config.input import Input
from recordmill.pipelines.images.annotations.common import Annotation
from recordmill.pipelines.images.annotations.csv import read_csv
from recordmill.pipelines.images.annotations.listing import list_images
from recordmill.pipelines.images.annotations.refs import Listing
from recordmill.schemas.errors import DataError, RecipeError

BOXES = "filename,width,height,class,xmin,ymin,xmax,ymax\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "a.csv"


def read(file: Path, text: str | bytes, **image_format: Any) -> list[Annotation]:
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return list(read_csv(str(file), ImageFormat(**image_format)).annotations)


def problems(annotations: list[Annotation]) -> list[tuple[str, int, str, str | None, str]]:
    return [
        (
            annotation.image,
            annotation.problem.line,
            annotation.problem.reason,
            annotation.problem.column,
            annotation.problem.message,
        )
        for annotation in annotations
        if annotation.problem
    ]


def failure(file: Path, text: str, **image_format: Any) -> str:
    with pytest.raises(DataError) as caught:
        read(file, text, **image_format)
    return str(caught.value)


class TestManifest:
    def test_columns_by_name_in_any_order(self, file: Path) -> None:
        text = (
            '\ufeffscene,label,year,path,other\r\ns1, cat , 1999,"x/1,2.jpg",?\r\n\r\n,,,2.jpg,\r\n'
        )
        annotations = read(file, text, group_column="scene", further=("year",))
        assert annotations == [
            Annotation("x/1,2.jpg", str(file), 2, "cat", group="s1", values=(" 1999",)),
            Annotation("2.jpg", str(file), 4, "", values=("",)),
        ]

    def test_other_names(self, file: Path) -> None:
        annotations = read(file, "image,path\n1.jpg,no\n", path_column="image", label_column="")
        assert annotations == [Annotation("1.jpg", str(file), 2)]

    def test_rows_that_cannot_be_read(self, file: Path) -> None:
        annotations = read(file, b"path,label\n1.jpg,a\n2.jpg\n3.jpg,\xff\n ,a\n4.jpg,a,b\n")
        assert [annotation.image for annotation in annotations if not annotation.problem] == [
            "1.jpg"
        ]
        assert problems(annotations) == [
            ("", 3, "too_few_fields", None, "expected 2 fields, got 1"),
            (
                *("", 4, "invalid_utf8", None),
                "expected UTF-8 text, got 0xff at byte 7 of the record",
            ),
            ("", 6, "too_many_fields", None, "expected 2 fields, got 3"),
            ("", 5, "bad_annotation", "path", "expected the path of an image, got nothing"),
        ]

    def test_gzip(self, file: Path) -> None:
        data = gzip.compress(b"path,label\n1.jpg,a\n")
        file.write_bytes(data)
        content = read_csv(str(file), ImageFormat())
        assert [annotation.image for annotation in content.annotations] == ["1.jpg"]
        assert (content.size_bytes, content.sha256) == (len(data), hashlib.sha256(data).hexdigest())

    def test_no_rows(self, file: Path) -> None:
        assert read(file, "path,label") == read(file, BOXES) == []

    @pytest.mark.parametrize(
        ("text", "options", "problem", "columns"),
        [
            ("path\n", {}, "missing label", "path,label"),
            ("\n\npath,path,label\n", {}, "repeated path", "path,label"),
            ("path,label\n", {"further": ("year",)}, "missing year", "path,label,year"),
            ("filename,label\n", {"group_column": "g"}, "missing path, g", "path,label,g"),
        ],
    )
    def test_a_bad_header(
        self, file: Path, text: str, options: dict[str, Any], problem: str, columns: str
    ) -> None:
        assert failure(file, text, **options) == (
            f"{file}: the header does not name the columns that are read, each once: {problem}; "
            f"expected {columns}, or {BOXES.strip()}; got {text.strip()}"
        )

    def test_no_csv(self, file: Path) -> None:
        assert failure(file, "") == f"{file}: the file is empty (0 bytes): expected CSV text"
        assert failure(file, "\n\n") == (
            f"{file}: there is no header: expected one that names path"
        )
        assert failure(file, 'path,label\n1.jpg,"a\n').startswith(
            f"{file}:2: the quote that opens here is never closed"
        )
        assert failure(file, '"' + "a" * 200_000) == (
            f"{file}: the header cannot be read: field larger than field limit (131072)"
        )

    def test_an_empty_path_column(self) -> None:
        with pytest.raises(RecipeError) as caught:
            ImageFormat(path_column="")
        assert str(caught.value) == "path_column: expected the name of a column, got an empty one"

    def test_a_frame_there_is_not(self) -> None:
        with pytest.raises(RecipeError) as caught:
            ImageFormat(frame="sideways")  # type: ignore[arg-type]
        assert str(caught.value) == 'frame: expected auto, upright, stored, got "sideways"'


class TestBoxes:
    def test_the_rows_of_a_file_name_are_one_image(self, file: Path) -> None:
        text = "1.jpg,9,7,cat,1,2,3,4\n2.jpg,,,dog,0,0,5,5\n 1.jpg,9,7, dog ,-1, 2 ,3.5,40\n"
        assert read(file, BOXES + text) == [
            Annotation(
                *("1.jpg", str(file), 2),
                boxes=((2.0, 1.0, 4.0, 3.0), (2.0, -1.0, 40.0, 3.5)),
                classes=("cat", "dog"),
                stated_size=(9, 7),
            ),
            Annotation("2.jpg", str(file), 3, boxes=((0.0, 0.0, 5.0, 5.0),), classes=("dog",)),
        ]

    def test_columns_in_another_order_and_more(self, file: Path) -> None:
        header = "scene,ymax,xmax,ymin,xmin,class,height,width,filename\n"
        annotations = read(
            file,
            header + "s,4,3,2,1,cat,7,9,1.jpg\nt,5,5,2,1,cat,7,9,1.jpg\n",
            group_column="scene",
        )
        assert [(annotation.group, annotation.boxes) for annotation in annotations] == [
            ("s", ((2.0, 1.0, 4.0, 3.0), (2.0, 1.0, 5.0, 5.0)))
        ]

    def test_an_image_with_nothing_in_it(self, file: Path) -> None:
        assert read(file, BOXES + "1.jpg,9,7,,,,,\n") == [
            Annotation("1.jpg", str(file), 2, stated_size=(9, 7))
        ]

    @pytest.mark.parametrize(
        ("row", "reason", "column", "message"),
        [
            (
                *("9,7,cat,5,1,5,2", "bad_box", None),
                "expected xmin < xmax and ymin < ymax, got xmin 5, ymin 1, xmax 5, ymax 2",
            ),
            ("9,7,cat,1,1,x,2", "bad_box", "xmax", 'expected a number, got "x"'),
            ("9,7,cat,,,,", "bad_box", "xmin", 'expected a number, got ""'),
            (
                *("9,7,,1,1,2,2", "bad_annotation", "class"),
                "expected the class of the box, got nothing",
            ),
            (
                *("9.5,7,a,1,1,2,2", "bad_annotation", "width"),
                'expected a number of pixels, got "9.5"',
            ),
            ("9,7,cat,1,1,2", "too_few_fields", None, "expected 8 fields, got 7"),
            ("9,7,cat,1,1,2,2,3", "too_many_fields", None, "expected 8 fields, got 9"),
        ],
    )
    @pytest.mark.parametrize("first", [True, False])
    def test_one_bad_row_leaves_out_its_image(
        self, file: Path, row: str, reason: str, column: str, message: str, first: bool
    ) -> None:
        """Case 33: the image would lack a box."""
        rows = ["1.jpg,9,7,cat,1,1,2,2", f"1.jpg,{row}"]
        order = reversed(rows) if first else rows
        annotations = read(file, BOXES + "\n".join([*order, "2.jpg,9,7,cat,1,1,2,2"]))
        assert [annotation.image for annotation in annotations] == ["1.jpg", "2.jpg"]
        line = 2 if first else 3
        assert problems(annotations) == [("1.jpg", line, reason, column, message)]
        assert annotations[0].problem and annotations[0].problem.raw == f"1.jpg,{row}"

    def test_rows_that_name_no_image(self, file: Path) -> None:
        annotations = read(file, BOXES + ",9,7,cat,1,1,2,2\n3.jpg\n\0\n1.jpg,9,7,cat,1,1,2,2\n")
        assert [(annotation.image, bool(annotation.problem)) for annotation in annotations] == [
            ("1.jpg", False),
            *[("", True)] * 3,
        ]

    @settings(deadline=None, max_examples=30)
    @given(
        rows=st.lists(
            st.sampled_from(
                [f"{i}.jpg,9,7,cat,1,1,{edge},2" for i in range(4) for edge in (0, 2, "x")]
                + ["1.jpg", ",,,,,,,", "2.jpg,9,7,,,,,", "4.jpg,9,7,cat,1,1,2,2"]
            )
        )
    )
    def test_every_image_counts_once(
        self, tmp_path_factory: pytest.TempPathFactory, rows: list[str]
    ) -> None:
        folder = tmp_path_factory.mktemp("boxes")
        for image in ("0.jpg", "1.jpg", "2.jpg", "3.jpg"):
            (folder / image).write_bytes(b"pixels")
        (folder / "a.csv").write_text(BOXES + "\n".join(rows))
        listing: Listing = list_images(Input(None, str(folder / "a.csv")), ImageFormat())
        images = [image.name for image in listing.images]
        assert images == sorted(set(images))
        assert listing.source.records == len(listing.images) + len(listing.rejects)
        good = {row.split(",")[0] for row in rows} - {""}
        bad = {row.split(",")[0] for row in rows if ",0,2" in row or "x" in row or row == "1.jpg"}
        assert set(images) == good - bad - {"4.jpg"}
