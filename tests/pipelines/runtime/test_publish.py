"""Publishing is atomic, whenever a run fails."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers.small_published import content, dataset, manifest, prepare, refused

from recordmill.pipelines.runtime import filesystem as files
from recordmill.pipelines.runtime import publish
from recordmill.pipelines.runtime.publish import commit, stage
from recordmill.schemas.errors import DataError, RecipeError
from recordmill.schemas.manifest import MANIFEST


def test_a_dataset_is_published_whole(tmp_path: Path) -> None:
    output = tmp_path / "deep" / "out"
    with stage(str(output)) as staging:
        assert Path(staging.folder).parent == output.parent
        assert Path(staging.folder).name.startswith(".out.recordmill-")
        assert os.stat(staging.folder).st_mode == os.stat(output.parent).st_mode
        assert not output.exists()
        (Path(staging.folder) / "report.html").write_text("<html>")
        commit(staging, manifest("a"))
        report = {"report.html": "<html>"}
        assert content(output) == {MANIFEST: manifest("a", **report).to_json(), **report}
    assert os.listdir(output.parent) == ["out"]


def test_uncommitted_files_are_removed(tmp_path: Path) -> None:
    with stage(str(tmp_path / "out")) as staging:
        (Path(staging.folder) / "report.html").write_text("<html>")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, ValueError])
def test_a_run_that_fails_keeps_the_old_dataset(tmp_path: Path, error: type) -> None:
    prepare(tmp_path / "out", "old")
    with pytest.raises(error), stage(str(tmp_path / "out"), overwrite=True) as staging:
        (Path(staging.folder) / "report.html").write_text("<html>")
        raise error
    assert content(tmp_path / "out") == dataset("old")
    assert os.listdir(tmp_path) == ["out"]


@pytest.mark.parametrize("exchange", [True, False])
def test_overwrite_replaces_the_whole_folder(tmp_path: Path, monkeypatch, exchange: bool) -> None:
    if not exchange:
        monkeypatch.setattr(publish, "_renameat2_exchange", lambda left, right: False)
    prepare(tmp_path / "out", "old")
    prepare(tmp_path / "out", "new", overwrite=True)
    assert content(tmp_path / "out") == dataset("new")
    assert os.listdir(tmp_path) == ["out"]


def test_a_dataset_is_not_replaced_without_overwrite(tmp_path: Path) -> None:
    output = tmp_path / "out"
    prepare(output, "old")
    assert refused(output) == f"{output}: holds a dataset already. Replace it with --overwrite."
    assert content(output) == dataset("old")


@pytest.mark.parametrize("name", ["notes.txt", MANIFEST])
def test_other_folders_are_never_touched(tmp_path: Path, name: str) -> None:
    output = tmp_path / "out"
    output.mkdir()
    (output / name).write_text("{}")
    assert refused(output, overwrite=True) == (
        f"{output}: exists and is not a prepared dataset, so it is not replaced. "
        "Choose another output."
    )
    assert refused(output / name, overwrite=True).startswith(f"{output / name}: exists")
    assert content(output) == {name: "{}"}
    assert os.listdir(tmp_path) == ["out"]


def test_an_empty_folder_and_a_link_are_outputs(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "link").symlink_to("empty")
    prepare(tmp_path / "link", "a")
    assert content(tmp_path / "empty") == dataset("a")
    assert (tmp_path / "link").is_symlink()
    prepare(tmp_path / "link", "b", overwrite=True)
    assert content(tmp_path / "empty") == dataset("b")


def test_an_odd_name_is_no_pattern(tmp_path: Path) -> None:
    (tmp_path / ".o.recordmill-0123456789abcdef").mkdir()
    prepare(tmp_path / "[o]*", "a")
    prepare(tmp_path / "[o]*", "b", overwrite=True)
    assert content(tmp_path / "[o]*") == dataset("b")
    assert sorted(os.listdir(tmp_path)) == [".o.recordmill-0123456789abcdef", "[o]*"]


def test_an_output_that_appears_during_the_run_is_not_replaced(tmp_path: Path) -> None:
    output = tmp_path / "out"
    with pytest.raises(DataError) as caught, stage(str(output)) as staging:
        output.mkdir()
        (output / "notes.txt").write_text("mine")
        commit(staging, manifest("a"))
    assert str(caught.value) == (
        f"{output}: the dataset cannot be put there (Directory not empty). "
        "Choose another output; nothing was published."
    )
    assert content(output) == {"notes.txt": "mine"}
    assert os.listdir(tmp_path) == ["out"]


def test_an_exchange_that_fails_half_way_is_undone(tmp_path: Path, monkeypatch) -> None:
    prepare(tmp_path / "out", "old")
    rename = os.rename

    def failing(source: str, target: str) -> None:
        if target == str(tmp_path / "out") and not source.endswith(".old"):
            raise OSError(5, "Input/output error")
        rename(source, target)

    monkeypatch.setattr(publish, "_renameat2_exchange", lambda left, right: False)
    monkeypatch.setattr(os, "rename", failing)
    with pytest.raises(DataError) as caught:
        prepare(tmp_path / "out", "new", overwrite=True)
    assert str(caught.value) == (
        f"{tmp_path}/out: the dataset cannot be put there (Input/output error). "
        "Choose another output; nothing was published."
    )
    assert content(tmp_path / "out") == dataset("old")
    assert os.listdir(tmp_path) == ["out"]


def test_the_folder_of_temporary_files_does_not_matter(tmp_path: Path, monkeypatch) -> None:
    right = "/dev/shm"
    if not os.path.isdir(right) or os.stat(right).st_dev == os.stat(tmp_path).st_dev:
        pytest.skip("needs a second filesystem at /dev/shm")
    monkeypatch.setattr(tempfile, "tempdir", right)
    monkeypatch.setenv("TMPDIR", right)
    with stage(str(tmp_path / "out")) as staging:
        assert os.stat(staging.folder).st_dev == os.stat(tmp_path).st_dev
    prepare(tmp_path / "out", "a")
    assert content(tmp_path / "out") == dataset("a")


@pytest.fixture
def disk(tmp_path: Path, request) -> Iterator[Path]:
    """Mount a small filesystem with the options that the test names."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", request.param, "tmpfs", str(folder)]
    if os.getuid() or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("needs to mount a tmpfs")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize("disk", ["ro"], indirect=True)
def test_a_read_only_filesystem_fails_before_the_run(disk: Path) -> None:
    assert refused(disk / "out") == (
        f"{disk}/out: cannot be written (Read-only file system). Choose another output."
    )
    assert refused(disk / "deep" / "out") == (
        f"{disk}/deep/out: cannot be written (Read-only file system). Choose another output."
    )


@pytest.mark.skipif(os.getuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission_fails_before_the_run(tmp_path: Path) -> None:
    prepare(tmp_path / "out", "old")
    (tmp_path / "out").chmod(0o555)
    assert refused(tmp_path / "out", overwrite=True) == (
        f"{tmp_path}/out: is read-only. Choose another output."
    )
    tmp_path.chmod(0o555)
    assert refused(tmp_path / "new") == (
        f"{tmp_path}/new: cannot be written (Permission denied). Choose another output."
    )


def test_a_file_for_a_parent_fails_before_the_run(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert refused(tmp_path / "file" / "out") == (
        f"{tmp_path}/file/out: cannot be written (File exists). Choose another output."
    )


@pytest.mark.parametrize("disk", ["size=1m"], indirect=True)
def test_a_mount_point_cannot_be_replaced(disk: Path) -> None:
    assert refused(disk) == f"{disk}: is a mount point. Name a folder in it."


@pytest.mark.parametrize("disk", ["size=64k"], indirect=True)
def test_a_disk_full_at_the_manifest(disk: Path) -> None:
    prepare(disk / "out", "old")
    with pytest.raises(DataError) as caught, stage(str(disk / "out"), overwrite=True) as staging:
        with pytest.raises(OSError, match="No space left"):
            (Path(staging.folder) / "report.html").write_bytes(b"x" * 100_000)
        commit(staging, manifest("new"))
    assert str(caught.value) == (
        f"{staging.folder}/{MANIFEST}: cannot be written (No space left on device). "
        "Free some space or choose another output; nothing was published."
    )
    assert content(disk / "out") == dataset("old")
    assert os.listdir(disk) == ["out"]


def test_two_runs_to_one_output(tmp_path: Path) -> None:
    output = tmp_path / "out"
    with stage(str(output)) as staging:
        assert refused(output) == (
            f"{output}: another run (process {os.getpid()}) is preparing it. "
            "Wait for it or choose another output."
        )
        prepare(tmp_path / "other", "b")
        commit(staging, manifest("a"))
    assert sorted(os.listdir(tmp_path)) == ["other", "out"]
    prepare(output, "c", overwrite=True)


def test_of_many_runs_at_once_one_is_inside(tmp_path: Path) -> None:
    inside, most, won = 0, 0, 0
    refusals: set[str] = set()

    def run() -> None:
        nonlocal inside, most, won
        for _ in range(30):
            try:
                with stage(str(tmp_path / "out")):
                    inside += 1
                    most = max(most, inside)
                    won += 1
                    inside -= 1
            except RecipeError as error:
                refusals.add(re.sub(r"process \w+", "process N", str(error)))

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1
    assert won >= 1
    assert refusals <= {
        f"{tmp_path}/out: another run (process N) is preparing it. "
        "Wait for it or choose another output."
    }
    assert os.listdir(tmp_path) == []


def put(folder: Path, *paths: str) -> dict[str, str]:
    """Write files of a user into a folder; return them by path."""
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text("mine")
    return dict.fromkeys(paths, "mine")


def test_a_dataset_with_files_of_a_user_is_not_replaced(tmp_path: Path) -> None:
    output = tmp_path / "out"
    prepare(output, "old")
    mine = put(output, "notes.txt")
    assert refused(output, overwrite=True) == (
        f"{output}: holds 1 file that is no part of the dataset there: notes.txt. --overwrite "
        "would delete it. Move it elsewhere, or choose another output."
    )
    mine |= put(output, "model/weights.h5", "train/adult.csv", "recipe.yaml")
    (output / "latest").symlink_to("model")
    assert refused(output, overwrite=True) == (
        f"{output}: holds 5 files that are no part of the dataset there: latest, "
        "model/weights.h5, notes.txt and 2 more. --overwrite would delete them. Move them "
        "elsewhere, or choose another output."
    )
    assert content(output) == dataset("old") | mine
    assert os.listdir(tmp_path) == ["out"]


def test_a_dataset_is_replaced_once_the_files_are_moved(tmp_path: Path) -> None:
    output = tmp_path / "out"
    prepare(output, "old")
    put(output, "model/weights.h5")
    (output / "model" / "weights.h5").rename(tmp_path / "weights.h5")
    prepare(output, "new", overwrite=True)
    assert content(output) == dataset("new")


def test_a_link_to_a_dataset_with_files_of_a_user(tmp_path: Path) -> None:
    prepare(tmp_path / "real", "old")
    put(tmp_path / "real", "notes.txt")
    (tmp_path / "out").symlink_to("real")
    assert "no part of the dataset there: notes.txt." in refused(tmp_path / "out", overwrite=True)


@pytest.mark.skipif(os.getuid() == 0, reason="root may list anything")
def test_a_folder_that_cannot_be_listed_is_not_replaced(tmp_path: Path) -> None:
    prepare(tmp_path / "out", "old")
    put(tmp_path / "out", "mine/notes.txt")
    (tmp_path / "out" / "mine").chmod(0)
    assert "Permission denied" in refused(tmp_path / "out", overwrite=True)


@pytest.mark.parametrize("exchange", [True, False])
def test_files_put_into_the_old_dataset_during_the_run_are_kept(
    tmp_path: Path, monkeypatch, caplog: pytest.LogCaptureFixture, exchange: bool
) -> None:
    if not exchange:
        monkeypatch.setattr(publish, "_renameat2_exchange", lambda left, right: False)
    output = tmp_path / "out"
    prepare(output, "old")
    with stage(str(output), overwrite=True) as staging:
        mine = put(output, "model/weights.h5", "notes.txt")
        with files.create(files.join(staging.folder, "train/new.tfrecord")) as file:
            file.write(b"new")
        commit(staging, manifest("new"))
    assert content(output) == dataset("new")
    (replaced,) = tmp_path.glob("out.replaced-*")
    assert content(replaced) == dataset("old") | mine
    assert sorted(os.listdir(tmp_path)) == ["out", replaced.name]
    assert caplog.messages == [
        f"{output}: was replaced, but during the run files that no run wrote were put into it: "
        f"model/weights.h5, notes.txt. The replaced folder is now {replaced}: delete it once you "
        "have moved them"
    ]
    prepare(output, "newer", overwrite=True)
    assert content(replaced) == dataset("old") | mine


def test_files_in_a_dataset_that_a_killed_run_replaced_are_kept(tmp_path: Path) -> None:
    output = tmp_path / "out"
    prepare(output, "new")
    hidden = tmp_path / ".out.recordmill-0123456789abcdef"
    prepare(hidden, "old")
    mine = put(hidden, "notes.txt")
    prepare(output, "newer", overwrite=True)
    assert content(tmp_path / "out.replaced-0123456789abcdef") == dataset("old") | mine
    assert sorted(os.listdir(tmp_path)) == ["out", "out.replaced-0123456789abcdef"]


def test_a_lock_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    mine = put(tmp_path, "notes.txt")
    (tmp_path / ".out.recordmill.lock").symlink_to("notes.txt")
    assert refused(tmp_path / "out") == (
        f"{tmp_path}/out: cannot be written (Too many levels of symbolic links). "
        "Choose another output."
    )
    (tmp_path / ".out.recordmill.lock").unlink()
    assert content(tmp_path) == mine
