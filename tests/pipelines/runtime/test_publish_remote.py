"""A dataset on a remote store is written in place, its manifest last."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from apache_beam.io.filesystem import BeamIOError, FileMetadata
from apache_beam.io.localfilesystem import LocalFileSystem
from helpers.small_published import content, dataset, prepare, refused

from recordmill.pipelines.runtime import filesystem as files
from recordmill.pipelines.runtime.publish import Staging, stage


class Store(LocalFileSystem):
    """Remote store for tests: store://x is the local path x, without folders and renames."""

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
        written = [
            *("train/data-00000-of-00001.tfrecord", "eval/data-00001-of-00002.tfrecord.gz"),
            *("transform_fn/assets/city", "transformed_metadata/schema.pbtxt", "stats/train.pb"),
            *("schema/schema.pbtxt", "rejects/eval.jsonl", "report.html", "label_map.pbtxt"),
            *(".scratch/runs/a", ".analysis/a"),
        ]
        for path in written:
            files.write_bytes(files.join(staging.folder, path), b"a")
        assert content(tmp_path) == {f"out/{path}": "a" for path in sorted(written)}
        raise KeyboardInterrupt
    assert content(tmp_path) == {}


def test_a_failed_remote_run_deletes_only_its_own_files(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    output = f"store:/{tmp_path}/out"
    mine = ("train/notes.txt", "train/data.tfrecord", "stats.csv", "model/weights.h5")
    with pytest.raises(KeyboardInterrupt), stage(output) as staging:
        for path in (*mine, "train/data-00000-of-00001.tfrecord"):
            files.write_bytes(files.join(staging.folder, path), b"a")
        raise KeyboardInterrupt
    assert content(tmp_path) == {f"out/{path}": "a" for path in sorted(mine)}
    assert caplog.messages == [
        f"{output}: the run failed; files there that it did not write were not deleted: "
        "model/weights.h5, stats.csv, train/data.tfrecord and 1 more"
    ]


def test_remote_files_that_are_no_dataset_are_never_touched(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "notes.txt").write_text("mine")
    assert refused(f"store:/{tmp_path}/out").startswith(
        f"store:/{tmp_path}/out: exists and is not a prepared dataset"
    )
    assert content(tmp_path) == {"out/notes.txt": "mine"}
