"""What is said of files that were not understood, from counts alone; see also `test_summary`."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from recordmill.pipelines.config.csv_format import CsvFormat
from recordmill.pipelines.inference.checks import check_understood, rejected_records
from recordmill.pipelines.inference.delimiters import find_other_delimiter
from recordmill.pipelines.inference.sniff import Dialect
from recordmill.pipelines.inference.table import InferredTable
from recordmill.pipelines.runtime.elements import Reject
from recordmill.schemas import DataError

TWO = Dialect(CsvFormat(header=True), ("age", "city"), ())
ONE = replace(TWO, names=("x y",))


def table(records: int, rejected: dict[str, int], dialect: Dialect = TWO) -> InferredTable:
    rejects = [
        Reject("a.csv", line, None, reason, f"{reason}!", "raw")
        for line, reason in enumerate(rejected, 3)
    ]
    columns: list[Any] = []
    return InferredTable("a.csv", dialect, columns, records, Counter(rejected), rejects)


def test_nine_rows_of_ten_are_understood() -> None:
    check_understood(table(10, {"nul_byte": 1}), single_column=False)
    check_understood(table(0, {}), single_column=False)


def test_fewer_are_not() -> None:
    with pytest.raises(DataError) as error:
        check_understood(table(10, {"too_few_fields": 2}), single_column=False)
    assert str(error.value) == (
        "a.csv: understood 8 of 10 records, less than 90 %. 2 records (20 %) cannot be read as "
        "rows, and a run rejects them: too_few_fields 2, such as a.csv:3: too_few_fields!. Is "
        "another character the delimiter, or are several tables in one file?"
    )


def test_one_column() -> None:
    check_understood(table(3, {}, ONE), single_column=True)
    with pytest.raises(DataError) as error:
        check_understood(table(3, {}, ONE), single_column=False)
    assert str(error.value).startswith(
        'a.csv: understood one column, "x y", in 3 rows; expected several, to predict one from the '
        "others. No delimiter splits it"
    )


def test_one_column_that_another_delimiter_cuts() -> None:
    other = find_other_delimiter("x y\n1 2\n3 4\n", complete=True)
    assert other is not None
    with pytest.raises(DataError, match="expected several") as error:
        check_understood(table(3, {}, replace(ONE, other=other)), single_column=True)
    assert str(error.value).endswith(str(other))


def test_columns_of_parquet_that_were_left_out() -> None:
    dialect = replace(ONE, left_out=(("list", "it has lists"), ("map", "it has maps")))
    with pytest.raises(DataError) as error:
        check_understood(table(3, {}, dialect), single_column=False)
    assert str(error.value).endswith('Left out: "list": it has lists; "map": it has maps.')


def test_the_most_common_reason_is_shown() -> None:
    assert rejected_records(table(100, {"nul_byte": 1, "field_too_long": 4})) == [
        "5 records (5 %) cannot be read as rows, and a run rejects them: field_too_long 4, "
        "nul_byte 1, such as a.csv:4: field_too_long!.",
        "Is a closing quote missing?",
    ]
    assert rejected_records(table(100, {})) == []
