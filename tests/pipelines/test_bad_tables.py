"""What a user can hand us, by the number it has in the list of bad tables, through a whole run.

The exact messages of each stage are in its own tests; here it counts that nothing is published
where a file or the run must fail, and that every other record is accounted for.
"""

from __future__ import annotations

import bz2
import gzip
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from helpers.small_recipe import HEADER, rows

from recordmill.pipelines import CsvFormat, Input, Recipe, Splitting, find_recipe, prepare
from recordmill.schemas import DataError
from recordmill.transforms import load

GOOD = rows(300)
TEXT = (HEADER + "".join(GOOD)).encode()
GZ = gzip.compress(TEXT, mtime=0)
BZ2 = bz2.compress(TEXT)


@pytest.fixture(scope="module")
def small() -> Recipe:
    recipe = find_recipe(f"{Path(__file__).parents[1] / 'helpers' / 'small_recipe.py'}:SMALL")
    return replace(recipe, split=Splitting({"train": 1.0}))


def broken(data: bytes, place: int) -> bytes:
    return data[:place] + bytes([data[place] ^ 0xFF]) + data[place + 1 :]


FAIL = {
    "1 truncated gz": (
        "a.csv.gz",
        GZ[: len(GZ) // 2],
        "the gzip data ends too soon: the file is truncated. Copy it again.",
    ),
    "2 truncated bz2": (
        "a.csv.bz2",
        BZ2[: len(BZ2) // 2],
        "the bzip2 data ends too soon: the file is truncated. Copy it again.",
    ),
    "3 gz with a bad CRC": ("a.csv.gz", broken(GZ, len(GZ) - 8), "damaged"),
    "6 plain text called gz": ("a.csv.gz", TEXT, "gzip"),
    "12 unclosed quote": (
        "a.csv",
        TEXT + b'1,1,"Rome,yes\n' + TEXT,
        "a.csv:302: the quote that opens here is never closed",
    ),
    "16 zero bytes": ("a.csv", b"", "the file is empty (0 bytes): expected CSV text"),
    "21 columns in another order": (
        "a.csv",
        b"height,age,city,label\n1.7,3,Rome,yes\n",
        "the header does not name the columns of the schema in their order",
    ),
}


@pytest.mark.parametrize("case", FAIL)
def test_the_run_fails_and_nothing_is_published(case: str, small: Recipe, tmp_path: Path) -> None:
    name, data, message = FAIL[case]
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(DataError) as error:
        prepare(small, output=str(tmp_path / "out"), inputs=[Input("train", str(path))])
    assert str(path) in str(error.value) and message in str(error.value)
    assert "\n" not in str(error.value)
    assert list(tmp_path.iterdir()) == [path]


def test_21_a_column_missing_in_one_of_several_files(small: Recipe, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(TEXT)
    (tmp_path / "b.csv").write_text("age,height,city\n1,1.7,Rome\n")
    with pytest.raises(DataError, match=r"b\.csv:1: the header does not .*: missing label; "):
        prepare(small, output=str(tmp_path / "out"), inputs=[Input("train", f"{tmp_path}/*.csv")])


def test_23_a_glob_that_matches_nothing(small: Recipe, tmp_path: Path) -> None:
    with pytest.raises(DataError) as error:
        prepare(small, output=str(tmp_path / "out"), inputs=[Input("train", f"{tmp_path}/*.csv")])
    assert str(error.value) == (
        f'no file matches "{tmp_path}/*.csv": expected at least one CSV file'
    )


REJECT: dict[str, tuple[bytes, str, Callable[[CsvFormat], CsvFormat]]] = {
    "7 bad UTF-8": (b"1,1.7,R\xf6me,yes", "invalid_utf8", lambda f: f),
    "8 NUL byte": (b"1,1.7,R\0me,yes", "nul_byte", lambda f: f),
    "13 one field too many": (b"1,1.7,Rome,yes,5", "too_many_fields", lambda f: f),
    "14 one field too few": (b"1,1.7,Rome", "too_few_fields", lambda f: f),
    "19 a 3 MB field": (b"1,1.7," + b"x" * 3_000_000 + b",yes", "field_too_long", lambda f: f),
    "19 by another limit": (
        b"1,1.7,Constantinople,yes",
        "field_too_long",
        lambda f: replace(f, max_field_bytes=10),
    ),
    "20 inf": (b"1,inf,Rome,yes", "not_finite", lambda f: f),
    "20 nan": (b"1,nan,Rome,yes", "not_finite", lambda f: f),
    "20 1e999": (b"1,1e999,Rome,yes", "not_finite", lambda f: f),
    "20 integer overflow": (b"9223372036854775808,1,Rome,yes", "integer_overflow", lambda f: f),
    "24 a label outside its classes": (b"1,1.7,Rome,maybe", "not_in_domain", lambda f: f),
}


@pytest.fixture(scope="module")
def rejecting(small: Recipe, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """One run over all rejected records of the default format: reasons and lines by case."""
    folder = tmp_path_factory.mktemp("rejects")
    cases = [case for case, (*_, change) in REJECT.items() if change(CsvFormat()) == CsvFormat()]
    lines = b"".join(REJECT[case][0] + b"\n" for case in cases)
    (folder / "a.csv").write_bytes(TEXT + lines + "".join(GOOD).encode())
    recipe = replace(small, max_reject_ratio=0.05)
    manifest = prepare(
        recipe, output=str(folder / "out"), inputs=[Input("train", f"{folder}/*.csv")]
    )
    ledger = manifest.ledger["train"]
    assert (ledger.read, ledger.written) == (600 + len(cases), 600)
    written = (folder / "out/rejects/train.jsonl").read_text().splitlines()
    rejects = [json.loads(line) for line in written]
    assert [reject["line"] for reject in rejects] == list(range(302, 302 + len(cases)))
    return {case: reject for case, reject in zip(cases, rejects, strict=True)}


@pytest.mark.parametrize("case", [case for case in REJECT if case != "19 by another limit"])
def test_the_record_is_rejected_with_its_reason(
    case: str, rejecting: dict[str, dict[str, str]]
) -> None:
    record, reason, _ = REJECT[case]
    assert rejecting[case]["reason"] == reason
    assert rejecting[case]["raw"] == record.decode("utf-8", "backslashreplace")[:10_000]


def test_19_the_limit_of_a_field_can_be_set(small: Recipe, tmp_path: Path) -> None:
    record, reason, change = REJECT["19 by another limit"]
    (tmp_path / "a.csv").write_bytes(TEXT + record + b"\n")
    recipe = replace(small, csv=change(small.csv))
    manifest = prepare(
        recipe, output=str(tmp_path / "out"), inputs=[Input("train", f"{tmp_path}/a.csv")]
    )
    assert manifest.ledger["train"].rejected == {reason: 1}


QUOTED = '1,1.7,"New\nYork, ""NY""",yes\n'
ACCEPT = {
    "4 concatenated gz members": ("a.csv.gz", GZ + gzip.compress("".join(GOOD).encode()), 600),
    "5 gzip called csv": ("a.csv", GZ, 300),
    "9 a byte order mark": ("a.csv", b"\xef\xbb\xbf" + TEXT, 300),
    "10 CRLF": ("a.csv", TEXT.replace(b"\n", b"\r\n"), 300),
    "11 a quoted newline": ("a.csv", TEXT + QUOTED.encode() * 20, 320),
    "15 a header only": ("a.csv", HEADER.encode(), 0),
    "17 blank lines": ("a.csv", TEXT.replace(b"\n", b"\n\n"), 300),
    "18 no final newline": ("a.csv", TEXT.rstrip(b"\n"), 300),
}


@pytest.fixture(scope="module")
def accepted(small: Recipe, tmp_path_factory: pytest.TempPathFactory) -> dict[str, int]:
    """One run over all files that are accepted, in small blocks: records by case."""
    folder = tmp_path_factory.mktemp("accepted")
    inputs = {case: folder / case / name for case, (name, *_) in ACCEPT.items()}
    for case, path in inputs.items():
        path.parent.mkdir()
        path.write_bytes(ACCEPT[case][1])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("recordmill.pipelines.tables.source.BLOCK_BYTES", 600)
        manifest = prepare(
            small,
            output=str(folder / "out"),
            inputs=[Input("train", str(path)) for path in inputs.values()],
        )
    ledger, total = manifest.ledger["train"], sum(count for *_, count in ACCEPT.values())
    assert (ledger.read, ledger.written, ledger.rejected) == (total, total, {})
    records = {file.path: file.records for file in manifest.inputs}
    return {case: records[str(path)] for case, path in inputs.items()}


@pytest.mark.parametrize("case", ACCEPT)
def test_the_file_is_accepted_exactly(case: str, accepted: dict[str, int]) -> None:
    assert accepted[case] == ACCEPT[case][2]


def test_25_a_value_never_seen_in_training(small: Recipe, tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_bytes(TEXT)
    (tmp_path / "eval.csv").write_bytes(TEXT + b"1,1.7,Bergen,yes\n" * 3 + b"1,1.7,Turin,yes\n")
    manifest = prepare(
        small,
        output=str(tmp_path / "out"),
        inputs=[Input(split, str(tmp_path / f"{split}.csv")) for split in ("train", "eval")],
    )
    assert manifest.unseen == {"eval": {"city": 4, "label": 0}}
    served = load(tmp_path / "out").transform({"city": ["Bergen", "Rome"]})
    assert served["city"][0] == -1 and served["city"][1] >= 0
