"""Files into blocks of text, whatever their columns; `test_examine` looks at the blocks."""

from __future__ import annotations

import gzip
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from recordmill.pipelines.config.csv_format import CsvFormat
from recordmill.pipelines.runtime.elements import InputFile, TextBatch
from recordmill.pipelines.validation.files import Portion, blocks, is_json_lines, names_of, portions
from recordmill.schemas.errors import DataError

HEADER = CsvFormat(header=True)
EXPECTED = ("age", "home city")


def file(folder: Path, data: str | bytes, name: str = "a.csv") -> InputFile:
    (folder / name).write_bytes(data if isinstance(data, bytes) else data.encode())
    return InputFile(str(folder / name), None, 0)


def named(
    folder: Path, data: str | bytes, csv_format: CsvFormat = HEADER, name: str = "a.csv"
) -> Portion:
    return names_of(file(folder, data, name), EXPECTED, csv_format)


def blocks_of(whole: Portion, csv_format: CsvFormat = HEADER) -> list[TextBatch]:
    return [
        block
        for portion in (whole, *portions(whole, csv_format))
        for block in blocks(portion, csv_format)
    ]


class TestNames:
    def test_those_of_the_header(self, tmp_path: Path) -> None:
        text = "\n# comment\n zip ,,age\n1,2,3\n"
        whole = named(tmp_path, text, CsvFormat(header=True, comment="#"))
        assert whole.names == whole.columns == ("zip", "column_2", "age")

    def test_without_a_header_they_go_by_place(self, tmp_path: Path) -> None:
        assert named(tmp_path, "1\n", CsvFormat(header=False)).names == ("age",)
        assert named(tmp_path, "1,2,3,4\n", CsvFormat(header=False)).names == (
            "age",
            "home city",
            "column 3",
            "column 4",
        )

    def test_of_parquet(self, tmp_path: Path) -> None:
        pq.write_table(pa.table({"age": [1], "zip": ["x"]}), tmp_path / "a.parquet")
        whole = names_of(InputFile(f"{tmp_path}/a.parquet", None, 0), EXPECTED, HEADER)
        assert whole.names == ("age", "zip")
        (block,) = blocks_of(whole)
        assert block.batch.to_pylist() == [{"age": "1", "zip": "x"}]

    def test_compressed(self, tmp_path: Path) -> None:
        assert named(tmp_path, gzip.compress(b"\xef\xbb\xbfage\n1\n")).names == ("age",)

    @pytest.mark.parametrize("data", ["\n\n", b"\xff\n"])
    def test_what_the_scan_tells_of_has_those_that_are_expected(
        self, data: str | bytes, tmp_path: Path
    ) -> None:
        assert named(tmp_path, data).names == EXPECTED

    def test_a_name_that_stands_there_twice(self, tmp_path: Path) -> None:
        with pytest.raises(DataError) as error:
            named(tmp_path, "a,b,a\n1,2,3\n")
        assert str(error.value) == f'{tmp_path}/a.csv: the header names "a" 2 times'

    def test_requests_name_columns_as_a_signature_does(self, tmp_path: Path) -> None:
        source = file(tmp_path, "home_city,age\nRome,3\n")
        whole = names_of(source, EXPECTED, HEADER, requests=True)
        assert (whole.names, whole.columns) == (("home_city", "age"), ("home city", "age"))
        (block,) = blocks_of(whole)
        assert block.batch.to_pylist() == [{"home city": "Rome", "age": "3"}]

    def test_two_names_of_one_column(self, tmp_path: Path) -> None:
        source = file(tmp_path, "home_city,home city\nRome,Oslo\n")
        with pytest.raises(DataError, match=r"a\.csv: the header: "):
            names_of(source, EXPECTED, HEADER, requests=True)


def test_json_lines_go_by_their_name() -> None:
    names = ["a.jsonl", "A.NDJSON", "a.jsonl.gz", "a.json", "jsonl.csv"]
    assert [is_json_lines(name) for name in names] == [True, True, True, False, False]


class TestJsonLines:
    def blocks(self, folder: Path, data: str | bytes, name: str = "a.jsonl") -> list[TextBatch]:
        whole = named(folder, data, name=name)
        assert (whole.names, whole.columns, [*portions(whole, HEADER)]) == (None, (), [])
        return blocks_of(whole)

    def test_each_line_names_its_own_columns(self, tmp_path: Path) -> None:
        text = '{"age": 3, "zip": null}\n\n{"home_city": "Rome", "zip": [1, 2]}\n'
        (block,) = self.blocks(tmp_path, text)
        assert block.batch.to_pylist() == [
            {"age": "3", "zip": None, "home city": None},
            {"age": None, "zip": "[1, 2]", "home city": "Rome"},
        ]
        assert block.lines.tolist() == [1, 3]
        assert block.raw(1) == '{"home_city": "Rome", "zip": [1, 2]}\n'

    @pytest.mark.parametrize(
        ("line", "reason", "message"),
        [
            ("[1]", "not_json", "expected a JSON object, got another value"),
            ("{", "not_json", "expected a JSON object, got text that is no JSON: "),
            (b"\xff", "not_json", "expected a JSON object, got text that is no JSON: "),
            ('{"a": 1, "a": 2}', "bad_names", 'expected the field "a" once; leave the others out'),
            ('{"home_city": 1, "home city": 2}', "bad_names", ""),
        ],
    )
    def test_lines_that_are_no_rows(
        self, line: str | bytes, reason: str, message: str, tmp_path: Path
    ) -> None:
        data = line if isinstance(line, bytes) else line.encode()
        (block,) = self.blocks(tmp_path, b'{"age": 1}\n' + data + b"\n")
        (reject,) = block.rejects
        assert (reject.line, reject.reason, block.records) == (2, reason, 2)
        assert reject.message.startswith(message)

    def test_compressed_and_in_half_a_surrogate_pair(self, tmp_path: Path) -> None:
        data = gzip.compress(b'{"age": "\\ud800", "\\udc00": true}')
        (block,) = self.blocks(tmp_path, data, "a.jsonl.gz")
        assert block.batch.to_pylist() == [{"age": "\\ud800", "\\udc00": "true"}]

    def test_many_lines_are_several_blocks(self, tmp_path: Path) -> None:
        found = self.blocks(tmp_path, '{"age": 1}\n' * ((1 << 15) + 5))
        assert [block.records for block in found] == [1 << 15, 5]
        assert [block.position for block in found] == [(0, 0), (0, 1)]
        assert found[1].lines.tolist()[0] == (1 << 15) + 1


def test_a_whole_file_of_csv_has_no_blocks_of_its_own(tmp_path: Path) -> None:
    whole = named(tmp_path, "age,zip\n1,2\n")
    assert list(blocks(whole, HEADER)) == []
    (portion,) = portions(whole, HEADER)
    (block,) = blocks(portion, HEADER)
    assert block.batch.to_pylist() == [{"age": "1", "zip": "2"}]
