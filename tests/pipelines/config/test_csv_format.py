from __future__ import annotations

import io

import pyarrow.csv
import pytest

from recordmill.pipelines.config.csv_format import MAX_RECORD_BYTES, CsvFormat
from recordmill.schemas.errors import RecipeError


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"delimiter": ""},
            "CSV format: delimiter: expected one ASCII character that ends no line, got ''",
        ),
        (
            {"delimiter": "é"},
            "CSV format: delimiter: expected one ASCII character that ends no line, got 'é'",
        ),
        (
            {"quote": "''"},
            "CSV format: quote: expected one ASCII character that ends no line, got \"''\"",
        ),
        (
            {"comment": "\n"},
            "CSV format: comment: expected one ASCII character that ends no line, got '\\n'",
        ),
        (
            {"delimiter": ";", "comment": ";"},
            "CSV format: one character has two meanings: delimiter ';', quote '\"', comment ';'",
        ),
        (
            {"max_field_bytes": 0},
            f"CSV format: max_field_bytes: expected 1 to {MAX_RECORD_BYTES}, got 0",
        ),
    ],
)
def test_bad_formats(options: dict[str, str], message: str) -> None:
    with pytest.raises(RecipeError) as caught:
        CsvFormat(**options)  # type: ignore[arg-type]
    assert str(caught.value) == message


def test_quote_and_comment_may_both_be_none() -> None:
    assert CsvFormat(quote="", comment="").delimiter == ","


@pytest.mark.parametrize(
    ("csv_format", "text", "row"),
    [
        (CsvFormat(), 'a,b\n"1,\n2",x\n', {"a": "1,\n2", "b": "x"}),
        (CsvFormat(delimiter=";", quote="'"), "a;b\n'1;2';\"x\"\n", {"a": "1;2", "b": '"x"'}),
        (CsvFormat(quote=""), 'a,b\n"1,2"\n', {"a": '"1', "b": '2"'}),
    ],
)
def test_the_same_for_pyarrow(csv_format: CsvFormat, text: str, row: dict[str, str]) -> None:
    options = csv_format.parse_options()
    table = pyarrow.csv.read_csv(io.BytesIO(text.encode()), parse_options=options)
    assert table.to_pylist() == [row]
