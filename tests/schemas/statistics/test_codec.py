"""Serialization of profiles: lossless, and safe for any bytes."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recordmill.schemas.column import Column
from recordmill.schemas.errors import DataError
from recordmill.schemas.schema import Schema
from recordmill.schemas.statistics.codec import VERSION, decode, encode
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
    """Return a profile with sketches."""
    draw = np.random.default_rng(0)
    integers, reals = draw.integers(0, 2**60, count), draw.standard_normal(count)
    return profile_of(
        [
            (int(n), float(x), f"t{i}", "xyz"[i % 3])
            for i, (n, x) in enumerate(zip(integers, reals, strict=True))
        ],
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


LABEL = Column("class", "string", role="label")
FOLD = StatisticsFold(schema_of("class"))
GOOD = encode(profile_of([(1, 0.5, "a", "x"), (2, None, "b", "y"), (None, 1.5, "a", "x")], FOLD))
START = GOOD[:21]
BODY = GOOD[21 + 32 :]


def sealed(body: bytes) -> bytes:
    """Give bytes the first line and the digest of a profile, as an attacker would."""
    return START + hashlib.sha256(body).digest() + body


def refused(data: bytes, fold: StatisticsFold = FOLD) -> str:
    with pytest.raises(DataError) as caught:
        decode(data, fold, path="c/train.profile")
    return str(caught.value)


def test_other_files_and_versions_are_refused() -> None:
    assert f"recordmill profile {VERSION}\n".encode() == START
    assert refused(b"\x80\x04pickle") == (
        "c/train.profile: expected the profile of a span, of version 2, got b'\\x80\\x04pickle'. "
        "Delete it, so that it is made again."
    )
    assert "of version 2, got b'recordmill profile 1" in refused(GOOD.replace(b"2\n", b"1\n", 1))


def test_damage_is_found_wherever_it_is() -> None:
    for index in range(len(START), len(GOOD), 7):
        damaged = bytearray(GOOD)
        damaged[index] ^= 1
        assert refused(bytes(damaged)).endswith("is damaged: its sha256 differs. Delete it.")
    assert "is damaged" in refused(GOOD[:-1])


def test_a_profile_of_another_schema_is_refused() -> None:
    assert "is no profile of this schema" in refused(GOOD, StatisticsFold(schema_of("whole")))


def test_a_column_named_as_a_key_of_the_format() -> None:
    for name in ("strings", "base64", "dtype"):
        fold = StatisticsFold(Schema((Column(name, "string"), LABEL)))
        profile = profile_of([("a", "x"), ("b", "y")], fold)
        assert encode(decode(encode(profile), fold, path="p")) == encode(profile)


INTEGERS = {"dtype": "<i8", "shape": [2], "base64": "AQAAAAAAAAACAAAAAAAAAA=="}
"""The distinct values of the first column of `GOOD`."""


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda tree: tree.update(rows=4), "another number of rows"),
        (lambda tree: tree.update(rows=-1), "the count -1"),
        (lambda tree: tree["columns"].pop(), "shorter"),
        (lambda tree: tree["columns"][0].update(missing=True), "the count True"),
        (lambda tree: tree["columns"][0].update(values=[1]), "no array"),
        (lambda tree: tree["columns"][0].update(dtype="float32"), "a column of float32"),
        (lambda tree: tree["columns"][1].update(not_finite=1), "another number of values"),
        (lambda tree: tree["columns"][2]["frequent"].update(capacity=9), "another capacity"),
        (
            lambda tree: tree["columns"][2]["frequent"]["values"].update(strings=["a", None]),
            "twice",
        ),
        (lambda tree: tree["columns"][2]["frequent"]["values"].update(strings=["a", 1]), "'int'"),
        (lambda tree: tree["associations"].clear(), "other columns"),
        (lambda tree: tree["associations"].reverse(), "other columns"),
        (lambda tree: tree["associations"][0][1].update(of_label=False), "the other column"),
        (lambda tree: tree["columns"][0].update(values=INTEGERS), ""),
        (lambda tree: tree["columns"][0].update(values=INTEGERS | {"dtype": "|O"}), "array of |O"),
        (lambda tree: tree["columns"][0].update(values=INTEGERS | {"dtype": "<f8"}), "of float64"),
        (lambda tree: tree["columns"][0].update(values=INTEGERS | {"shape": [2**40]}), "reshape"),
        (lambda tree: tree["columns"][0].update(values=INTEGERS | {"base64": "AQ"}), "padding"),
        (lambda tree: tree["columns"][0].update(values={"base64": "AQ=="}), "no array"),
        (lambda tree: tree.pop("columns"), "'columns'"),
    ],
)
def test_every_value_of_a_tree_is_checked(change: Any, problem: str) -> None:
    tree = json.loads(BODY)
    assert tree["columns"][0]["values"] == INTEGERS
    change(tree)
    data = sealed(json.dumps(tree, separators=(",", ":")).encode())
    if problem:
        assert problem in refused(data)
    else:
        assert encode(decode(data, FOLD, path="p")) == GOOD


@pytest.mark.parametrize("body", [b"", b"[", b"[" * 100_000, b"null", b"\xff", b"1" * 5000])
def test_bodies_that_are_no_tree(body: bytes) -> None:
    assert "is no profile of this schema" in refused(sealed(body))


@settings(max_examples=300)
@given(st.data())
def test_any_bytes_give_a_profile_or_an_error(data: st.DataObject) -> None:
    body = bytearray(BODY)
    for _ in range(data.draw(st.integers(1, 8))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    try:
        profile = decode(sealed(bytes(body)), FOLD, path="p")
    except DataError:
        return
    proto_bytes(FOLD.merge([profile, profile]), FOLD)
