"""Annotations that lie near pictures are found, with the input and the root to give."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from recordmill.pipelines.images.annotations.nearby import NearbyAnnotations, nearby_annotations

CSV = "filename,width,height,class,xmin,ymin,xmax,ymax\n"


def write(folder: Path, *names: str, content: str = "") -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)


def voc(image: str) -> str:
    return f"<annotation><filename>{image}</filename></annotation>"


def coco(*images: str) -> str:
    entries = [{"id": i, "file_name": name} for i, name in enumerate(images)]
    return json.dumps({"images": entries, "annotations": [], "categories": []})


def near(pattern: object) -> list[tuple[str, str, str]]:
    matches = nearby_annotations(str(pattern))
    return [(match.pattern, match.root, match.format_name) for match in matches]


@pytest.fixture(autouse=True)
def pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two pictures in `set/photos`; the working folder is the one that `set` is in."""
    monkeypatch.chdir(tmp_path)
    write(tmp_path, "set/photos/1.jpg", "set/photos/2.jpg")


@pytest.mark.parametrize("pattern", ["set/photos", "set/photos/", "set/photos/*.jpg"])
@pytest.mark.parametrize(
    ("path", "match", "root"),
    [
        ("set/annotations/1.xml", "set/annotations/*.xml", "../photos"),
        ("set/photos/1.xml", "set/photos/*.xml", "."),
        ("set/photos/Annotations/1.XML", "set/photos/Annotations/*.XML", ".."),
        ("set/1.xml", "set/*.xml", "photos"),
    ],
)
def test_voc(pattern: str, path: str, match: str, root: str, tmp_path: Path) -> None:
    write(tmp_path, path, content=voc("1.jpg"))
    assert near(pattern) == [(match, root, "Pascal VOC")]


@pytest.mark.parametrize(
    ("path", "image", "root"),
    [
        ("set/photos/_annotations.coco.json", "1.jpg", "."),
        ("set/annotations/instances_photos.json", "2.jpg", "../photos"),
        ("set/labels.json", "photos/2.jpg", "."),
        ("set/labels/all.json", "set/photos/2.jpg", "../.."),
    ],
)
def test_coco(path: str, image: str, root: str, tmp_path: Path) -> None:
    write(tmp_path, path, content=coco("else.jpg", image))
    assert near("set/photos") == [(path, root, "COCO")]


def test_a_csv_with_boxes(tmp_path: Path) -> None:
    write(tmp_path, "set/boxes.csv", content=f"{CSV}2.jpg,,,cat,1,1,2,2\n")
    write(tmp_path, "set/labels.csv", content="filename,label\n1.jpg,cat\n")
    assert near("set/photos") == [("set/boxes.csv", "photos", "CSV")]


def test_what_is_of_other_pictures_is_passed_over(tmp_path: Path) -> None:
    write(tmp_path, "set/annotations/a.xml", content=voc("9.jpg"))
    write(tmp_path, "set/annotations/b.xml", content="no XML")
    write(tmp_path, "set/annotations/val.json", content=coco("9.jpg", "../../etc/1.jpg", "x/1.jpg"))
    write(tmp_path, "set/boxes.csv", content=f"{CSV}9.jpg,,,cat,1,1,2,2\n")
    assert near("set/photos") == []


def test_a_file_that_cannot_be_read_hides_no_other(tmp_path: Path) -> None:
    write(tmp_path, "set/a.csv", content='"' + "a" * 200_000)
    write(tmp_path, "set/b.csv", content=f"{CSV}2.jpg,,,cat,1,1,2,2\n")
    assert near("set/photos") == [("set/b.csv", "photos", "CSV")]


def test_up_to_three_the_nearest_first(tmp_path: Path) -> None:
    for name in "abcd":
        write(tmp_path, f"set/{name}.json", content=coco("1.jpg"))
    write(tmp_path, "set/photos/1.xml", content=voc("1.jpg"))
    assert [pattern for pattern, _, _ in near("set/photos")] == [
        *("set/photos/*.xml", "set/a.json", "set/b.json"),
    ]


def test_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path / "set" / "photos")
    write(tmp_path, "set/photos/1.xml", "set/photos/2.xml", content=voc("1.jpg"))
    write(tmp_path, "set/boxes.json", content=coco("2.jpg"))
    assert near(".") == [
        ("*.xml", ".", "Pascal VOC"),
        ("../boxes.json", "photos", "COCO"),
    ]


def test_a_folder_named_like_a_glob(tmp_path: Path) -> None:
    write(tmp_path, "odd [1]/1.jpg")
    write(tmp_path, "odd [1]/1.xml", content=voc("1.jpg"))
    assert nearby_annotations("odd [1]") == [
        NearbyAnnotations("odd [[]1]/*.xml", ".", "Pascal VOC")
    ]


def test_nothing_is_there() -> None:
    assert near("nowhere") == []
