from __future__ import annotations

from pathlib import Path

from recordmill.pipelines.images.annotations.folders import folder_images
from recordmill.pipelines.images.annotations.paths import ListedFile
from recordmill.pipelines.images.annotations.refs import ImageRef
from recordmill.pipelines.runtime.elements import Reject


def test_the_class_is_the_folder_an_image_is_in() -> None:
    files = [ListedFile("cat/1.jpg", 10), ListedFile("more/dog/2.txt", 20), ListedFile("3.jpg", 30)]
    images, rejects = folder_images("in/pets/", files, split="train")
    assert rejects == []
    assert images == [
        ImageRef(f"in/pets/{name}", name, size, "train", label=label, source=f"in/pets/{name}")
        for name, size, label in (
            ("cat/1.jpg", 10, "cat"),
            ("more/dog/2.txt", 20, "dog"),
            ("3.jpg", 30, "pets"),
        )
    ]


def test_the_name_of_a_folder_that_is_given_by_a_dot(current_folder: Path) -> None:
    ((image,), _) = folder_images(".", [ListedFile("1.jpg", 1)], split=None)
    assert image.label == current_folder.name


def test_a_remote_folder() -> None:
    ((image,), _) = folder_images("gs://bucket/pets/", [ListedFile("1.jpg", 1)], split=None)
    assert (image.path, image.label) == ("gs://bucket/pets/1.jpg", "pets")


def test_a_link_that_leads_nowhere(tmp_path: Path) -> None:
    path = tmp_path / "cat" / "1.jpg"
    path.parent.mkdir()
    path.symlink_to(tmp_path / "gone.jpg")
    images, rejects = folder_images(
        str(tmp_path), [ListedFile("cat/1.jpg", 0, is_link=True, is_file=False)], split=None
    )
    message = f'expected a file, got a link to "{tmp_path}/gone.jpg", which does not exist'
    assert (images, rejects) == (
        [],
        [Reject(str(path), 1, None, "missing_image", message, str(path))],
    )


def test_a_name_that_is_no_utf8() -> None:
    images, (reject,) = folder_images("in", [ListedFile("cat/\udcff.jpg", 1)], split=None)
    assert images == []
    assert (reject.file, reject.reason, reject.message) == (
        "in/cat/\\udcff.jpg",
        "invalid_utf8",
        "expected a file name in UTF-8, got other bytes",
    )
