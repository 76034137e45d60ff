"""Summaries of files, their problems, and files that are not understood."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from recordmill.pipelines.inference.infer import Inferred, infer_recipe
from recordmill.schemas.errors import DataError

ROWS = [
    f"{20 + i * 7 % 31},{('Rome', 'Oslo')[i % 2]},{('no', 'yes')[i // 2 % 2]}" for i in range(60)
]
TEXT = "\n".join(["age,city,label", *ROWS, ""])


def write(folder: Path, text: str | bytes, name: str = "a.csv") -> str:
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return str(path)


def inferred(folder: Path, text: str | bytes) -> Inferred:
    return infer_recipe([write(folder, text)])


def error_of(folder: Path, text: str | bytes, *, single_column: bool = False) -> str:
    """The message of the error, without the folder."""
    with pytest.raises(DataError) as error:
        infer_recipe([write(folder, text)], single_column=single_column)
    return str(error.value).replace(f"{folder}/", "")


def test_rows_columns_format_and_label(tmp_path: Path) -> None:
    assert inferred(tmp_path, TEXT).summary == (
        f'{tmp_path}/a.csv: 60 rows of 3 columns: "age", "city", "label"',
        "format: CSV with delimiter ',': 61 of the first 61 records have 3 fields; a header: in 1 "
        "column only the first record is not a number",
        'label: "label", by its name: 2 classes',
    )


def test_several_files(tmp_path: Path) -> None:
    write(tmp_path, TEXT, "b.csv")
    write(tmp_path, TEXT, "c.csv")
    (first, *_) = infer_recipe([write(tmp_path, TEXT), f"{tmp_path}/[bc].csv"]).summary
    assert first == (
        f'{tmp_path}/a.csv and 2 more files: 180 rows of 3 columns: "age", "city", "label"'
    )


def test_what_is_left_out_and_why(tmp_path: Path) -> None:
    lines = [f"{i},EUR,,{i * 7 % 5}.5,{'' if i % 10 else 'x'},{i % 4 * 1.5}" for i in range(60)]
    summary = inferred(tmp_path, "\n".join(["id,currency,note,x,odd,price", *lines, ""])).summary
    assert summary[2:] == (
        'label: "price", by its name: an amount',
        'left out: "id" (an identifier), "currency" (one value only), "note" (no value in any row)',
    )


def test_columns_of_parquet_that_have_no_text(tmp_path: Path) -> None:
    path = str(tmp_path / "list.parquet")
    table = {"x": [1.5, 2.5] * 20, "tags": [["a"], []] * 20, "label": ["no", "yes"] * 20}
    pq.write_table(pa.table(table), path)
    result = infer_recipe([path])
    why = "values of the type list<element: string> are not single values; flatten or unnest them"
    assert result.summary == (
        f'{path}: 40 rows of 2 columns: "x", "label"',
        "format: Parquet, which names its columns",
        'label: "label", by its name: 2 classes',
        f'left out: "tags" ({why} first)',
    )
    assert f'# left out: "tags": {why} first\n'.replace("\n", "") in result.text.replace(
        "\n#  ", ""
    )


def test_no_label(tmp_path: Path) -> None:
    lines = "".join(f"{i % 7},{i}\n" for i in range(60))
    assert inferred(tmp_path, "a,n\n" + lines).summary[2] == (
        "label: none found; `init --label NAME` chooses one"
    )


def test_a_few_records_that_are_no_rows(tmp_path: Path) -> None:
    data = TEXT.encode() + "21,café,no\n22,“Rome”,yes\n".encode("cp1252")
    assert inferred(tmp_path, data).summary[-1] == (
        "looks wrong: 2 records (3.2 %) cannot be read as rows, and a run rejects them: "
        f"invalid_utf8 2, such as {tmp_path}/a.csv:62: expected UTF-8 text, got 0xe9 at byte 7 of "
        'the record. The bytes look like cp1252 (Windows), in which they read "21,café,no": '
        "convert the file, as `iconv -f CP1252 -t UTF-8` does."
    )


def test_comments_that_are_skipped(tmp_path: Path) -> None:
    summary = inferred(tmp_path, TEXT.replace("20,Rome", "#x\n20,Rome")).summary
    assert summary[1].endswith('lines that begin with "#" are comments, such as "#x" (1 in all)')


def test_rows_without_a_label(tmp_path: Path) -> None:
    assert inferred(tmp_path, TEXT + "30,Rome,\n31,Oslo,\n").summary[-1] == (
        "looks wrong: 2 rows without a label, which a filter of the recipe drops"
    )


def test_values_that_would_vanish(tmp_path: Path) -> None:
    lines = [
        f"{i * 7 % 31 + 20 if i else 'old'},€{i % 9},{i if i % 3 else 'x'},{i % 2}"
        for i in range(200)
    ]
    summary = inferred(tmp_path, "\n".join(["age,fee,mixed,label", *lines, ""])).summary
    assert summary[-3:] == (
        'looks wrong: "age": 1 value not a number, taken as missing: "old" 1',
        'looks wrong: "fee": text, of numbers with a currency, a percent sign or separators: 200 '
        'values, such as "€0"; to have them as numbers, write them without',
        'looks wrong: "mixed": text, though 133 of 200 values are numbers',
    )


def test_many_columns_in_a_few_lines(tmp_path: Path) -> None:
    names = [f"fee_{i}" for i in range(40)]
    lines = [",".join([*[f"€{(i + n) % 9}" for n in range(1, 41)], "ab"[i % 2]]) for i in range(60)]
    summary = inferred(tmp_path, "\n".join([",".join([*names, "label"]), *lines, ""])).summary
    assert len(summary) == 9
    assert summary[0].endswith('"fee_0", "fee_1", "fee_2", "fee_3", "fee_4" and 36 more')
    assert summary[-1] == ("looks wrong: 35 more columns: see the comments of the recipe")


def test_a_header_that_may_be_a_row(tmp_path: Path) -> None:
    summary = inferred(tmp_path, "ann,rome,red\nbob,oslo,blue\ncid,bern,green\n").summary
    assert summary[0].endswith('2 rows of 3 columns: "ann", "rome", "red"')
    assert summary[1].endswith("if it is a row, set header: false")


def test_no_row(tmp_path: Path) -> None:
    assert inferred(tmp_path, "a,b\n").summary[-1] == (
        "looks wrong: there is no row, so the types are guesses"
    )


def test_one_column_of_another_delimiter(tmp_path: Path) -> None:
    text = "x y label\n1 2.5 no\n3 1.5 yes\n2 2.2 no\n"
    message = (
        'a.csv: understood one column, "x y label", in 3 rows; expected several, to predict one '
        "from the others. Split at runs of blanks, 4 of the first 4 lines have 3 fields, such as "
        '"2", "2.2", "no": rewrite the file with one of the supported delimiters, as '
        "`tr -s ' \\t' ','` does."
    )
    assert error_of(tmp_path, text) == message
    assert error_of(tmp_path, text, single_column=True) == message


def test_one_column_it_is(tmp_path: Path) -> None:
    text = "x\n" + "".join(f"{i * 7 % 13}\n" for i in range(100))
    assert error_of(tmp_path, text) == (
        'a.csv: understood one column, "x", in 100 rows; expected several, to predict one from '
        "the others. No delimiter splits it: neither comma, tab, semicolon or bar, nor blanks, "
        "colons and the like. Join it with the columns that belong to it. `recordmill profile` "
        "describes a single column."
    )
    result = infer_recipe([f"{tmp_path}/a.csv"], single_column=True)
    assert result.summary[0] == f'{tmp_path}/a.csv: 100 rows of 1 column: "x"'


def test_one_column_of_parquet(tmp_path: Path) -> None:
    path = str(tmp_path / "a.parquet")
    pq.write_table(pa.table({"x": [1, 2], "tags": [["a"], []]}), path)
    with pytest.raises(DataError) as error:
        infer_recipe([path])
    assert str(error.value) == (
        f'{path}: understood one column, "x", in 2 rows; expected several, to predict one from '
        'the others. Left out: "tags": values of the type list<element: string> are not '
        "single values; flatten or unnest them first."
    )


REJECTED = {
    "1,2,yes\n1,2,3,no\n": (
        "understood 3 of 6 records, less than 90 %. 3 records (50 %) cannot be read as rows, and a "
        "run rejects them: too_many_fields 3, such as a.csv:3: expected 3 fields, got 4. Quote "
        "each field that contains a delimiter, as CSV writers do."
    ),
    "1,2,yes\n5 €,2,no\n": (
        "understood 3 of 6 records, less than 90 %. 3 records (50 %) cannot be read as rows, and a "
        "run rejects them: invalid_utf8 3, such as a.csv:3: expected UTF-8 text, got 0x80 at byte "
        '3 of the record. The bytes look like cp1252 (Windows), in which they read "5 €,2,no": '
        "convert the file, as `iconv -f CP1252 -t UTF-8` does."
    ),
}


@pytest.mark.parametrize("rows", REJECTED)
def test_under_90_percent_of_the_rows(rows: str, tmp_path: Path) -> None:
    data = ("a,b,label\n" + rows * 3).encode("cp1252")
    for single_column in (False, True):
        message = error_of(tmp_path, data, single_column=single_column)
        assert message == f"a.csv: {REJECTED[rows]}"


def test_90_percent_of_the_rows_are_enough(tmp_path: Path) -> None:
    assert infer_recipe([write(tmp_path, "a,label\n" + "1,no\n" * 9 + "1\n")]).text
    assert "less than 90 %" in error_of(tmp_path, "a,label\n" + "1,no\n" * 8 + "1\n")


OTHERS = {
    "UTF-16 with a mark": (
        "a,b\n1,2\n".encode("utf-16"),
        "a.csv: expected CSV text in UTF-8; got UTF-16 data. The bytes look like UTF-16, in which "
        'they read "a,b": convert the file, as `iconv -f UTF-16 -t UTF-8` does.',
    ),
    "UTF-16 without one": (
        "a,b\n1,2\n".encode("utf-16-be"),
        "a.csv: expected CSV text in UTF-8; got UTF-16 data. The bytes look like UTF-16, in which "
        'they read "a,b": convert the file, as `iconv -f UTF-16BE -t UTF-8` does.',
    ),
    "a header in Latin-1": (
        "größe,label\n1,2\n".encode("latin-1"),
        "a.csv:1: the header is not UTF-8 text: 'utf-8' codec can't decode byte 0xf6 in position "
        '2: invalid start byte. The bytes look like Latin-1, in which they read "größe,label": '
        "convert the file, as `iconv -f ISO-8859-1 -t UTF-8` does.",
    ),
    "a zip": (
        b"PK\x03\x04" + bytes(4),
        "a.csv: expected CSV text in UTF-8, plain or compressed with gzip or bzip2; got zip (or "
        "Excel) data. Convert the file.",
    ),
}


@pytest.mark.parametrize("case", OTHERS)
def test_other_files(case: str, tmp_path: Path) -> None:
    data, message = OTHERS[case]
    assert error_of(tmp_path, data) == message


def test_json_lines(tmp_path: Path) -> None:
    message = error_of(tmp_path, '{"a": 1, "b": 2}\n{"a": 3, "b": 4}\n')
    assert message == (
        "a.csv: expected CSV or Parquet; got JSON lines. Convert the file, as "
        '`pandas.read_json("a.csv", lines=True).to_csv("a.csv.csv", index=False)` does.'
    )


def test_brackets_without_end_are_no_json(tmp_path: Path) -> None:
    with pytest.raises(DataError):
        inferred(tmp_path, '{"a":' * 50_000 + "\n1\n")
