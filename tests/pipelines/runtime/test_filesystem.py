"""Files are written atomically, and names with wildcards are no patterns."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from recordmill.pipelines.runtime import filesystem as files
from recordmill.schemas.errors import DataError


@pytest.mark.parametrize("durable", [True, False])
def test_create_replaces_a_file_on_success(tmp_path: Path, durable: bool) -> None:
    path = tmp_path / "deep" / "a.gz"
    for content in (b"one", b"two"):
        with files.create(str(path), durable=durable) as file:
            file.write(content)
        assert path.read_bytes() == content
    with pytest.raises(KeyboardInterrupt), files.create(str(path), durable=durable) as file:
        file.write(b"half")
        raise KeyboardInterrupt
    assert path.read_bytes() == b"two"
    assert os.listdir(path.parent) == ["a.gz"]


def test_create_at_the_path_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    with pytest.raises(DataError) as caught, files.create(str(tmp_path / "a")) as file:
        file.write(b"x")
    assert str(caught.value) == (
        f"{tmp_path}/a: cannot be written (Is a directory). "
        "Free some space or choose another output; nothing was published."
    )


def test_read_gives_the_stored_bytes(tmp_path: Path) -> None:
    (tmp_path / "a.gz").write_bytes(b"\x1f\x8b")
    with files.read(str(tmp_path / "a.gz")) as file:
        assert file.read() == b"\x1f\x8b"
    with pytest.raises(DataError) as caught, files.read(str(tmp_path / "b")):
        pass
    assert str(caught.value) == f"{tmp_path}/b: cannot be read (No such file or directory)"


def test_odd_names_are_no_patterns(tmp_path: Path) -> None:
    for name in ("[ab]/x*", "[ab]/deep/y", "a/x"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    assert files.list_files(str(tmp_path / "[ab]")) == ["deep/y", "x*"]
    assert files.list_files(str(tmp_path / "nowhere")) == []
    files.remove(str(tmp_path / "[ab]" / "x*"))
    files.remove(str(tmp_path / "[ab]" / "x*"))
    files.remove_tree(str(tmp_path / "[ab]"))
    files.remove_tree(str(tmp_path / "[ab]"))
    assert files.list_files(str(tmp_path)) == ["a/x"]
