"""JSON instances to raw columns, and the messages of their problems."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from recordmill.schemas.column import MISSING_INT64
from recordmill.schemas.errors import DataError
from recordmill.transforms.serving.json_instances import JsonInstances

SPECS = {
    "n": tf.TensorSpec([None], tf.int64),
    "x": tf.TensorSpec([None], tf.float32),
    "s": tf.TensorSpec([None], tf.string),
    "pair": tf.TensorSpec([None, 2], tf.int64),
}
TABLE = JsonInstances(specs=SPECS, source="a.json")


def columns(*rows: Any) -> dict[str, list[Any]]:
    (batch,) = TABLE.batches(json.dumps(row).encode() for row in rows)
    return {name: column.tolist() for name, column in batch.columns.items()}


def problem(line: str | bytes, reader: JsonInstances = TABLE) -> str:
    with pytest.raises(DataError) as error:
        reader.check([line if isinstance(line, bytes) else line.encode()])
    first, *others = str(error.value).splitlines()
    assert first == "a.json: 1 of 1 instance cannot be read, so nothing was predicted:"
    (other,) = others
    return other.removeprefix("a.json:1: ")


def test_values_of_every_type() -> None:
    row = {"n": 2**53 + 1, "x": 0.1, "s": " é ", "pair": [1, None]}
    assert columns(row) == {
        "n": [2**53 + 1],
        "x": [float(np.float32(0.1))],
        "s": [" é ".encode()],
        "pair": [[1, MISSING_INT64]],
    }
    assert columns({"s": {"b64": base64.b64encode(b"\xff").decode()}, "n": 3.0})["s"] == [b"\xff"]


def test_what_is_not_there_is_missing() -> None:
    result = columns({"n": 1}, {"n": None, "x": None})
    assert np.isnan(result.pop("x")).all()
    assert result == {
        "n": [1, MISSING_INT64],
        "s": ["", ""],
        "pair": [[MISSING_INT64, MISSING_INT64]] * 2,
    }


@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=4))
def test_integers_keep_all_their_digits(numbers: list[int]) -> None:
    assert columns(*({"n": number} for number in numbers))["n"] == numbers


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"n": 1.5}', 'field "n": expected an integer, got 1.5'),
        ('{"n": 9223372036854775808}', 'field "n": expected an integer, got 9223372036854775808'),
        ('{"n": false}', 'field "n": expected an integer, got false'),
        ('{"x": 1e39}', 'field "x": expected a finite number, got 1e+39'),
        ('{"x": 1e999}', 'field "x": expected a finite number, got Infinity'),
        ('{"x": "?"}', 'field "x": expected a finite number, got "?"'),
        ('{"x": [1]}', 'field "x": expected a finite number, got a list of 1'),
        ('{"s": {"b64": "?"}}', 'field "s": expected base64, got "?"'),
        ('{"s": {"path": "a"}}', 'field "s": expected text, got an object with "path"'),
        ('{"s": "\\ud800"}', 'field "s": expected text, got "\\ud800", which is no UTF-8'),
        ('{"pair": [1]}', 'field "pair": expected a list of 2, got a list of 1'),
        ('{"n": 1, "n": 2}', 'field "n": it occurs twice'),
        ('{"zzz": 1}', 'field "zzz": the model takes no such field, but n, x, s, pair'),
        ("25", "expected a JSON object, got 25"),
        ("[" * 100_000, "expected a JSON object, got text that is no JSON: too deeply nested"),
        (b'{"s": "\xff"}', "expected a JSON object, got text that is no JSON: it is not UTF-8"),
        (
            '{"x": NaN}',
            "expected a JSON object, got text that is no JSON: NaN is no JSON number; a missing "
            "one is null",
        ),
    ],
)
def test_what_is_wrong_is_told(line: str | bytes, message: str) -> None:
    assert problem(line) == message


@given(
    st.binary(max_size=40)
    | st.recursive(
        st.none() | st.booleans() | st.floats() | st.text() | st.integers(),
        lambda values: st.lists(values) | st.dictionaries(st.sampled_from([*SPECS, "y"]), values),
    ).map(lambda value: json.dumps(value).encode())
)
def test_whatever_stands_there_is_read_or_told(line: bytes) -> None:
    lines = [line.replace(b"\n", b"")]
    try:
        TABLE.check(lines)
    except DataError:
        return
    for batch in TABLE.batches(lines):
        assert {name: column.shape[1:] for name, column in batch.columns.items()} == {
            "n": (), "x": (), "s": (), "pair": (2,)
        }  # fmt: skip


def test_the_first_problems_of_many() -> None:
    with pytest.raises(DataError) as error:
        TABLE.check([b"1"] * 60 + [b"{}"])
    lines = str(error.value).splitlines()
    assert lines[0] == (
        "a.json: 60 of 61 instances cannot be read, so nothing was predicted (these are the first "
        "50 problems):"
    )
    assert lines[-1] == "a.json:50: expected a JSON object, got 1"


def test_batches_are_bounded_and_keep_their_lines() -> None:
    lines = [b"\xef\xbb\xbf{}\n", b"\n", b"{}\n", b'{"s": "%s"}\n' % (b"a" * (1 << 24)), b"{}"]
    assert [batch.lines for batch in TABLE.batches(lines, rows=3)] == [(1, 3, 4), (5,)]
    assert [batch.lines for batch in TABLE.batches(lines[2:], rows=9)] == [(1, 2), (3,)]


PHOTOS = {"image": tf.TensorSpec([None], tf.string)}


def test_images_by_their_bytes_or_their_path(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "cat.png").write_bytes(b"png")
    (tmp_path / "secret").write_bytes(b"key")
    (tmp_path / "a" / "link").symlink_to(tmp_path / "secret")
    photos = JsonInstances(
        specs=PHOTOS, source="a.json", folder=str(tmp_path / "a"), images=frozenset({"image"})
    )
    lines = [b'{"image": {"path": "cat.png"}}', b'{"image": {"b64": "cG5n"}}']
    (batch,) = photos.batches(lines)
    assert batch.columns["image"].tolist() == [b"png", b"png"]
    for path in ("../secret", "link", str(tmp_path / "secret")):
        result = problem(json.dumps({"image": {"path": path}}), photos)
        assert "expected a path inside the folder of the instances" in result
    for path in ("dog.png", ".", "a\0b"):
        assert problem(json.dumps({"image": {"path": path}}), photos) == (
            f'field "image": there is no file {json.dumps(path)} in the folder of the instances'
        )
    assert problem('{"image": "cat.png"}', photos) == (
        'field "image": expected the bytes of an image file, as {"b64": "…"} or {"path": "…"}, '
        'got "cat.png"'
    )
    assert problem("{}", photos) == 'field "image": it is missing'


def test_a_model_that_takes_other_columns_is_refused() -> None:
    with pytest.raises(DataError, match='the model takes "t" as TensorSpec'):
        JsonInstances(specs={"t": tf.TensorSpec([None], tf.bool)}, source="a.json")


ALIKE = JsonInstances(
    specs={name: tf.TensorSpec([None], tf.int64) for name in ("a-b", "a b", "c-d", "c_d", "e-f")},
    source="a.json",
    label="pay-band",
    unused=frozenset({"fnl-wgt"}),
)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            '{"a_b": 1}',
            'field "a_b": expected the name of one column, got "a_b", which stands for "a-b" and '
            '"a b"; name the column as the dataset does',
        ),
        ('{"e-f": 1, "e_f": 2}', 'field "e_f": it is column "e-f", as "e-f" is too'),
        (
            '{"pay_band": 1}',
            'field "pay_band": it is the label, which the model predicts; leave it out',
        ),
        (
            '{"fnl_wgt": 1}',
            'field "fnl_wgt": it is a column that no feature of the model depends on; leave it out',
        ),
    ],
)
def test_names_as_a_signature_spells_them(line: str, message: str) -> None:
    assert problem(line, ALIKE) == message


def test_a_name_of_its_own_is_that_columns() -> None:
    (batch,) = ALIKE.batches([b'{"c_d": 1, "c-d": 2, "e_f": 3, "a b": 4}'])
    result = {name: column.tolist() for name, column in batch.columns.items()}
    missing = [MISSING_INT64]
    assert result == {"a-b": missing, "a b": [4], "c-d": [2], "c_d": [1], "e-f": [3]}
