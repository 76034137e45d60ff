from __future__ import annotations

import os
from pathlib import Path

import pytest

from recordmill.pipelines.images.annotations.paths import (
    ListedFile,
    files_in,
    find_files,
    is_hidden,
    leads_out,
    prefix_of,
    relative_name,
)
from recordmill.schemas import DataError


def write(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"12345")
    return folder


def names_of(pattern: str | Path) -> list[str]:
    return [file.name for file in find_files(str(pattern))[1]]


class TestFind:
    def test_a_folder_and_all_below(self, tmp_path: Path) -> None:
        write(tmp_path, "b/2.jpg", "b/1.jpg", "a.xml", "b/.DS_Store", ".git/x", "b/Thumbs.db")
        root, files = find_files(str(tmp_path))
        assert root == str(tmp_path)
        assert files == [ListedFile("a.xml", 5), ListedFile("b/1.jpg", 5), ListedFile("b/2.jpg", 5)]
        assert find_files(f"{tmp_path}/**") == (root, files)

    def test_a_folder_with_a_name_like_a_pattern(self, tmp_path: Path) -> None:
        folder = write(tmp_path / "images[1]", "1.jpg")
        assert find_files(str(folder)) == (str(folder), [ListedFile("1.jpg", 5)])

    def test_a_glob_has_the_root_before_its_first_wildcard(self, tmp_path: Path) -> None:
        write(tmp_path, "a/1.xml", "a/2.csv", "b/3.xml")
        root, files = find_files(f"{tmp_path}/*/*.xml")
        assert (root, [file.name for file in files]) == (str(tmp_path), ["a/1.xml", "b/3.xml"])

    def test_a_file(self, tmp_path: Path) -> None:
        write(tmp_path, "labels.csv")
        assert find_files(f"{tmp_path}/labels.csv") == (
            str(tmp_path),
            [ListedFile("labels.csv", 5)],
        )

    @pytest.mark.parametrize("names", [(), (".hidden/1.jpg",)])
    def test_nothing(self, names: tuple[str, ...], tmp_path: Path) -> None:
        write(tmp_path, *names)
        with pytest.raises(DataError) as error:
            find_files(str(tmp_path))
        assert str(error.value) == (
            f'no file matches "{tmp_path}": expected at least one image or annotation file'
        )


class TestLinks:
    def test_links_inside_the_root_count_once(self, tmp_path: Path) -> None:
        write(tmp_path, "a/1.jpg")
        (tmp_path / "b.jpg").symlink_to(tmp_path / "a" / "1.jpg")
        (tmp_path / "again").symlink_to(tmp_path / "a")
        assert names_of(tmp_path) == ["a/1.jpg", "b.jpg"]

    def test_a_link_out_of_the_root(self, tmp_path: Path) -> None:
        write(tmp_path, "secret.jpg", "in/1.jpg")
        (tmp_path / "in" / "2.jpg").symlink_to(tmp_path / "secret.jpg")
        with pytest.raises(DataError) as error:
            find_files(f"{tmp_path}/in")
        assert str(error.value) == (
            f'{tmp_path}/in/2.jpg: is a symbolic link to "{tmp_path}/secret.jpg", which is not in '
            f'"{tmp_path}/in". Copy its target, or name that folder as an input.'
        )

    def test_a_link_that_leads_nowhere_is_listed(self, tmp_path: Path) -> None:
        (tmp_path / "1.jpg").symlink_to(tmp_path / "gone.jpg")
        assert find_files(str(tmp_path))[1] == [ListedFile("1.jpg", 0, is_link=True, is_file=False)]

    def test_where_a_path_leads(self, tmp_path: Path) -> None:
        write(tmp_path, "in/1.jpg", "inside/2.jpg")
        root = f"{tmp_path}/in"
        assert leads_out(f"{root}/1.jpg", root) is None
        assert leads_out(root, root) is None
        assert leads_out(f"{tmp_path}/inside/2.jpg", root) == f"{tmp_path}/inside/2.jpg"


class TestFilesIn:
    def test_not_those_below(self, tmp_path: Path) -> None:
        write(tmp_path, "1.jpg", "a/2.jpg")
        assert [*files_in(str(tmp_path))] == [ListedFile("1.jpg", 5)]

    @pytest.mark.parametrize("name", ["gone", "1.jpg", "x" * 300])
    def test_no_folder(self, name: str, tmp_path: Path) -> None:
        write(tmp_path, "1.jpg")
        assert [*files_in(f"{tmp_path}/{name}")] == []

    def test_a_folder_that_may_not_be_read(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse(folder: str) -> None:
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(os, "scandir", refuse)
        with pytest.raises(DataError, match=r"^in: cannot be read \(Permission denied\)$"):
            [*files_in("in")]


@pytest.mark.parametrize(
    ("written", "name"),
    [("a.jpg", "a.jpg"), ("./a//b.jpg", "a/b.jpg"), ("a\\b.jpg", "a/b.jpg"), ("a/../b", "b")],
)
def test_names_are_normalised(written: str, name: str) -> None:
    assert relative_name(written) == name


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        ("/etc/passwd", "is absolute"),
        ("\\share\\x", "is absolute"),
        ("C:\\x.jpg", "names a drive or a filesystem"),
        ("file:///x", "names a drive or a filesystem"),
        ("gs://bucket/x", "names a drive or a filesystem"),
        ("..", "leaves it"),
        ("a/../../b", "leaves it"),
        ("..\\b", "leaves it"),
    ],
)
def test_names_that_lead_out(written: str, problem: str) -> None:
    with pytest.raises(ValueError, match=f"^{problem}$"):
        relative_name(written)


def test_hidden_files() -> None:
    hidden = ["a/.b/c", ".a", "a/desktop.ini"]
    assert [is_hidden(name) for name in [*hidden, "a/b.c", "Thumbs.db.jpg"]] == [
        *([True] * 3),
        *([False] * 2),
    ]


def test_prefixes() -> None:
    assert [prefix_of(folder) for folder in ("", "a", "a/", "gs://b")] == [
        "",
        "a/",
        "a/",
        "gs://b/",
    ]
