"""Inputs as a whole: real data, folders, safety, what is there and what is not."""

from __future__ import annotations

import json
import os
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from apache_beam.io.filesystem import FileMetadata
from apache_beam.io.localfilesystem import LocalFileSystem
from helpers.real_data import DATA

from recordmill.pipelines.config.image_format import ImageFormat
from recordmill.pipelines.config.input import Input
from recordmill.pipelines.images.annotations.listing import list_images
from recordmill.pipelines.images.annotations.refs import ImageRef, Listing
from recordmill.schemas.errors import DataError, RecipeError


def listed(pattern: Any, split: str | None = None, **image_format: Any) -> Listing:
    return list_images(Input(split, str(pattern)), ImageFormat(**image_format), input_index=3)


def failure(pattern: Any, **image_format: Any) -> str:
    with pytest.raises(DataError) as caught:
        listed(pattern, **image_format)
    return str(caught.value)


def names(listing: Listing) -> list[str]:
    return [image.name for image in listing.images]


def reasons(listing: Listing) -> list[tuple[int, str]]:
    return [(reject.line, reject.reason) for reject in listing.rejects]


def make(folder: Path, *paths: str) -> None:
    """Make files; an image is never opened here, so any bytes do."""
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(b"pixels")


def manifest(folder: Path, *paths: str) -> Path:
    """A manifest of these images, all of class "a"."""
    file = folder / "manifest.csv"
    file.write_text("path,label\n" + "".join(f"{path},a\n" for path in paths))
    return file


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "root"
    folder.mkdir()
    return folder


@pytest.fixture(scope="module")
def shared() -> Path:
    if not (DATA / "raccoon").is_dir():
        pytest.skip(f"the real images are not at {DATA}")
    return DATA


class TestRealData:
    def test_raccoons_are_the_same_from_xml_and_csv(self, shared: Path) -> None:
        images = str(shared / "raccoon/images")
        xml = listed(shared / "raccoon/annotations/*.xml", root=images)
        csv = listed(shared / "raccoon/labels.csv", root=images)
        for listing in (xml, csv):
            assert (len(listing.images), listing.unannotated, listing.crowd) == (200, 0, 0)
            assert sum(len(image.boxes) for image in listing.images) == 217
            assert {name for image in listing.images for name in image.classes} == {"raccoon"}
            assert (listing.rejects, listing.source.records) == ((), 200)

        def facts(listing: Listing) -> list[ImageRef]:
            return [replace(image, source="", line=0) for image in listing.images]

        assert facts(xml) == facts(csv)
        assert csv.images[0] == ImageRef(
            path=f"{images}/raccoon-1.jpg",
            name="raccoon-1.jpg",
            size_bytes=os.path.getsize(f"{images}/raccoon-1.jpg"),
            split=None,
            boxes=((88.0, 81.0, 408.0, 522.0),),
            classes=("raccoon",),
            stated_size=(650, 417),
            source=str(shared / "raccoon/labels.csv"),
            line=2,
        )
        assert xml.images[0].source == str(shared / "raccoon/annotations/raccoon-1.xml")

    @pytest.mark.parametrize("pattern", ["{}", "{}/", "{}/**", "{}/*/*.jpg"])
    @pytest.mark.parametrize(("split", "count"), [("train", 240), ("test", 80)])
    def test_hotdogs(self, shared: Path, split: str, count: int, pattern: str) -> None:
        listing = listed(pattern.format(shared / "hotdog" / split), split)
        labels = Counter(image.label for image in listing.images)
        assert labels == {"hot_dog": count // 2, "not_hot_dog": count // 2}
        assert {image.name.split("/")[0] for image in listing.images} == set(labels)
        assert {image.split for image in listing.images} == {split}


class TestFolders:
    def test_a_folder_a_class(self, root: Path) -> None:
        make(root, "b/2.png", "b/deep/1.jpg", "a-/x.JPG", "a/notes.txt", "top.gif")
        make(root, "a/.DS_Store", ".git/1.jpg", "a/Thumbs.db", "desktop.ini")
        listing = listed(root, "train")
        assert [(image.name, image.label) for image in listing.images] == [
            ("a-/x.JPG", "a-"),
            ("a/notes.txt", "a"),
            ("b/2.png", "b"),
            ("b/deep/1.jpg", "deep"),
            ("top.gif", "root"),
        ]
        path = f"{root}/b/2.png"
        assert listing.images[2] == ImageRef(path, "b/2.png", 6, "train", "b", source=path)
        assert (listing.input_index, listing.unannotated, listing.rejects) == (3, 0, ())
        assert replace(listing.source, sha256="") == replace(
            listing.source, path=str(root), split="train", bytes=30, records=5, sha256=""
        )

    def test_the_digest_is_of_names_and_sizes(self, root: Path) -> None:
        make(root, "a/1.jpg")
        before = listed(root).source.sha256
        assert listed(root).source.sha256 == before
        (root / "a/1.jpg").write_bytes(b"more pixels")
        assert listed(root).source.sha256 != before

    @pytest.mark.parametrize("pattern", ["a [1]", "a [1]/**", "a [1]/", "a [1]/x.jpg", "a*/x.jpg"])
    def test_patterns(self, root: Path, pattern: str, monkeypatch: pytest.MonkeyPatch) -> None:
        make(root, "a [1]/x.jpg", "a1/no.jpg")
        monkeypatch.chdir(root)
        for spelling in (pattern, f"./{pattern}", f"{root}/{pattern}"):
            (image,) = listed(spelling).images
            assert image.label == "a [1]"
            assert Path(image.path).resolve() == root / "a [1]/x.jpg"

    @pytest.mark.parametrize("pattern", [".", "**", "*/*", "**.jpg"])
    def test_the_working_folder(
        self, root: Path, pattern: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        make(root, "a/1.jpg", "b/2.jpg")
        monkeypatch.chdir(root)
        assert names(listed(pattern)) == ["a/1.jpg", "b/2.jpg"]

    @pytest.mark.parametrize("pattern", ["*.jpg", "none/**", "none", "empty", "empty/**"])
    def test_nothing(self, root: Path, pattern: str) -> None:
        make(root, "empty/.hidden")
        assert failure(f"{root}/{pattern}") == (
            f'no file matches "{root}/{pattern}": expected at least one image or annotation file'
        )

    def test_an_unknown_filesystem(self) -> None:
        with pytest.raises(RecipeError, match=r"^nowhere://bucket/a: "):
            listed("nowhere://bucket/a")

    def test_files_that_are_none(self, root: Path) -> None:
        """A pipe would hang the run, and a name that is not UTF-8 fits no record."""
        make(root, "a/1.jpg")
        os.mkfifo(root / "a/pipe.jpg")
        (root / "a/gone.jpg").symlink_to(root / "nowhere.jpg")
        with open(os.fsencode(root) + b"/a/\xff.jpg", "wb"):
            pass
        listing = listed(root)
        assert names(listing) == ["a/1.jpg"]
        assert [str(reject) for reject in listing.rejects] == [
            f'{root}/a/gone.jpg:1: expected a file, got a link to "{root}/nowhere.jpg", which does '
            "not exist",
            f"{root}/a/\\udcff.jpg:1: expected a file name in UTF-8, got other bytes",
        ]
        assert listing.source.records == 3

    def test_a_folder_of_images_has_no_columns(self, root: Path) -> None:
        make(root, "a/1.jpg")
        with pytest.raises(RecipeError) as caught:
            listed(root, group_column="scene")
        assert str(caught.value) == (
            f'group_column and further name columns of a CSV, and "{root}" names images: leave '
            "them out"
        )


class TestKinds:
    def test_other_files_among_annotations_make_a_folder_of_images(self, root: Path) -> None:
        make(root, "a/1.jpg", "a/1.xml", "a/2.json")
        assert names(listed(root)) == ["a/1.jpg", "a/1.xml", "a/2.json"]

    def test_a_folder_of_xml_is_annotations(self, root: Path) -> None:
        make(root, "1.jpg")
        text = "<annotation><filename>1.jpg</filename></annotation>"
        (root / "xml").mkdir()
        (root / "xml/1.xml").write_text(text)
        assert names(listed(root / "xml", root=str(root))) == ["1.jpg"]


class TestSafety:
    """Cases 35 and 36: the run fails, and says where."""

    @pytest.mark.parametrize(
        ("path", "why"),
        [
            ("../../etc/passwd", "leaves it"),
            ("a/../../1.jpg", "leaves it"),
            ("..\\1.jpg", "leaves it"),
            ("..", "leaves it"),
            ("/etc/passwd", "is absolute"),
            ("\\\\server\\share\\1.jpg", "is absolute"),
            ("file:///etc/passwd", "names a drive or a filesystem"),
            ("file:/etc/passwd", "names a drive or a filesystem"),
            ("GS://bucket/1.jpg", "names a drive or a filesystem"),
            ("C:\\images\\1.jpg", "names a drive or a filesystem"),
        ],
    )
    @pytest.mark.parametrize("has_root", [False, True])
    def test_paths(self, root: Path, path: str, why: str, has_root: bool) -> None:
        make(root, "images/1.jpg", "1.jpg")
        folder = root / "images" if has_root else root
        file = manifest(root, "1.jpg", path)
        assert failure(file, root=str(folder) if has_root else "") == (
            f'{file}:3: expected the path of an image under "{folder}", got "{path}", which '
            f"{why}. Write it relative to that folder, or set another root."
        )

    def test_every_format(self, root: Path) -> None:
        bad = "../1.jpg"
        (root / "a.xml").write_text(f"<annotation><filename>{bad}</filename></annotation>")
        (root / "b.json").write_text(
            json.dumps(
                {"images": [{"id": 1, "file_name": bad}], "annotations": [], "categories": []}
            )
        )
        (root / "c.csv").write_text(
            f"filename,width,height,class,xmin,ymin,xmax,ymax\n{bad},9,9,a,5,5,1,1\n"
        )
        for name, line in (("a.xml", 1), ("b.json", 1), ("c.csv", 2)):
            assert failure(root / name).startswith(
                f'{root}/{name}:{line}: expected the path of an image under "{root}", got "{bad}"'
            )

    def test_a_link_that_an_annotation_follows(self, root: Path, tmp_path: Path) -> None:
        make(tmp_path, "secret/1.jpg", "root-beside/1.jpg")
        (root / "file.jpg").symlink_to(tmp_path / "root-beside/1.jpg")
        (root / "folder").symlink_to(tmp_path / "secret")
        for path, target in (("file.jpg", "root-beside/1.jpg"), ("folder/1.jpg", "secret")):
            file = manifest(root, path)
            assert failure(file) == (
                f'{file}:2: expected the path of an image under "{root}", got "{path}", which a '
                f'symbolic link leads to "{tmp_path}/{target}". Write it relative to that folder, '
                "or set another root."
            )

    @pytest.mark.parametrize("pattern", ["", "/**", "/*/*", "/a/*.jpg"])
    def test_a_link_in_a_folder(self, root: Path, tmp_path: Path, pattern: str) -> None:
        make(root, "a/1.jpg")
        make(tmp_path, "secret/1.jpg")
        (root / "a/2.jpg").symlink_to("../../secret/1.jpg")
        below = f"{root}/a" if pattern == "/a/*.jpg" else root
        assert failure(f"{root}{pattern}") == (
            f'{root}/a/2.jpg: is a symbolic link to "{tmp_path}/secret/1.jpg", which is not in '
            f'"{below}". Copy its target, or name that folder as an input.'
        )

    def test_a_linked_folder(self, root: Path, tmp_path: Path) -> None:
        make(tmp_path, "secret/1.jpg")
        (root / "a").symlink_to(tmp_path / "secret")
        assert failure(root).startswith(f'{root}/a: is a symbolic link to "{tmp_path}/secret"')

    def test_links_that_stay(self, root: Path, tmp_path: Path) -> None:
        make(root, "a/1.jpg")
        (root / "a/2.jpg").symlink_to("1.jpg")
        (root / "b").symlink_to("a")
        (root / "a/loop").symlink_to(root)
        (tmp_path / "link").symlink_to(root)
        assert names(listed(root)) == names(listed(tmp_path / "link")) == ["a/1.jpg", "a/2.jpg"]
        assert names(listed(manifest(root, "b/2.jpg"))) == ["b/2.jpg"]


class TestAnnotated:
    def test_an_annotation_without_an_image_and_an_image_without_one(self, root: Path) -> None:
        """Case 34."""
        make(root, "a/1.jpg", "a/2.JPG", "a/.3.jpg", "a/notes.txt", "b/4.jpg", "5.jpg")
        file = manifest(root, "a/1.jpg", "a/6.jpg", "c/7.jpg", "a", "x" * 5000 + "/8.jpg")
        listing = listed(file)
        assert names(listing) == ["a/1.jpg"]
        assert reasons(listing) == [(line, "missing_image") for line in (3, 4, 5, 6)]
        assert str(listing.rejects[0]) == (
            f'{file}:3: expected an image at "{root}/a/6.jpg", got nothing: the paths of images '
            f'are relative to the root "{root}"'
        )
        assert listing.unannotated == 2
        assert listing.source.records == 5

    def test_twice(self, root: Path) -> None:
        make(root, "a/1.jpg")
        file = manifest(root, "a/1.jpg", "./a/../a\\1.jpg", "a/2.jpg", "a/2.jpg")
        listing = listed(file)
        assert names(listing) == ["a/1.jpg"]
        assert reasons(listing) == [
            (3, "annotated_twice"),
            (4, "missing_image"),
            (5, "annotated_twice"),
        ]
        assert listing.rejects[0].message == (
            f'expected one annotation of "a/1.jpg", got another: see {file}:2'
        )
        assert listing.rejects[0].raw == "./a/../a\\1.jpg"

    def test_each_file_has_its_own_folder(self, root: Path) -> None:
        make(root, "x/1.jpg", "y/1.jpg")
        manifest(root / "x", "1.jpg")
        manifest(root / "y", "1.jpg")
        listing = listed(f"{root}/*/manifest.csv")
        assert names(listing) == ["x/1.jpg", "y/1.jpg"]
        assert [image.path for image in listing.images] == [f"{root}/x/1.jpg", f"{root}/y/1.jpg"]
        manifest(root / "y", "../x/1.jpg")
        assert "leaves it" in failure(f"{root}/*/manifest.csv")

    def test_the_order_is_that_of_the_names(self, root: Path) -> None:
        make(root, "b.jpg", "a.jpg", "c.jpg")
        listing, other = (
            listed(manifest(root, *order)) for order in (["c.jpg", "a.jpg"], ["a.jpg", "c.jpg"])
        )
        assert names(listing) == names(other) == ["a.jpg", "c.jpg"]

    def test_the_working_folder(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        make(root, "a/1.jpg")
        manifest(root, "a/1.jpg")
        monkeypatch.chdir(root)
        (image,) = listed("manifest.csv").images
        assert (image.path, image.name) == ("a/1.jpg", "a/1.jpg")
        manifest(root, "../1.jpg")
        assert failure("manifest.csv").startswith(
            'manifest.csv:2: expected the path of an image under ".", got "../1.jpg", which leaves'
        )


class Remote(LocalFileSystem):
    """A store without folders: `remote://x` is the local path `/x`."""

    @classmethod
    def scheme(cls) -> str:
        return "remote"

    def has_dirs(self) -> bool:
        return False

    def _path_open(self, path: str, *args: Any, **kwargs: Any) -> Any:
        return super()._path_open(path.removeprefix("remote:/"), *args, **kwargs)

    def exists(self, path: str) -> bool:
        return os.path.isfile(path.removeprefix("remote:/"))

    def metadata(self, path: str) -> FileMetadata:
        return FileMetadata(path, os.path.getsize(path.removeprefix("remote:/")))

    def _list(self, prefix: str) -> Any:
        for folder, _, files in os.walk(prefix.removeprefix("remote:/")):
            for name in files:
                path = os.path.join(folder, name)
                yield FileMetadata(f"remote:/{path}", os.path.getsize(path))


@pytest.mark.parametrize("pattern", ["", "/", "/**", "/*/*.jpg"])
def test_a_remote_folder(root: Path, pattern: str) -> None:
    make(root, "a/1.jpg", "b/2.jpg", "b/.hidden")
    listing = listed(f"remote:/{root}{pattern}")
    assert [(image.path, image.name, image.label) for image in listing.images] == [
        (f"remote:/{root}/a/1.jpg", "a/1.jpg", "a"),
        (f"remote:/{root}/b/2.jpg", "b/2.jpg", "b"),
    ]


def test_a_remote_manifest(root: Path) -> None:
    make(root, "a/1.jpg", "a/2.jpg", "a/b/3.jpg")
    manifest(root, "a/1.jpg", "a/4.jpg")
    listing = listed(f"remote:/{root}/manifest.csv")
    assert [image.path for image in listing.images] == [f"remote:/{root}/a/1.jpg"]
    assert (reasons(listing), listing.unannotated) == ([(3, "missing_image")], 1)
