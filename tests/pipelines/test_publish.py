"""A dataset stands complete or not at all, whenever a run fails or dies."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from apache_beam.io.filesystem import BeamIOError, FileMetadata
from apache_beam.io.localfilesystem import LocalFileSystem

from recordmill.pipelines import files, publish
from recordmill.pipelines.publish import Staging, commit, stage
from recordmill.schemas.errors import DataError, RecipeError
from recordmill.schemas.manifest import MANIFEST, Manifest


def manifest(name: str) -> Manifest:
    return Manifest(name, "2026-01-01", {}, {}, 0, (), {}, {}, "", None, {}, {"ok": True})


def prepare(output: Path | str, name: str, *, overwrite: bool = False) -> None:
    """A run that writes its name into a shard and publishes."""
    with stage(str(output), overwrite=overwrite) as staging:
        with files.create(files.join(staging.scratch, "spill")) as file:
            file.write(b"not to be published")
        with files.create(files.join(staging.folder, f"train/{name}.tfrecord")) as file:
            file.write(name.encode())
        commit(staging, manifest(name))


def content(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): path.read_text()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def dataset(name: str) -> dict[str, str]:
    return {MANIFEST: manifest(name).to_json(), f"train/{name}.tfrecord": name}


def refused(output: Path | str, *, overwrite: bool = False) -> str:
    with pytest.raises(RecipeError) as caught, stage(str(output), overwrite=overwrite):
        pytest.fail("the run began")
    return str(caught.value)


def test_a_dataset_is_published_whole(tmp_path: Path) -> None:
    output = tmp_path / "deep" / "out"
    with stage(str(output)) as staging:
        assert Path(staging.folder).parent == output.parent
        assert Path(staging.folder).name.startswith(".out.recordmill-")
        assert os.stat(staging.folder).st_mode == os.stat(output.parent).st_mode
        assert not output.exists()
        (Path(staging.folder) / "report.html").write_text("<html>")
        commit(staging, manifest("a"))
        assert content(output) == {MANIFEST: manifest("a").to_json(), "report.html": "<html>"}
    assert os.listdir(output.parent) == ["out"]


def test_what_is_not_committed_is_removed(tmp_path: Path) -> None:
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
        monkeypatch.setattr(publish, "_renameat2_exchange", lambda one, other: False)
    prepare(tmp_path / "out", "old")
    prepare(tmp_path / "out", "new", overwrite=True)
    assert content(tmp_path / "out") == dataset("new")
    assert os.listdir(tmp_path) == ["out"]


def test_a_dataset_is_kept_without_overwrite(tmp_path: Path) -> None:
    output = tmp_path / "out"
    prepare(output, "old")
    assert refused(output) == f"{output}: holds a dataset already. Replace it with --overwrite."
    assert content(output) == dataset("old")


@pytest.mark.parametrize("name", ["notes.txt", MANIFEST])
def test_what_is_no_dataset_is_never_touched(tmp_path: Path, name: str) -> None:
    output = tmp_path / "out"
    output.mkdir()
    (output / name).write_text("{}")
    assert refused(output, overwrite=True) == (
        f"{output}: is there already and is no prepared dataset, so it is left alone. "
        "Choose another output."
    )
    assert refused(output / name, overwrite=True).startswith(f"{output / name}: is there already")
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


def test_something_that_appears_meanwhile_is_kept(tmp_path: Path) -> None:
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

    monkeypatch.setattr(publish, "_renameat2_exchange", lambda one, other: False)
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
    other = "/dev/shm"
    if not os.path.isdir(other) or os.stat(other).st_dev == os.stat(tmp_path).st_dev:
        pytest.skip("needs a second filesystem at /dev/shm")
    monkeypatch.setattr(tempfile, "tempdir", other)
    monkeypatch.setenv("TMPDIR", other)
    with stage(str(tmp_path / "out")) as staging:
        assert os.stat(staging.folder).st_dev == os.stat(tmp_path).st_dev
    prepare(tmp_path / "out", "a")
    assert content(tmp_path / "out") == dataset("a")


@pytest.fixture
def disk(tmp_path: Path, request) -> Iterator[Path]:
    """A small filesystem of its own, mounted with the options that the test is given."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", request.param, "tmpfs", str(folder)]
    if os.getuid() or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("needs to mount a tmpfs")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize("disk", ["ro"], indirect=True)
def test_a_read_only_place_fails_before_the_run(disk: Path) -> None:
    assert refused(disk / "out") == (
        f"{disk}/out: cannot be written (Read-only file system). Choose another output."
    )
    assert refused(disk / "deep" / "out") == (
        f"{disk}/deep/out: cannot be written (Read-only file system). Choose another output."
    )


@pytest.mark.skipif(os.getuid() == 0, reason="root may write anywhere")
def test_a_place_without_permission_fails_before_the_run(tmp_path: Path) -> None:
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


# Makes `recordmill.pipelines` importable without what its __init__ imports, which takes seconds.
_LIGHT = """
import importlib.util, sys
from importlib.machinery import ModuleSpec
spec = ModuleSpec("recordmill.pipelines", None, is_package=True)
spec.submodule_search_locations = [sys.argv.pop(1)]
sys.modules[spec.name] = importlib.util.module_from_spec(spec)
"""

_HOLD = """
import time
from recordmill.pipelines.publish import stage
with stage(sys.argv[1]) as staging:
    open(staging.folder + "/half.tfrecord", "w").write("half")
    print("ready", flush=True)
    time.sleep(60)
"""


def test_a_killed_run_holds_no_lock_and_its_files_go_with_the_next(tmp_path: Path) -> None:
    output = tmp_path / "out"
    command = light(_HOLD, str(output))
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment()) as run:
        assert run.stdout is not None
        assert run.stdout.readline() == b"ready\n"
        assert f"another run (process {run.pid}) is preparing it" in refused(output)
        run.send_signal(signal.SIGKILL)
    assert len(os.listdir(tmp_path)) == 2
    prepare(output, "a")
    assert os.listdir(tmp_path) == ["out"]


# Dies at every call that changes the disk, before and after it, and tells after each death what
# stands at the output, then after a next run that fails, then after one that does not.
_CRASH = """
import json, os
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from test_publish import content, dataset, prepare
from recordmill.pipelines import publish
from recordmill.pipelines.publish import stage

output, old, exchange = Path(sys.argv[2]) / "out", sys.argv[3] == "old", sys.argv[4] == "exchange"
if not exchange:
    publish._renameat2_exchange = lambda one, other: False

def die_at(step):
    count = 0
    def tick():
        nonlocal count
        count += 1
        if count == step:
            os._exit(9)
    def ticking(function):
        def call(*args, **kwargs):
            tick()
            result = function(*args, **kwargs)
            tick()
            return result
        return call
    names = ["mkdir", "open", "close", "fsync", "rename", "replace", "remove", "unlink", "rmdir"]
    for name in [*names, "write", "ftruncate"]:
        setattr(os, name, ticking(getattr(os, name)))
    publish._renameat2_exchange = ticking(publish._renameat2_exchange)

def state():
    found = content(output) if output.exists() else None
    known = {"absent": None, "old": dataset("old"), "new": dataset("new")}
    return next((name for name, files in known.items() if found == files), "broken")

results = []
for step in range(1, 1000):
    if old:
        prepare(output, "old", overwrite=True)
    if not (child := os.fork()):
        die_at(step)
        prepare(output, "new", overwrite=True)
        os._exit(0)
    died = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    states = [state()]
    try:
        with stage(str(output), overwrite=True):
            raise KeyboardInterrupt
    except KeyboardInterrupt:
        states.append(state())
    prepare(output, "new", overwrite=True)
    states.append(state() if os.listdir(output.parent) == ["out"] else os.listdir(output.parent))
    if not old:
        os.rename(output, Path(sys.argv[2]).parent / f"done-{step}")
    if died == 0:
        break
    assert died == 9
    results.append(states)
print(json.dumps([states, results]))
"""


def light(script: str, *arguments: str) -> list[str]:
    return [sys.executable, "-c", _LIGHT + script, os.path.dirname(publish.__file__), *arguments]


def environment() -> dict[str, str]:
    package = Path(publish.__file__).parent.parent.parent
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(package), *sys.path])}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("old", "exchange", "seen"),
    [
        ("none", "exchange", [["absent", "absent", "new"], ["new", "new", "new"]]),
        ("old", "exchange", [["old", "old", "new"], ["new", "new", "new"]]),
        (
            "old",
            "renames",
            [["old", "old", "new"], ["absent", "old", "new"], ["new", "new", "new"]],
        ),
    ],
)
def test_killed_at_every_step(old: str, exchange: str, seen: list) -> None:
    in_memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=in_memory) as folder:
        os.mkdir(f"{folder}/place")
        command = light(_CRASH, os.path.dirname(__file__), f"{folder}/place", old, exchange)
        run = subprocess.run(command, env=environment(), capture_output=True)
    assert run.returncode == 0, run.stderr.decode()
    last, results = json.loads(run.stdout)
    assert last == ["new", "new", "new"]
    assert len(results) > 40
    distinct = [states for i, states in enumerate(results) if [states] != results[i - 1 : i]]
    assert distinct == seen


class Store(LocalFileSystem):
    """A remote store for tests: store://x is a local path x, without folders and renames."""

    @classmethod
    def scheme(cls) -> str:
        return "store"

    def has_dirs(self) -> bool:
        return False

    def _path_open(self, path, *args, **kwargs):
        return super()._path_open(path.removeprefix("store:/"), *args, **kwargs)

    def create(self, path, *args, **kwargs):
        return super().create(path.removeprefix("store:/"), *args, **kwargs)

    def exists(self, path):
        return os.path.isfile(path.removeprefix("store:/"))

    def _list(self, prefix):
        folder = prefix.removeprefix("store:/")
        for root, _, names in os.walk(folder):
            for name in names:
                path = os.path.join(root, name)
                yield FileMetadata(f"store:/{path}", os.path.getsize(path))

    def delete(self, paths):
        for path in paths:
            os.remove(path.removeprefix("store:/"))

    def rename(self, source_file_names, destination_file_names):
        raise BeamIOError("not here")


def test_a_remote_dataset_is_written_in_place(tmp_path: Path) -> None:
    output = f"store:/{tmp_path}/out"
    with stage(output) as staging:
        assert staging == Staging(output, output)
    prepare(output, "a")
    assert content(tmp_path / "out") == dataset("a")
    assert refused(output, overwrite=True) == (
        f"{output}: holds a dataset already, and a remote one cannot be replaced yet. "
        "Delete it or choose another output."
    )
    assert content(tmp_path / "out") == dataset("a")


def test_a_failed_remote_run_leaves_no_file(tmp_path: Path) -> None:
    output = f"store:/{tmp_path}/out"
    with pytest.raises(KeyboardInterrupt), stage(output) as staging:
        with files.create(files.join(staging.folder, "train/a.tfrecord")) as file:
            file.write(b"a")
        assert content(tmp_path) == {"out/train/a.tfrecord": "a"}
        raise KeyboardInterrupt
    assert content(tmp_path) == {}


def test_remote_files_that_are_no_dataset_are_never_touched(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "notes.txt").write_text("mine")
    assert refused(f"store:/{tmp_path}/out").startswith(
        f"store:/{tmp_path}/out: is there already and is no prepared dataset"
    )
    assert content(tmp_path) == {"out/notes.txt": "mine"}
