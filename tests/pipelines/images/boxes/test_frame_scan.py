"""Boxes of photos that EXIF turns: against Pillow, whatever the annotations and the frame."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from apache_beam import Pipeline
from apache_beam.testing.util import assert_that, equal_to
from helpers.small_images import TILED, encoded, examples, picture, value
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from recordmill.pipelines import Images, Input, prepare
from recordmill.pipelines.config.image_format import ImageFormat
from recordmill.pipelines.config.image_limits import ImageLimits
from recordmill.pipelines.images.annotations.listing import list_images
from recordmill.pipelines.images.annotations.refs import ImageRef
from recordmill.pipelines.images.boxes.frame_scan import FindBoxFrame
from recordmill.pipelines.images.boxes.frames import BoxFrame
from recordmill.pipelines.images.check import check_image
from recordmill.pipelines.images.files import FileRead, open_file
from recordmill.pipelines.images.ingest import ScanImages
from recordmill.pipelines.runtime.errors import direct_runner
from recordmill.schemas.errors import DataError
from recordmill.schemas.manifest import Manifest

pytestmark = pytest.mark.slow

Box = tuple[int, int, int, int]
"""xmin, ymin, xmax, ymax in pixels."""

SIZES = {"wide": (48, 36), "square": (40, 40)}
EDGES = ("ymin", "xmin", "ymax", "xmax")
WHOLE = replace(TILED, images=Images(), preprocessing_fn=TILED.preprocessing_fn)


def turned(image: Image.Image, orientation: int, kind: str = "JPEG") -> bytes:
    """A file that stores the image, to be shown turned."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {} if orientation == 1 else {"exif": exif}
    return encoded(image, kind, **options)


def upright_of(box: Box, size: tuple[int, int], orientation: int) -> Box:
    """Return a box of the stored picture as Pillow turns it."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    mask = Image.new("L", size)
    mask.paste(255, box)
    mask.info["exif"] = exif.tobytes()
    shown = ImageOps.exif_transpose(mask).getbbox()
    assert shown is not None
    return shown


def relative(box: Box, size: tuple[int, int]) -> npt.NDArray[np.float64]:
    """ymin, xmin, ymax, xmax of a box of a picture of that size."""
    return np.array(box)[[1, 0, 3, 2]] / np.array(size)[[1, 0, 1, 0]]


@st.composite
def boxes(draw: st.DrawFn, width: int, height: int) -> Box:
    xmin, ymin = draw(st.integers(0, width - 1)), draw(st.integers(0, height - 1))
    return xmin, ymin, draw(st.integers(xmin + 1, width)), draw(st.integers(ymin + 1, height))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize(("shape", "orientation"), product(SIZES, range(1, 9)))
@settings(max_examples=10)
@given(data=st.data())
def test_boxes_stand_where_pillow_puts_them(
    shape: str, orientation: int, kind: str, data: st.DataObject
) -> None:
    size = SIZES[shape]
    box = data.draw(boxes(*size))
    shown_size = size if orientation < 5 else size[::-1]
    shown = upright_of(box, size, orientation)
    stated = data.draw(st.sampled_from([None, size, shown_size]))
    file = FileRead(turned(picture(1, size), orientation, kind), bytes(32))
    for frame, (xmin, ymin, xmax, ymax) in {"stored": box, "upright": shown}.items():
        ref = ImageRef(
            *("1.jpg", "1.jpg", len(file.data), None),
            boxes=((ymin, xmin, ymax, xmax),),
            classes=("cat",),
            stated_size=stated,
        )
        image = open_file(
            ref, file, TILED.schema, limits=ImageLimits(), check=check_image, frame=frame
        )
        np.testing.assert_allclose(image.boxes, [relative(shown, shown_size)], atol=1e-6)


def write_csv(folder: Path, rows: list[tuple[str, tuple[int, int] | None, Box]]) -> str:
    lines = ["filename,width,height,class,xmin,ymin,xmax,ymax"]
    for name, size, box in rows:
        width, height = size or ("", "")
        lines.append(f"{name},{width},{height},cat,{','.join(map(str, box))}")
    (folder / "boxes.csv").write_text("\n".join(lines) + "\n")
    return f"{folder}/boxes.csv"


def write_voc(folder: Path, rows: list[tuple[str, tuple[int, int] | None, Box]]) -> str:
    for name, size, box in rows:
        edges = zip(("xmin", "ymin", "xmax", "ymax"), box, strict=True)
        inner = "".join(f"<{edge}>{number}</{edge}>" for edge, number in edges)
        of_size = f"<size><width>{size[0]}</width><height>{size[1]}</height></size>" if size else ""
        (folder / f"{name}.xml").write_text(
            f"<annotation><filename>{name}</filename>{of_size}<object><name>cat</name>"
            f"<bndbox>{inner}</bndbox></object></annotation>"
        )
    return f"{folder}/*.xml"


def write_coco(folder: Path, rows: list[tuple[str, tuple[int, int] | None, Box]]) -> str:
    images: list[dict[str, Any]] = []
    annotations = []
    for index, (name, size, (xmin, ymin, xmax, ymax)) in enumerate(rows):
        of_size = {"width": size[0], "height": size[1]} if size else {}
        images.append({"id": index, "file_name": name} | of_size)
        box = [xmin, ymin, xmax - xmin, ymax - ymin]
        annotations.append({"id": index, "image_id": index, "category_id": 1, "bbox": box})
    document = {"images": images, "annotations": annotations}
    text = json.dumps(document | {"categories": [{"id": 1, "name": "cat"}]})
    (folder / "boxes.json").write_text(text)
    return f"{folder}/boxes.json"


Writer = Callable[[Path, list[tuple[str, "tuple[int, int] | None", Box]]], str]
WRITERS: dict[str, Writer] = {"CSV": write_csv, "VOC": write_voc, "COCO": write_coco}
BOX = (3, 5, 21, 14)


def photos(
    folder: Path, write: Writer, frame: str, *, states: bool = True, kinds: Any = None
) -> tuple[str, dict[str, npt.NDArray[np.float64]]]:
    """Photos of all orientations and shapes; the input, and the boxes that are right."""
    folder.mkdir(parents=True)
    rows, right = [], {}
    for shape, orientation in kinds or product(SIZES, range(1, 9)):
        size, name = SIZES[shape], f"{shape}-{orientation}.jpg"
        (folder / name).write_bytes(turned(picture(orientation, size), orientation))
        shown_size = size if orientation < 5 else size[::-1]
        shown = upright_of(BOX, size, orientation)
        stated = shown_size if frame == "upright" else size
        rows.append((name, stated if states else None, shown if frame == "upright" else BOX))
        right[name] = relative(shown, shown_size)
    return write(folder, rows), right


def run(folder: Path, *inputs: Input, frame: str = "auto") -> Manifest:
    images = replace(WHOLE.images or Images(), format=ImageFormat(frame=frame))  # type: ignore[arg-type]
    return prepare(replace(WHOLE, images=images), output=str(folder / "out"), inputs=inputs)


def stored(folder: Path, split: str) -> Iterator[tuple[str, list[float]]]:
    for example in examples(folder / "out", split):
        name = value(example, "image/filename")[0].decode()
        yield name, [value(example, f"image/object/bbox/{edge}")[0] for edge in EDGES]


@pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS)
@pytest.mark.parametrize("frame", ["upright", "stored"])
def test_all_annotations_are_alike(frame: str, write: Writer, tmp_path: Path) -> None:
    source, right = photos(tmp_path / "in", write, frame)
    with Pipeline(direct_runner()) as p:
        listed = p | ScanImages([Input("train", source)], Images())
        frames = listed | FindBoxFrame(Images(), in_threads=False)
        assert_that(frames, equal_to([BoxFrame(frame, "files")]))  # type: ignore[arg-type]
    for ref in list_images(Input("train", source), ImageFormat()).images:
        file = FileRead(Path(ref.path).read_bytes(), bytes(32))
        image = open_file(
            ref, file, TILED.schema, limits=ImageLimits(), check=check_image, frame=frame
        )
        np.testing.assert_allclose(image.boxes, [right[ref.name]], atol=1e-6, err_msg=ref.name)


@pytest.mark.parametrize(("frame", "write"), [("upright", write_csv), ("stored", write_coco)])
def test_photos_that_show_it_decide_for_all(frame: str, write: Writer, tmp_path: Path) -> None:
    """Quarter turns of pictures that are no squares show it, and these are in one split only."""
    source, right = photos(tmp_path / "in", write, frame)
    others, right_others = photos(
        tmp_path / "more", write, frame, kinds=[("square", 5), ("wide", 3), ("wide", 1)]
    )
    manifest = run(tmp_path, Input("train", source), Input("eval", others))
    assert manifest.images["box_frame"] == {
        "frame": frame,
        "decided_by": "files",
        "turned": 16,
        "upright": 4 if frame == "upright" else 0,
        "stored": 4 if frame == "stored" else 0,
        "unknown": 12,
    }
    for split, expected in (("train", right), ("eval", right_others)):
        records = dict(stored(tmp_path, split))
        assert records.keys() == expected.keys()
        for name, box in records.items():
            np.testing.assert_allclose(box, expected[name], atol=1e-6, err_msg=name)


def test_a_recipe_can_say_it(tmp_path: Path) -> None:
    source, right = photos(tmp_path / "in", write_csv, "upright", states=False)
    manifest = run(tmp_path, Input("train", source), frame="upright")
    box_frame = manifest.images["box_frame"]
    assert (box_frame["frame"], box_frame["decided_by"], box_frame["turned"]) == (
        "upright",
        "recipe",
        14,
    )
    for name, box in stored(tmp_path, "train"):
        np.testing.assert_allclose(box, right[name], atol=1e-6, err_msg=name)


def test_where_nothing_shows_it_the_run_ends(tmp_path: Path) -> None:
    source, _ = photos(tmp_path / "in", write_csv, "stored", states=False)
    with pytest.raises(DataError) as error:
        run(tmp_path, Input("train", source))
    message = str(error.value)
    assert message.startswith("EXIF turns 14 photos with boxes, and nothing shows whether ")
    first = "wide-2.jpg, EXIF orientation 2, stored as 48 x 36 pixels: its boxes fit either"
    assert f": {source}:3: {first}; " in message
    assert "; and 11 more. Set images.format.frame in the recipe: upright," in message
    assert not (tmp_path / "out").exists()


def test_two_frames_end_the_run(tmp_path: Path) -> None:
    first, _ = photos(tmp_path / "one", write_csv, "upright", kinds=[("wide", 6), ("wide", 2)])
    second, _ = photos(tmp_path / "two", write_csv, "stored", kinds=[("wide", 8)])
    with pytest.raises(DataError) as error:
        run(tmp_path, Input("train", first), Input("eval", second))
    words = "stored as 48 x 36 pixels: its annotation states"
    assert (
        "got 1 in that of the upright picture and 1 in that of the stored one. Upright: "
        f"{first}:2: wide-6.jpg, EXIF orientation 6, {words} 36 x 48. Stored: "
        f"{second}:2: wide-8.jpg, EXIF orientation 8, {words} 48 x 36. Correct "
    ) in str(error.value)


def test_nothing_is_asked_where_no_photo_is_turned(tmp_path: Path) -> None:
    source, right = photos(tmp_path / "in", write_csv, "stored", kinds=[("wide", 1)])
    manifest = run(tmp_path, Input("train", source))
    assert manifest.images["box_frame"] == {
        "frame": "stored",
        "decided_by": "none",
        **dict.fromkeys(("turned", "upright", "stored", "unknown"), 0),
    }
    ((name, box),) = stored(tmp_path, "train")
    np.testing.assert_allclose(box, right[name], atol=1e-6)


def test_files_that_cannot_be_read_show_nothing(tmp_path: Path) -> None:
    source, _ = photos(tmp_path / "in", write_csv, "upright", kinds=[("wide", 6), ("wide", 8)])
    (tmp_path / "in" / "wide-8.jpg").write_bytes(b"no image")
    with Pipeline(direct_runner()) as p:
        listed = p | ScanImages([Input("train", source)], Images())
        frames = listed | FindBoxFrame(Images(), in_threads=True)
        assert_that(frames, equal_to([BoxFrame("upright", "files")]))


def test_a_header_behind_much_else_is_read_to_its_end(tmp_path: Path) -> None:
    """As that of a camera that puts previews and maps before the picture."""
    source, _ = photos(tmp_path / "in", write_csv, "upright", kinds=[("wide", 6)])
    path = tmp_path / "in" / "wide-6.jpg"
    data = path.read_bytes()
    exif_end = 4 + int.from_bytes(data[4:6], "big")
    segments = (b"\xff\xe2\xff\xff" + bytes(0xFFFD)) * 5
    path.write_bytes(data[:exif_end] + segments + data[exif_end:])
    listing = list_images(Input("train", source), ImageFormat())
    with Pipeline(direct_runner()) as p:
        listed = p | ScanImages([Input("train", source)], Images())
        frames = listed | FindBoxFrame(Images(), in_threads=False)
        assert_that(frames, equal_to([BoxFrame("upright", "files")]))
    assert listing.images[0].size_bytes > 1 << 18
