from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from recordmill.schemas.errors import RecipeError
from recordmill.transforms.dataset.read import (
    RecordFile,
    mixed_blocks,
    ordered_blocks,
    ordered_records,
    part_of,
)


def write(folder: Path, *sizes: int) -> list[RecordFile]:
    """Files of the numbers from 0."""
    files, number = [], 0
    for index, size in enumerate(sizes):
        path = str(folder / f"{index}.tfrecord")
        with tf.io.TFRecordWriter(path) as writer:
            for _ in range(size):
                writer.write(str(number).encode())
                number += 1
        files.append(RecordFile(path, size))
    return files


def flat(blocks: tf.data.Dataset) -> list[int]:
    return [int(record) for block in blocks for record in np.ravel(block.numpy())]


def read(files: list[RecordFile]) -> list[int]:
    return flat(ordered_records(files, ""))


class TestPartOf:
    @given(st.lists(st.integers(0, 9), max_size=4), st.integers(1, 7))
    def test_parts_are_disjoint_and_everything(self, sizes: list[int], count: int) -> None:
        files = [RecordFile(str(index), size) for index, size in enumerate(sizes)]
        seen: Counter[tuple[str, int]] = Counter()
        sizes_of_parts = []
        for index in range(count):
            part = part_of(files, (index, count))
            records = [
                (file.path, record)
                for file in part
                for record in range(file.first, file.records, file.step)
            ]
            assert len(records) == sum(file.selected for file in part)
            sizes_of_parts.append(len(records))
            seen.update(records)
        assert seen == Counter(
            (file.path, record) for file in files for record in range(file.records)
        )
        if len(files) < count:
            assert max(sizes_of_parts) - min(sizes_of_parts) <= 1

    @pytest.mark.parametrize("shard", [(2, 2), (-1, 2), (0, 0)])
    def test_no_such_part(self, shard: tuple[int, int]) -> None:
        with pytest.raises(RecipeError) as error:
            part_of([], shard)
        assert str(error.value) == f"expected a shard (i, n) with i in [0, n), got {shard}"

    def test_what_is_read(self, tmp_path: Path) -> None:
        files = write(tmp_path, 5, 0, 4)
        assert [read(part_of(files, (index, 2))) for index in range(2)] == [
            [0, 1, 2, 3, 4, 5, 6, 7, 8],
            [],
        ]
        assert [read(part_of(files, (index, 4))) for index in range(4)] == [
            [0, 4, 8],
            [1, 5],
            [2, 6],
            [3, 7],
        ]
        assert ordered_records(part_of(files, (0, 4)), "").cardinality() == 3


class TestBlocks:
    def test_in_order(self, tmp_path: Path) -> None:
        files = write(tmp_path, 5, 0, 4)
        assert flat(ordered_blocks(files, "")) == read(files) == list(range(9))
        assert flat(ordered_blocks([], "")) == []

    def test_mixed_anew_in_every_epoch(self, tmp_path: Path) -> None:
        files = write(tmp_path, 40, 0, 60)
        for cache in (False, True, str(tmp_path / "cache")):
            blocks = mixed_blocks(files, "", block=32, seed=3, cache=cache)
            first, second = flat(blocks), flat(blocks)
            assert sorted(first) == sorted(second) == list(range(100))
            assert len({tuple(first), tuple(second), tuple(range(100))}) == 3
            assert [len(block) for block in blocks] == [32, 32, 32, 4]

    def test_a_seed_makes_it_the_same(self, tmp_path: Path) -> None:
        files = write(tmp_path, 40, 60)
        first, same, other = (flat(mixed_blocks(files, "", block=50, seed=s)) for s in (3, 3, 4))
        assert first == same != other
        assert flat(mixed_blocks(files, "", block=50, seed=None)) != first

    def test_a_cache_is_read_instead(self, tmp_path: Path) -> None:
        files = write(tmp_path, 10)
        blocks = ordered_blocks(files, "", cache=True)
        assert flat(blocks) == list(range(10))
        Path(files[0].path).unlink()
        assert flat(blocks) == list(range(10))

    def test_another_number_of_records(self, tmp_path: Path) -> None:
        (file,) = write(tmp_path, 5)
        for records in (4, 6):
            wrong = [RecordFile(file.path, records)]
            for blocks in (ordered_blocks(wrong, ""), mixed_blocks(wrong, "", block=9, seed=1)):
                with pytest.raises(tf.errors.FailedPreconditionError, match="expected to contain"):
                    flat(blocks)
