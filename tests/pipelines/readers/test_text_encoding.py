"""Bytes that are no UTF-8."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recordmill.pipelines.readers.text_encoding import (
    encoding_advice,
    guess_encoding,
    rejects_advice,
    undecodable_rows,
)
from recordmill.pipelines.runtime.elements import Reject
from recordmill.schemas.manifest import Ledger


def reject(data: bytes, *, line: int = 2, column: str | None = None) -> Reject:
    raw = data.decode("utf-8", "backslashreplace")
    return Reject("a.csv", line, column, "invalid_utf8", "expected UTF-8 text", raw)


@pytest.mark.parametrize("encoding", ["cp1252", "utf-16", "utf-16-le", "utf-16-be"])
def test_an_encoding(encoding: str) -> None:
    assert guess_encoding("“quoted”,5 €,no\n".encode(encoding)[: 1 << 10]) == encoding


def test_latin_1_has_none_of_the_signs_of_cp1252() -> None:
    assert guess_encoding("größe,naïve\n".encode("latin-1")) == "latin-1"
    assert guess_encoding(b"\x81\x8d") == ""


def test_bytes_with_nuls_are_not_always_utf_16() -> None:
    assert not guess_encoding(b"PK\x03\x04" + bytes(40)).startswith("utf-16")
    assert not guess_encoding(b"a,b\0,c\n" * 9).startswith("utf-16")


@given(st.binary())
def test_any_bytes_have_an_advice(data: bytes) -> None:
    assert encoding_advice(data).endswith("-t UTF-8` does.")


def test_bytes_that_are_in_no_encoding_we_know() -> None:
    assert encoding_advice("データ".encode("shift-jis")) == (
        "The bytes are neither UTF-8 nor cp1252: ask whoever wrote the file for its encoding, and "
        "convert it, as `iconv -f ENCODING -t UTF-8` does."
    )


def test_rejects_are_taken_together() -> None:
    rejects = [reject("café,1".encode("latin-1")), reject("5 €".encode("cp1252"), line=9)]
    assert rejects_advice(rejects) == (
        'The bytes look like cp1252 (Windows), in which they read "café,1": convert the file, as '
        "`iconv -f CP1252 -t UTF-8` does."
    )
    ragged = Reject("a.csv", 3, None, "too_few_fields", "expected 3 fields, got 2", "1,2")
    assert rejects_advice([ragged]) == rejects_advice([]) == ""


def test_values_of_parquet() -> None:
    assert rejects_advice([reject(b'{"img": "\xff"}', column="img")]) == (
        'Column "img" has values that are bytes, not UTF-8 text: decode them where the file is '
        "written, or leave the column out of the recipe."
    )


def test_the_rows_of_a_dataset(tmp_path: Path) -> None:
    ledger = {"train": Ledger(read=9, written=9), "unsplit": Ledger(read=2, written=0)}
    assert undecodable_rows(str(tmp_path), ledger) == ""
    rejects = [
        Reject("a.csv", 1, None, "nul_byte", "expected text", "\0"),
        reject("café,1".encode("latin-1"), line=7),
    ]
    (tmp_path / "rejects").mkdir()
    lines = "".join(json.dumps(asdict(reject)) + "\n" for reject in rejects)
    (tmp_path / "rejects/unsplit.jsonl").write_text(lines)
    ledger["unsplit"] = Ledger(read=3, rejected={"nul_byte": 1, "invalid_utf8": 2})
    assert undecodable_rows(str(tmp_path), ledger) == (
        "2 rows rejected: not UTF-8 text, such as a.csv:7. The bytes look like Latin-1, in which "
        'they read "café,1": convert the file, as `iconv -f ISO-8859-1 -t UTF-8` does.'
    )
