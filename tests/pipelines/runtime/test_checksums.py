"""`CheckedFile` returns the bytes that were scanned, or raises."""

from __future__ import annotations

import io
import pickle
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recordmill.pipelines.runtime.checksums import BLOCK, BlockChecksums, CheckedFile, Checksums
from recordmill.schemas.errors import DataError

CONTENT = random.Random(0).randbytes(3 * BLOCK + 1000)


def checksums_of(content: bytes, *sizes: int) -> Checksums:
    """Return the checksums of content added in chunks of these sizes and one with the rest."""
    checksums, begin = BlockChecksums(), 0
    for size in (*sizes, len(content)):
        checksums.add(content[begin : begin + size])
        begin += size
    return checksums.finish()


def opened(content: bytes, checksums: Checksums) -> CheckedFile:
    return CheckedFile(io.BytesIO(content), checksums, path="x.csv")


def changed(begin: int, end: int) -> str:
    return (
        "x.csv: the file changed while it was read: expected the bytes that were scanned, got "
        f"others between byte {begin:,} and byte {end:,}. Run again when nothing writes to it."
    )


CHECKSUMS = checksums_of(CONTENT)
PLACES = st.integers(0, len(CONTENT))


@given(st.lists(st.integers(0, 2 * BLOCK), max_size=5))
def test_checksums_do_not_depend_on_the_pieces(sizes: list[int]) -> None:
    assert checksums_of(CONTENT, *sizes) == CHECKSUMS


def test_checksums_are_those_of_blocks() -> None:
    assert (CHECKSUMS.size, len(CHECKSUMS.runs[0][1])) == (len(CONTENT), 4 * 4)
    assert CHECKSUMS[1] == checksums_of(CONTENT[BLOCK : 2 * BLOCK])[0]
    assert checksums_of(b"123456789")[0] == 0xE3069283  # the check value of CRC-32C
    assert checksums_of(b"") == Checksums(0, ((0, b""),))
    assert pickle.loads(pickle.dumps(CHECKSUMS)) == CHECKSUMS


@settings(max_examples=200)
@given(st.lists(st.tuples(PLACES, st.integers(-1, 2 * BLOCK)), min_size=1, max_size=4))
def test_unchanged_bytes_are_read(reads: list[tuple[int, int]]) -> None:
    file, plain = opened(CONTENT, CHECKSUMS), io.BytesIO(CONTENT)
    for offset, size in reads:
        file.seek(offset)
        plain.seek(offset)
        assert file.read(size) == plain.read(size)
        assert file.tell() == plain.tell()
        assert file.read(10) == plain.read(10)
    assert file.seek(-5, io.SEEK_END) == len(CONTENT) - 5
    assert file.seek(2, io.SEEK_CUR) == len(CONTENT) - 3
    assert file.read() == CONTENT[-3:]


@settings(max_examples=200)
@given(PLACES, PLACES, st.integers(0, len(CONTENT) - 1))
def test_a_changed_byte_is_detected_when_its_block_is_read(
    left: int, right: int, flip: int
) -> None:
    begin, end = sorted((left, right))
    content = CONTENT[:flip] + bytes([CONTENT[flip] ^ 1]) + CONTENT[flip + 1 :]
    file = opened(content, CHECKSUMS.of([(begin, end)]))
    file.seek(begin)
    block = flip // BLOCK
    if begin < end and begin // BLOCK <= block < -(-end // BLOCK):
        with pytest.raises(DataError) as caught:
            file.read(end - begin)
        last = min((block + 1) * BLOCK, len(CONTENT))
        assert str(caught.value) == changed(block * BLOCK, last)
    else:
        assert file.read(end - begin) == CONTENT[begin:end]


@pytest.mark.parametrize("size", [1000, BLOCK, 3 * BLOCK, len(CONTENT)])
def test_another_size_is_detected_when_the_end_is_read(size: int) -> None:
    checksums = checksums_of(CONTENT[:size])
    for content in (CONTENT[: size - 1], b"", CONTENT[:size] + b"\n", CONTENT[:size] * 2):
        with pytest.raises(DataError, match=r"^x\.csv: the file changed while it was read: "):
            opened(content, checksums).read()
    grown = opened(CONTENT[:size] + b"\n", checksums)
    with pytest.raises(DataError) as caught:
        grown.read()
    assert str(caught.value) == changed(size, size + 1)


def test_a_store_that_returns_short_reads() -> None:
    class Slow(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            return super().read(min(size or 0, 777))

    assert CheckedFile(Slow(CONTENT), CHECKSUMS, path="x.csv").read() == CONTENT


def test_checksums_of_ranges() -> None:
    ranges = [(-BLOCK, 10), (2 * BLOCK + 5, 9 * BLOCK)]
    subset = CHECKSUMS.of(ranges)
    assert [(first, len(crcs) // 4) for first, crcs in subset.runs] == [(0, 1), (2, 2)]
    assert [subset[block] for block in (0, 2, 3)] == [CHECKSUMS[block] for block in (0, 2, 3)]
    for block in (1, 4):
        with pytest.raises(KeyError):
            subset[block]
    assert subset.of([(0, 9 * BLOCK)]) == subset
