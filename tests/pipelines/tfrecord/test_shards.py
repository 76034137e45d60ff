"""The shards of a split have its records once each, in order, in the requested number of files."""

from __future__ import annotations

import gzip
import hashlib
import os
import pickle
import random
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import apache_beam as beam
import pytest
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from hypothesis import given
from hypothesis import strategies as st

from recordmill.pipelines.runtime import filesystem as files
from recordmill.pipelines.tfrecord.framing import encode_frames
from recordmill.pipelines.tfrecord.shards import (
    Segment,
    WriteShards,
    measure_shard,
    plan_shards,
    shard_name,
    write_segment,
)
from recordmill.schemas.errors import DataError, RecipeError
from recordmill.schemas.manifest import Shard

RECORDS = [f"record {i}".encode() * (i % 7) for i in range(100)]


def segment(index: int, records: int, size: int) -> Segment:
    return Segment("train", index, f"train-{index:05d}.segment", records, size, 0)


def cut(segments: list[Segment], **options: int) -> list[list[tuple[int, int, int]]]:
    """Return (segment, start, stop) of each slice of each shard."""
    plans = plan_shards(segments, split="train", **{"target_bytes": 100, **options})
    assert [(plan.index, plan.count) for plan in plans] == [
        (index, len(plans)) for index in range(len(plans))
    ]
    return [[(p.segment.index, p.start, p.stop) for p in plan.slices] for plan in plans]


def write(folder: Path, *, repeat: int = 0, **options) -> dict[str, Shard]:
    """Write the shards of `RECORDS` from three segments, one of them empty; return them by path."""
    bounds = [(0, 30), (30, 30), (30, 100)]
    segments = [
        write_segment(
            str(folder / "scratch"),
            split="train",
            index=index,
            batches=[RECORDS[start : start + 8], RECORDS[start + 8 : stop]] if stop > start else [],
        )
        for index, (start, stop) in enumerate(bounds)
    ]
    random.Random(0).shuffle(segments)
    with beam.Pipeline(runner=FnApiRunner(bundle_repeat=repeat)) as p:
        (
            p
            | beam.Create(segments)
            | WriteShards(str(folder / "out"), **{"splits": ["train", "eval"], **options})
            | beam.combiners.ToList()
            | beam.Map(pickle.dumps)
            | beam.Map((folder / "shards").write_bytes)
        )
    shards = pickle.loads((folder / "shards").read_bytes())
    for split, index, shard in shards:
        assert shard.path.startswith(f"{split}/data-{index:05d}-of-")
    return {shard.path: shard for _, _, shard in shards}


def stored(folder: Path) -> dict[str, bytes]:
    out = folder / "out"
    return {str(p.relative_to(out)): p.read_bytes() for p in sorted(out.rglob("*")) if p.is_file()}


def test_plan_by_size_rounds_the_number_of_shards() -> None:
    assert cut([]) == [[]]
    assert cut([segment(0, 0, 0)]) == [[]]
    assert cut([segment(0, 10, 149)]) == [[(0, 0, 10)]]
    assert cut([segment(0, 10, 150)]) == [[(0, 0, 5)], [(0, 5, 10)]]
    assert cut([segment(1, 3, 100), segment(0, 9, 300)]) == [
        [(0, 0, 3)],
        [(0, 3, 6)],
        [(0, 6, 9)],
        [(1, 0, 3)],
    ]


def test_plan_by_count_is_exact() -> None:
    both = [segment(0, 4, 10), segment(1, 6, 90)]
    assert cut(both, count=1) == [[(0, 0, 4), (1, 0, 6)]]
    assert cut(both, count=3) == [[(0, 0, 3)], [(0, 3, 4), (1, 0, 2)], [(1, 2, 6)]]
    assert cut([segment(0, 2, 10)], count=4) == [[], [(0, 0, 1)], [], [(0, 1, 2)]]
    assert cut([], count=2) == [[], []]


@given(st.lists(st.integers(0, 50), max_size=12), st.integers(1, 20), st.randoms())
def test_plan_gives_every_record_once_in_order(
    sizes: list[int], count: int, order: random.Random
) -> None:
    segments = [segment(index, records, 0) for index, records in enumerate(sizes)]
    shuffled = order.sample(segments, len(segments))
    plans = plan_shards(shuffled, split="train", target_bytes=1, count=count)
    records = [
        (part.segment.index, record)
        for plan in plans
        for part in plan.slices
        for record in range(part.start, part.stop)
    ]
    assert records == [(i, record) for i, size in enumerate(sizes) for record in range(size)]
    counts = [plan.records for plan in plans]
    assert len(counts) == count
    assert max(counts) - min(counts) <= 1


def test_plan_refuses_two_segments_of_one_index() -> None:
    with pytest.raises(DataError) as caught:
        cut([segment(1, 1, 1), segment(0, 1, 1), segment(1, 2, 2)])
    assert str(caught.value) == (
        "train-00001.segment and train-00001.segment are both segment 1 of train. "
        "This is a bug in recordmill; nothing was published."
    )


def test_write_segment(tmp_path: Path) -> None:
    for _ in range(2):
        written = write_segment(
            str(tmp_path), split="eval", index=3, batches=[[b"a", b"b"], [], [b"c"]]
        )
        data = encode_frames([b"a", b"b", b"c"])
        assert written == Segment(
            "eval", 3, str(tmp_path / "eval-00003.segment"), 3, len(data), written.crc32c
        )
        assert os.listdir(tmp_path) == ["eval-00003.segment"]
        assert (tmp_path / "eval-00003.segment").read_bytes() == data


def test_write_segment_that_fails_leaves_nothing(tmp_path: Path) -> None:
    def batches() -> Iterator[list[bytes]]:
        yield [b"a"]
        raise ValueError("the transform failed")

    with pytest.raises(ValueError, match="the transform failed"):
        write_segment(str(tmp_path), split="eval", index=3, batches=batches())
    assert os.listdir(tmp_path) == []


def test_shards_exact_bytes(tmp_path: Path) -> None:
    shards = write(tmp_path, counts={"train": 3})
    expected = {
        "eval/data-00000-of-00001.tfrecord": [],
        "train/data-00000-of-00003.tfrecord": RECORDS[:33],
        "train/data-00001-of-00003.tfrecord": RECORDS[33:66],
        "train/data-00002-of-00003.tfrecord": RECORDS[66:],
    }
    assert stored(tmp_path) == {path: encode_frames(records) for path, records in expected.items()}
    assert shards == {
        path: Shard(
            path,
            len(records),
            len(encode_frames(records)),
            hashlib.sha256(encode_frames(records)).hexdigest(),
        )
        for path, records in expected.items()
    }


def test_gzip_is_deterministic_and_has_no_name_or_time(tmp_path: Path) -> None:
    shards = write(tmp_path, compression="GZIP", target_bytes=2000)
    contents = stored(tmp_path)
    assert (
        set(contents)
        == set(shards)
        == {
            "eval/data-00000-of-00001.tfrecord.gz",
            "train/data-00000-of-00002.tfrecord.gz",
            "train/data-00001-of-00002.tfrecord.gz",
        }
    )
    assert {data[:10].hex() for data in contents.values()} == {"1f8b0800000000000003"}
    texts = [gzip.decompress(contents[path]) for path in sorted(contents)]
    assert texts == [b"", encode_frames(RECORDS[:50]), encode_frames(RECORDS[50:])]
    for path, data in contents.items():
        assert shards[path].sha256 == hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize("compression", ["", "GZIP"])
def test_tensorflow_reads_empty_shards(tmp_path: Path, compression: str) -> None:
    import tensorflow as tf

    shards = write(tmp_path, compression=compression, counts={"train": 3})
    paths = [str(tmp_path / "out" / path) for path in sorted(shards)]
    dataset = tf.data.TFRecordDataset(paths, compression_type=compression)
    assert list(dataset.as_numpy_iterator()) == RECORDS


@pytest.mark.parametrize("options", [{"counts": {"train": 3}}, {}, {"compression": "GZIP"}])
def test_replayed_bundles_give_the_same_shards(tmp_path: Path, options: dict) -> None:
    once = write(tmp_path / "once", **options)
    thrice = write(tmp_path / "thrice", repeat=3, **options)
    assert once == thrice
    assert stored(tmp_path / "once") == stored(tmp_path / "thrice")


def test_segments_that_lie_in_one_shard_are_deleted(tmp_path: Path) -> None:
    write(tmp_path / "a")
    assert os.listdir(tmp_path / "a" / "scratch") == ["train-00001.segment"]
    write(tmp_path / "b", counts={"train": 2})
    assert sorted(os.listdir(tmp_path / "b" / "scratch")) == [
        "train-00001.segment",
        "train-00002.segment",
    ]


def test_a_segment_that_changed_on_disk_fails(tmp_path: Path) -> None:
    broken = write_segment(str(tmp_path), split="train", index=0, batches=[[b"abc"]])
    path = Path(broken.path)
    path.write_bytes(path.read_bytes().replace(b"abc", b"abd"))
    with pytest.raises(DataError) as caught, beam.Pipeline(runner=FnApiRunner()) as p:
        p | beam.Create([broken]) | WriteShards(str(tmp_path / "out"), splits=["train"])
    assert str(caught.value).startswith(
        f"{path}: reads back as other bytes than were written. "
        "Check the disk and its filesystem; nothing was published."
    )
    assert os.listdir(tmp_path / "out" / "train") == []


def test_a_shard_that_reads_back_otherwise_fails(tmp_path: Path, monkeypatch) -> None:
    create = files.create

    @contextmanager
    def faulty(path: str) -> Iterator[BinaryIO]:
        with create(path) as file:
            yield file
        Path(path).write_bytes(Path(path).read_bytes().replace(b"abc", b"abd"))

    segment = write_segment(str(tmp_path), split="train", index=0, batches=[[b"abc"]])
    monkeypatch.setattr(files, "create", faulty)
    with pytest.raises(DataError) as caught, beam.Pipeline(runner=FnApiRunner()) as p:
        p | beam.Create([segment]) | WriteShards(str(tmp_path / "out"), splits=["train"])
    assert str(caught.value).startswith(
        f"{tmp_path}/out/train/data-00000-of-00001.tfrecord: reads back as other bytes"
    )
    assert os.path.exists(segment.path)


def test_counts_and_targets_below_one() -> None:
    with pytest.raises(RecipeError) as caught:
        WriteShards("out", splits=["train"], counts={"train": 0})
    assert str(caught.value) == "shards: train: expected at least 1, got 0"
    with pytest.raises(RecipeError) as caught:
        WriteShards("out", splits=["train"], target_bytes=0)
    assert str(caught.value) == "shards: target_bytes: expected at least 1, got 0"


def test_measure_shard_names_shard_and_record(tmp_path: Path) -> None:
    name = shard_name("train", 0, 1)
    path = tmp_path / name
    path.parent.mkdir()
    data = encode_frames(RECORDS)
    path.write_bytes(data)
    assert measure_shard(str(tmp_path), name=name, compression="") == Shard(
        name, 100, len(data), hashlib.sha256(data).hexdigest()
    )
    path.write_bytes(data[:-1])
    with pytest.raises(DataError) as caught:
        measure_shard(str(tmp_path), name=name, compression="")
    assert str(caught.value) == (
        f"{name}: record 99 (byte {len(encode_frames(RECORDS[:99])):,}): cut short, 24 bytes of 25"
    )


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """Mount a filesystem of 64 kB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)]
    if os.getuid() or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("needs to mount a tmpfs")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_a_full_disk_is_reported_and_leaves_no_partial_file(tiny_disk: Path) -> None:
    with pytest.raises(DataError) as caught:
        write_segment(str(tiny_disk), split="train", index=0, batches=[[b"x" * 100_000]])
    assert str(caught.value) == (
        f"{tiny_disk}/train-00000.segment: cannot be written (No space left on device). "
        "Free some space or choose another output; nothing was published."
    )
    assert os.listdir(tiny_disk) == []

    half = write_segment(str(tiny_disk), split="train", index=0, batches=[[b"x" * 40_000]])
    with pytest.raises(DataError) as caught, beam.Pipeline(runner=FnApiRunner()) as p:
        p | beam.Create([half]) | WriteShards(str(tiny_disk / "out"), splits=["train"])
    assert str(caught.value).startswith(
        f"{tiny_disk}/out/train/data-00000-of-00001.tfrecord: cannot be written "
        "(No space left on device). Free some space"
    )
    assert [p for p in tiny_disk.rglob("*") if p.is_file()] == [Path(half.path)]
