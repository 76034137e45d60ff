"""Profiles as bytes: nothing is lost, and no bytes do harm."""

from __future__ import annotations

import hashlib
import json
import struct
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recordmill.schemas.column import Column
from recordmill.schemas.errors import DataError
from recordmill.schemas.schema import Schema
from recordmill.schemas.statistics.codec import decode, encode
from recordmill.schemas.statistics.fold import Profile, StatisticsFold


def schema_of(label: str) -> Schema:
    kinds = {"whole": "int64", "real": "float32", "text": "string", "class": "string"}
    return Schema(
        tuple(
            Column(name, kind, role="label" if name == label else "feature")  # type: ignore[arg-type]
            for name, kind in kinds.items()
        )
    )


LABELS = ["", "whole", "real", "class"]
ROW = st.tuples(
    st.none() | st.integers(-2, 2) | st.integers(-(2**63), 2**63 - 1),
    st.none() | st.just(-0.0) | st.floats(width=32),
    st.none() | st.text("aé", max_size=2),
    st.none() | st.sampled_from("xyz"),
)


def profile_of(rows: list[tuple[Any, ...]], fold: StatisticsFold) -> Profile:
    columns = [list(column) for column in zip(*rows, strict=True)] or [[] for _ in fold.schema]
    fields = fold.schema.arrow_schema()
    arrays = [pa.array(c, field.type) for c, field in zip(columns, fields, strict=True)]
    return fold.add(fold.start(), pa.RecordBatch.from_arrays(arrays, schema=fields))


def many(fold: StatisticsFold, count: int = 30_000) -> Profile:
    """A profile of sketches."""
    draw = np.random.default_rng(0)
    whole, real = draw.integers(0, 2**60, count), draw.standard_normal(count)
    return profile_of(
        [(int(n), float(x), f"t{i}", "xyz"[i % 3]) for i, (n, x) in enumerate(zip(whole, real))],  # noqa: B905
        fold,
    )


def proto_bytes(profile: Profile, fold: StatisticsFold) -> bytes:
    written: bytes = fold.to_proto({"train": profile}).SerializeToString(deterministic=True)
    return written


@given(st.lists(ROW, max_size=20), st.lists(ROW, max_size=5), st.sampled_from(LABELS))
def test_nothing_is_lost(
    rows: list[tuple[Any, ...]], more: list[tuple[Any, ...]], label: str
) -> None:
    fold = StatisticsFold(schema_of(label))
    profile = profile_of(rows, fold)
    again = decode(encode(profile), fold, path="p")
    assert encode(again) == encode(profile)
    assert proto_bytes(again, fold) == proto_bytes(profile, fold)
    other = profile_of(more, fold)
    merged = fold.merge([again, other])
    assert proto_bytes(merged, fold) == proto_bytes(fold.merge([profile, other]), fold)


@pytest.mark.parametrize("label", LABELS)
def test_sketches_go_on_where_they_were(label: str) -> None:
    fold = StatisticsFold(schema_of(label))
    profile, other = many(fold), many(fold, 9_000)
    again = decode(encode(profile), fold, path="p")
    assert encode(again) == encode(profile)
    merged = fold.merge([again, other])
    assert proto_bytes(merged, fold) == proto_bytes(fold.merge([profile, other]), fold)


FOLD = StatisticsFold(schema_of("class"))
GOOD = encode(profile_of([(1, 0.5, "a", "x"), (2, None, "b", "y"), (None, 1.5, "a", "x")], FOLD))
START = GOOD[:21]


def sealed(body: bytes) -> bytes:
    """What a stranger writes who knows the format."""
    return START + hashlib.sha256(body).digest() + body


def refused(data: bytes, fold: StatisticsFold = FOLD) -> str:
    with pytest.raises(DataError) as caught:
        decode(data, fold, path="c/train.profile")
    return str(caught.value)


def test_other_files_and_versions_are_refused() -> None:
    assert START == b"recordmill profile 1\n"
    assert refused(b"\x80\x04pickle") == (
        "c/train.profile: expected the profile of a span, of version 1, got b'\\x80\\x04pickle'. "
        "Delete it, so that it is made anew."
    )
    assert "of version 1, got b'recordmill profile 2" in refused(GOOD.replace(b"1\n", b"2\n", 1))


def test_damage_is_found_wherever_it_is() -> None:
    for place in range(len(START), len(GOOD), 7):
        damaged = bytearray(GOOD)
        damaged[place] ^= 1
        assert refused(bytes(damaged)).endswith("is damaged: its sha256 is another. Delete it.")
    assert "is damaged" in refused(GOOD[:-1])


def test_a_profile_of_another_schema_is_refused() -> None:
    assert "is no profile of this schema" in refused(GOOD, StatisticsFold(schema_of("whole")))


def head_of(data: bytes) -> tuple[Any, bytes]:
    body = data[len(START) + 32 :]
    (size,) = struct.unpack_from("<Q", body)
    return json.loads(body[8 : 8 + size]), body[8 + size :]


def with_head(head: Any, arrays: bytes) -> bytes:
    text = json.dumps(head).encode()
    return sealed(struct.pack("<Q", len(text)) + text + arrays)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda head: head["tree"].update(rows=4), "another number of rows"),
        (lambda head: head["tree"].update(rows=-1), "the count -1"),
        (lambda head: head["tree"]["columns"].pop(), "shorter"),
        (lambda head: head["tree"]["columns"][0].update(missing=True), "the count True"),
        (lambda head: head["tree"]["columns"][0].update(values=[1]), "no array"),
        (lambda head: head["tree"]["columns"][1].update(not_finite=1), "another number of values"),
        (lambda head: head["tree"]["associations"].clear(), "other columns"),
        (lambda head: head["arrays"][0].__setitem__(0, "|O"), "an array of |O"),
        (lambda head: head["arrays"][0].__setitem__(1, [2**40]), "buffer is smaller"),
        (lambda head: head["arrays"].append(["<i8", [0, 0]]), ""),
        (lambda head: head.pop("tree"), "'tree'"),
    ],
)
def test_what_a_stranger_writes_is_checked(change: Any, problem: str) -> None:
    head, arrays = head_of(GOOD)
    change(head)
    data = with_head(head, arrays)
    if problem:
        assert problem in refused(data)
    else:
        assert encode(decode(data, FOLD, path="p")) == GOOD


@settings(max_examples=300)
@given(st.data())
def test_any_bytes_give_a_profile_or_an_error(data: st.DataObject) -> None:
    body = bytearray(GOOD[len(START) + 32 :])
    for _ in range(data.draw(st.integers(1, 8))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    try:
        profile = decode(sealed(bytes(body)), FOLD, path="p")
    except DataError:
        return
    proto_bytes(FOLD.merge([profile, profile]), FOLD)
