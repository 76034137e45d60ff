"""Frames equal those of TensorFlow, and every damaged byte is detected."""

from __future__ import annotations

import gzip
import io

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recordmill.pipelines.tfrecord.framing import encode_frames, frame_ends, read_frames
from recordmill.schemas.errors import DataError

RECORDS = [b"hello", b"", b"a" * 300]


def read(data: bytes) -> list[bytes]:
    return list(read_frames(io.BytesIO(data), path="a.tfrecord"))


class Trickle(io.BytesIO):
    """A stream that returns fewer bytes than requested, as sockets do."""

    def read(self, size: int | None = -1) -> bytes:
        return super().read(min(7, size or 7))


def test_frame_exact_bytes() -> None:
    assert encode_frames([b"hello"]).hex() == (
        "0500000000000000" + "eab2043e" + "68656c6c6f" + "bb1f1c19"
    )
    assert encode_frames([]) == b""


def test_tensorflow_reads_frames_and_unframe_reads_tensorflow(tmp_path) -> None:
    import tensorflow as tf

    path = str(tmp_path / "a.tfrecord")
    with open(path, "wb") as file:
        file.write(encode_frames(RECORDS))
    assert list(tf.data.TFRecordDataset(path).as_numpy_iterator()) == RECORDS

    with tf.io.TFRecordWriter(path) as writer:
        for record in RECORDS:
            writer.write(record)
    with open(path, "rb") as file:
        data = file.read()
    assert data == encode_frames(RECORDS)
    assert read(data) == RECORDS


@pytest.mark.parametrize("type_", [pa.binary(), pa.large_binary()])
def test_frame_takes_arrow_arrays_and_slices_of_them(type_: pa.DataType) -> None:
    array = pa.array(RECORDS, type_)
    assert encode_frames(array) == encode_frames(RECORDS)
    assert encode_frames(array.slice(1)) == encode_frames(RECORDS[1:])
    assert encode_frames(array.slice(3)) == b""


@given(st.lists(st.binary(max_size=40)))
def test_read_frames_returns_the_framed_records(records: list[bytes]) -> None:
    data = encode_frames(records)
    assert read(data) == records
    assert list(read_frames(Trickle(data), path="a.tfrecord")) == records
    assert frame_ends(data, path="a.tfrecord") == [
        len(encode_frames(records[: end + 1])) for end in range(len(records))
    ]


def test_records_larger_than_the_read_buffer() -> None:
    records = [b"x" * 3_000_000, b"", b"y" * 1_500_000]
    assert read(encode_frames(records)) == records


def test_every_flipped_bit_names_record_and_byte() -> None:
    data = encode_frames([b"abc", b"", b"de"])
    starts = {0: range(0, 19), 1: range(19, 35), 2: range(35, 53)}
    for index, where in starts.items():
        for byte in where:
            for bit in range(8):
                damaged = bytearray(data)
                damaged[byte] ^= 1 << bit
                with pytest.raises(DataError) as caught:
                    read(bytes(damaged))
                prefix = f"a.tfrecord: record {index} (byte {where.start}): its "
                assert str(caught.value).startswith(prefix)


def test_messages_of_a_flipped_byte() -> None:
    data = bytearray(encode_frames(RECORDS))
    data[-100] ^= 1
    with pytest.raises(DataError) as caught:
        read(bytes(data))
    assert str(caught.value) == (
        "a.tfrecord: record 2 (byte 37): its data has the checksum eef3f992, expected 7541725c"
    )
    data[37] ^= 1
    with pytest.raises(DataError) as caught:
        read(bytes(data))
    assert str(caught.value) == (
        "a.tfrecord: record 2 (byte 37): its length has the checksum a31a713a, expected 9d5bfef2"
    )


def test_records_before_the_damage_are_read() -> None:
    data = bytearray(encode_frames([b"abc", b"", b"de"]))
    data[-1] ^= 1
    records = read_frames(io.BytesIO(bytes(data)), path="a.tfrecord")
    assert [next(records), next(records)] == [b"abc", b""]
    with pytest.raises(DataError, match=r"record 2 \(byte 35\)"):
        next(records)


def test_every_cut_names_the_record_except_between_two() -> None:
    data = encode_frames([b"abc", b"", b"de"])
    for size in range(len(data)):
        if size in (0, 19, 35):
            assert read(data[:size]) == [b"abc", b"", b"de"][: (0, 19, 35).index(size)]
            continue
        start, index = max(
            (start, index) for index, start in enumerate((0, 19, 35)) if start < size
        )
        full = {0: 19, 1: 16, 2: 18}[index] if size - start >= 12 else 12
        with pytest.raises(DataError) as caught:
            read(data[:size])
        assert str(caught.value) == (
            f"a.tfrecord: record {index} (byte {start}): cut short, {size - start} bytes of {full}"
        )


def test_a_broken_stream_names_the_record_it_broke_at() -> None:
    packed = gzip.compress(encode_frames([b"a" * 100_000] * 30))
    stream = gzip.GzipFile(fileobj=io.BytesIO(packed[:-10]))
    with pytest.raises(DataError) as caught:
        list(read_frames(stream, path="a.tfrecord.gz"))
    assert str(caught.value).startswith("a.tfrecord.gz: record ")
    assert str(caught.value).endswith(
        "cannot be read (Compressed file ended before the end-of-stream marker was reached)"
    )


def test_frame_ends_of_a_cut_frame() -> None:
    with pytest.raises(DataError) as caught:
        frame_ends(encode_frames([b"abc", b"de"])[:-1], path="a.segment")
    assert str(caught.value) == "a.segment: 36 bytes do not end with one of 2 frames"
