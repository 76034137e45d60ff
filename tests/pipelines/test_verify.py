"""`verify` accepts a prepared dataset and names every change of it."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apache_beam as beam
import pytest
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from tensorflow_metadata.proto.v0 import statistics_pb2

from recordmill.pipelines.runtime import filesystem as files
from recordmill.pipelines.runtime.publish import Staging, commit, stage
from recordmill.pipelines.tfrecord.framing import encode_frames
from recordmill.pipelines.tfrecord.shards import WriteShards, measure_shard, write_segment
from recordmill.pipelines.verify import verify
from recordmill.schemas.census import CENSUS
from recordmill.schemas.errors import DataError
from recordmill.schemas.manifest import Ledger, Manifest, SourceFile, Split, tree_sha256

GRAPH = {"saved_model.pb": b"graph", "assets/occupation": b"Sales\n"}
RECORDS = {"train": [b"row %d" % row for row in range(60)], "eval": [b"a", b"b", b"c"]}


def prepare(output: Path, *, train_shards: int = 2, compression: str = "", **options: Any) -> None:
    """Write a dataset of `RECORDS` as a run does; the graph and the protos are stand-ins."""
    with stage(str(output), **options) as staging:
        _write_shards(staging, compression, counts={"train": train_shards})
        for split, records in RECORDS.items():
            statistics = statistics_pb2.DatasetFeatureStatisticsList()
            statistics.datasets.add(num_examples=len(records))
            _write(staging.folder, f"stats/{split}.pb", statistics.SerializeToString())
        for name, content in GRAPH.items():
            _write(staging.folder, f"transform_fn/{name}", content)
        for folder in ("schema", "transformed_metadata"):
            _write(staging.folder, f"{folder}/schema.pbtxt", CENSUS.to_pbtxt().encode())
        commit(staging, _manifest(staging.folder, compression))


def _write_shards(staging: Staging, compression: str, *, counts: dict[str, int]) -> None:
    with beam.Pipeline(runner=FnApiRunner()) as p:
        (
            p
            | beam.Create(list(RECORDS))
            | beam.Map(
                lambda split: write_segment(
                    staging.scratch, split=split, index=0, batches=[RECORDS[split]]
                )
            )
            | WriteShards(
                staging.folder, splits=list(RECORDS), counts=counts, compression=compression
            )
        )


def _manifest(folder: str, compression: str) -> Manifest:
    splits = {}
    for split, records in RECORDS.items():
        names = [name for name in files.list_files(folder) if name.startswith(f"{split}/")]
        shards = (measure_shard(folder, name=name, compression=compression) for name in names)
        splits[split] = Split(len(records), tuple(shards))
    return Manifest(
        "census",
        "2026-01-01T00:00:00Z",
        {},
        {},
        0,
        (SourceFile("a.csv", None, 10, "", 65),),
        splits,
        {
            "train": Ledger(read=61, written=60, filtered=1),
            "eval": Ledger(read=3, written=3),
            "unsplit": Ledger(read=1, rejected={"too_long": 1}),
        },
        compression,
        "income",
        {"sha256": tree_sha256(GRAPH.items())},
        {"rows": {"train": 60, "eval": 3}, "features": 1, "max_units_in_last_place": 0},
    )


def _write(folder: str, name: str, content: bytes) -> None:
    with files.create(files.join(folder, name)) as file:
        file.write(content)


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("datasets")
    prepare(folder / "plain")
    prepare(folder / "gzip", compression="GZIP")
    return {"": folder / "plain", "GZIP": folder / "gzip"}


@pytest.fixture
def good(pristine: dict[str, Path], tmp_path: Path) -> Path:
    return Path(shutil.copytree(pristine[""], tmp_path / "out"))


@pytest.fixture
def zipped(pristine: dict[str, Path], tmp_path: Path) -> Path:
    return Path(shutil.copytree(pristine["GZIP"], tmp_path / "out"))


def problems(folder: Path) -> list[str]:
    with pytest.raises(DataError) as caught:
        verify(str(folder))
    first, *lines, last = str(caught.value).split("\n")
    noun = "problem" if len(lines) == 1 else "problems"
    assert first == f"{folder}: not the dataset that was prepared, {len(lines)} {noun}:"
    assert last == "Prepare the dataset again."
    assert all(line.startswith("  ") for line in lines)
    return [line[2:] for line in lines]


def edit(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    path = folder / "manifest.json"
    data = json.loads(path.read_text())
    change(data)
    path.write_text(json.dumps(data))


def flip(path: Path, byte: int) -> None:
    data = bytearray(path.read_bytes())
    data[byte] ^= 0x10
    path.write_bytes(data)


@pytest.mark.parametrize("compression", ["", "GZIP"])
def test_a_good_dataset(pristine: dict[str, Path], compression: str) -> None:
    suffix = ".gz" if compression else ""
    report = verify(str(pristine[compression]))
    assert [(shard.path, shard.records) for shard in report.shards] == [
        (f"train/data-00000-of-00002.tfrecord{suffix}", 30),
        (f"train/data-00001-of-00002.tfrecord{suffix}", 30),
        (f"eval/data-00000-of-00001.tfrecord{suffix}", 3),
    ]
    assert report.records == 63
    assert report.bytes == sum(
        path.stat().st_size for path in pristine[compression].rglob("*.tfrecord*")
    )
    assert report.manifest.name == "census"


def test_needs_no_tensorflow(pristine: dict[str, Path]) -> None:
    code = (
        "import importlib.machinery, sys\n"
        "sys.modules['tensorflow'] = None\n"
        "name = 'recordmill.pipelines'\n"
        "spec = importlib.machinery.ModuleSpec(name, None, is_package=True)\n"
        "spec.submodule_search_locations = [sys.argv[2]]\n"
        "sys.modules[name] = importlib.util.module_from_spec(spec)\n"
        "from recordmill.pipelines.verify import verify\n"
        "verify(sys.argv[1])\n"
    )
    package = Path(files.__file__).parents[1]
    subprocess.run(
        [sys.executable, "-c", code, str(pristine[""]), str(package)],
        check=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(package.parent.parent), *sys.path])},
    )


def test_every_flipped_byte_of_a_shard_names_the_record(good: Path) -> None:
    name = "train/data-00001-of-00002.tfrecord"
    size = len(encode_frames([b"row 30"]))
    for byte in (0, 11, 12, size - 1, size, 17 * size + 14, 30 * size - 1):
        flip(good / name, byte)
        (line,) = problems(good)
        prefix = f"{name}: record {byte // size} (byte {byte // size * size}): its "
        assert line.startswith(prefix)
        flip(good / name, byte)
    verify(str(good))


def test_a_cut_shard(good: Path) -> None:
    name = "train/data-00001-of-00002.tfrecord"
    data = (good / name).read_bytes()
    (good / name).write_bytes(data[:-1])
    assert problems(good) == [f"{name}: record 29 (byte 638): cut short, 21 bytes of 22"]
    (good / name).write_bytes(data[:-22])
    assert problems(good) == [f"{name}: bytes: expected 660, got 638; records: expected 30, got 29"]
    (good / name).write_bytes(b"")
    assert problems(good) == [f"{name}: bytes: expected 660, got 0; records: expected 30, got 0"]
    (good / name).unlink()
    assert problems(good) == [f"{name}: cannot be read (No such file or directory)"]


def test_records_that_changed_places(good: Path) -> None:
    name = "eval/data-00000-of-00001.tfrecord"
    old, new = (
        measure_shard(str(good), name=name, compression="").sha256,
        encode_frames([b"b", b"a", b"c"]),
    )
    (good / name).write_bytes(new)
    changed = measure_shard(str(good), name=name, compression="").sha256
    assert problems(good) == [f"{name}: sha256: expected {old}, got {changed}"]


def test_a_damaged_gzip_shard(zipped: Path) -> None:
    name = "train/data-00000-of-00002.tfrecord.gz"
    data = (zipped / name).read_bytes()
    for byte in (10, 50, 100, len(data) - 8, len(data) - 1):
        flip(zipped / name, byte)
        (line,) = problems(zipped)
        assert line.startswith(f"{name}: record ")
        flip(zipped / name, byte)
    time_of_the_header = 4
    flip(zipped / name, time_of_the_header)
    assert problems(zipped)[0].startswith(f"{name}: sha256: expected ")
    (zipped / name).write_bytes(data[:-9])
    assert problems(zipped) == [
        f"{name}: record 0 (byte 0): cannot be read "
        "(Compressed file ended before the end-of-stream marker was reached)"
    ]


def test_another_number_of_shards_leaves_no_mixture(good: Path) -> None:
    prepare(good, train_shards=3, overwrite=True)
    assert sorted(path.name for path in (good / "train").iterdir()) == [
        f"data-0000{index}-of-00003.tfrecord" for index in range(3)
    ]
    verify(str(good))


def test_stray_shards(good: Path) -> None:
    shard = good / "train" / "data-00000-of-00002.tfrecord"
    shutil.copy(shard, good / "train" / "data-00000-of-00003.tfrecord")
    shutil.copytree(good / "eval", good / "test")
    (good / "train" / "x.tmp").write_text("")
    assert problems(good) == [
        "test/data-00000-of-00001.tfrecord: is no shard of this dataset",
        "train/data-00000-of-00003.tfrecord: is no shard of this dataset",
        "train/x.tmp: is no shard of this dataset",
    ]


def test_counts_that_do_not_add_up(good: Path) -> None:
    def change(manifest: dict[str, Any]) -> None:
        manifest["ledger"]["train"]["filtered"] = 1000
        manifest["ledger"]["eval"].update(read=2, written=2)
        manifest["ledger"]["unsplit"].update(written=1, rejected={})
        manifest["splits"]["train"]["records"] = 61

    edit(good, change)
    assert problems(good) == [
        "ledger of train: read 61, but written, filtered, duplicates, sampled out and rejected "
        "are 1,060",
        "ledger of unsplit: written 1, but there is no such split",
        "train: 61 records, but the ledger has written 60",
        "train: 61 records, but its shards hold 60",
        "eval: 3 records, but the ledger has written 2",
        "the ledgers have read 64 records, but the inputs hold 65",
        "stats/train.pb: expected statistics of 61 records, got 60",
    ]


def test_another_graph(good: Path) -> None:
    expected = tree_sha256(GRAPH.items())
    (good / "transform_fn" / "assets" / "occupation").write_text("Craft\n")
    actual = tree_sha256([*list(GRAPH.items())[:1], ("assets/occupation", b"Craft\n")])
    assert problems(good) == [
        f"transform_fn: expected the graph with sha256 {expected}, got {actual}: "
        "it was changed or is of another run"
    ]
    shutil.rmtree(good / "transform_fn")
    assert problems(good) == ["transform_fn: the transform graph is missing"]


def test_unreadable_protos(good: Path) -> None:
    (good / "stats" / "eval.pb").write_bytes(b"\xff")
    (good / "stats" / "train.pb").unlink()
    (good / "schema" / "schema.pbtxt").write_text("feature {")
    (good / "transformed_metadata" / "schema.pbtxt").write_bytes(b"\xff")
    lines = problems(good)
    assert lines[0].startswith("schema/schema.pbtxt: 1:")
    assert lines[1].startswith("transformed_metadata/schema.pbtxt: 'utf-8' codec can't decode")
    assert lines[2] == "stats/train.pb: cannot be read (No such file or directory)"
    assert lines[3].startswith("stats/eval.pb: Error parsing message")


def test_a_flipped_byte_in_any_file_is_detected(good: Path) -> None:
    (good / "notes.txt").write_text("mine")  # which is none of the dataset's
    paths = [path for path in sorted(good.rglob("*")) if path.is_file()]
    for path in paths:
        name = str(path.relative_to(good))
        if name in ("manifest.json", "notes.txt"):
            continue
        content = path.read_bytes()
        flip(path, len(content) // 2)
        (line,) = problems(good)
        assert line.startswith("transform_fn: " if name.startswith("transform_fn/") else name)
        path.write_bytes(content)
    assert verify(str(good)).records == 63


def test_other_files_that_are_missing_or_changed(good: Path) -> None:
    path, rejects = good / "schema" / "schema.pbtxt", good / "stats" / "eval.pb"
    content = path.read_bytes()
    path.write_bytes(content + b"\n")
    rejects.unlink()
    old, new = (hashlib.sha256(text).hexdigest() for text in (content, content + b"\n"))
    assert problems(good) == [
        "stats/eval.pb: cannot be read (No such file or directory)",
        f"schema/schema.pbtxt: expected {len(content):,} bytes with the sha256 {old}, got "
        f"{len(content) + 1:,} with {new}",
    ]


def test_a_list_of_files_that_names_others(good: Path) -> None:
    other = {"path": "../../etc/passwd", "bytes": 1, "sha256": ""}
    edit(good, lambda manifest: manifest["files"].append(other))
    assert problems(good) == ["../../etc/passwd: is missing"]


def test_a_dataset_of_0_1_lists_its_shards_alone(good: Path) -> None:
    edit(good, lambda manifest: manifest.pop("files"))
    assert verify(str(good)).manifest.files == ()


def test_a_parity_check_that_failed_or_is_missing(good: Path) -> None:
    edit(good, lambda manifest: manifest["parity"].update(max_units_in_last_place=2))
    assert problems(good) == [
        "parity: expected floats at most 1 unit in the last place apart, got 2"
    ]
    edit(good, lambda manifest: manifest.update(parity={}))
    assert problems(good) == [
        "parity: no record of train was compared with what the graph serves",
        "parity: no record of eval was compared with what the graph serves",
    ]


def test_all_problems_are_reported_at_once(good: Path) -> None:
    flip(good / "train" / "data-00000-of-00002.tfrecord", 0)
    (good / "eval" / "data-00000-of-00001.tfrecord").unlink()
    shutil.rmtree(good / "transform_fn")
    assert len(problems(good)) == 3


@pytest.mark.parametrize("path", ["../../etc/passwd", "/etc/passwd", "file:///etc/passwd"])
def test_a_manifest_that_names_files_elsewhere(good: Path, path: str) -> None:
    edit(good, lambda manifest: manifest["splits"]["eval"]["shards"][0].update(path=path))
    assert problems(good) == [
        f'manifest.json: expected the shard eval/data-00000-of-00001.tfrecord, got "{path}"',
        "eval/data-00000-of-00001.tfrecord: is no shard of this dataset",
    ]


def test_a_split_that_is_no_name(good: Path) -> None:
    edit(
        good, lambda manifest: manifest["splits"].update({"../eval": {"records": 0, "shards": []}})
    )
    with pytest.raises(DataError) as caught:
        verify(str(good))
    assert str(caught.value) == (
        f'{good}/manifest.json: expected the name of a split, got "../eval"'
    )


def test_no_manifest(good: Path) -> None:
    (good / "manifest.json").unlink()
    for folder in (good, good / "nowhere"):
        with pytest.raises(DataError) as caught:
            verify(str(folder))
        assert str(caught.value) == (
            f"{folder}/manifest.json: not found, so there is no prepared dataset here. "
            "A run writes the manifest last: one that failed leaves none."
        )


def test_a_cut_manifest(good: Path) -> None:
    path = good / "manifest.json"
    path.write_text(path.read_text()[:100])
    with pytest.raises(DataError) as caught:
        verify(str(good))
    assert str(caught.value).startswith(f"{path}: not a recordmill manifest (")
