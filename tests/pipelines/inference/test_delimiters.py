"""Separators that split a text of one column into several."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recordmill.pipelines.inference.delimiters import find_other_delimiter

CASES = {
    "x y label\n1 2.5 no\n3 1.5 yes\n": ("runs of blanks", 3),
    "x    y  label\n1  2.5     no\n": ("runs of blanks", 3),
    "age:color:bought\n46:blue:yes\n29:blue:no\n": ('":"', 3),
    "1::1193::5::978300760\n1::661::3::978302109\n": ('"::"', 4),
    "a||b\n1||2\n": ('"||"', 2),
    "a^b\n1^2\n": ('"^"', 2),
    "a~b\n1~2\n": ('"~"', 2),
    "a\x01b\n1\x012\n": ("the character U+0001", 2),
    "a\x1fb\n1\x1f2\n": ("the character U+001F", 2),
}


@pytest.mark.parametrize("text", CASES)
def test_a_delimiter(text: str, tmp_path: Path) -> None:
    delimiter = find_other_delimiter(text, complete=True)
    assert delimiter is not None and (delimiter.name, delimiter.fields) == CASES[text]
    (tmp_path / "in").write_text(text)
    shell = f"{delimiter.command} < in"
    out = subprocess.run(shell, shell=True, cwd=tmp_path, check=True, capture_output=True).stdout
    assert {line.count(b",") for line in out.splitlines()} == {delimiter.fields - 1}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "name\nx\ny\n",
        "7\n8\n9\n",
        "text\nhello you\na longer line of words\nx\n",
        "when\n2026-01-01 10:00:00\n2026-01-02 11:30:00\n",
        "clock\n10:00\n11:30\n",
        "when\n2026-01-01T10:00:00+02:00\n2026-01-02T11:30:00Z\n",
        "link\nhttps://a.org/x\nhttps://b.org/y\n",
    ],
)
def test_one_column_it_is(text: str) -> None:
    assert find_other_delimiter(text, complete=True) is None


def test_the_last_line_of_a_text_that_goes_on_is_cut() -> None:
    text = "a:b\n1:2\n3"
    delimiter = find_other_delimiter(text, complete=False)
    assert delimiter is not None and (delimiter.lines, delimiter.among) == (2, 2)


def test_in_words() -> None:
    delimiter = find_other_delimiter("a b\n1,5 2\n\x1b[2J y\n", complete=True)
    assert str(delimiter) == (
        'Split at runs of blanks, 3 of the first 3 lines have 2 fields, such as " [2J", "y": '
        "rewrite the file with one of the supported delimiters, as `tr -s ' \\t' '\\t'` does."
    )


@given(st.text(max_size=200))
def test_any_text(text: str) -> None:
    for complete in (True, False):
        delimiter = find_other_delimiter(text, complete=complete)
        assert delimiter is None or (
            delimiter.fields > 1 and delimiter.lines >= 0.9 * delimiter.among
        )
