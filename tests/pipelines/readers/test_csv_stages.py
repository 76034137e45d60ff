"""Reading as pipelines do it: globs, several files, the PTransforms."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import apache_beam as beam
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.testing.util import assert_that, equal_to
from helpers.real_data import DATA

from recordmill.pipelines.config.csv_format import CsvFormat
from recordmill.pipelines.config.input import Input
from recordmill.pipelines.readers.csv_stages import ReadCsv, ScanCsv, check_formats, match
from recordmill.pipelines.runtime.elements import InputFile, ScannedFile, TextBatch
from recordmill.schemas.census import CENSUS
from recordmill.schemas.errors import DataError, RecipeError

ADULT = DATA / "census"
needs_data = pytest.mark.skipif(
    not ADULT.is_dir(), reason="the Adult files are not at ../shared/data"
)


def pipeline(**options: Any) -> beam.Pipeline:
    return beam.Pipeline(runner="FnApiRunner", options=PipelineOptions([], **options))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with four files."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "b.csv").write_bytes(b"a,b\n1,2\n\n3,4\n")
    (tmp_path / "a.csv").write_bytes(gzip.compress(b"a,b\n5,6\n"))
    (tmp_path / "c [1].csv").write_bytes(b"a,b\n7\n")
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "d.csv").write_bytes(b"a,b\n")
    return tmp_path


class TestMatch:
    @pytest.mark.parametrize(
        ("pattern", "paths"),
        [
            ("*.csv", ["a.csv", "b.csv", "c [1].csv"]),
            ("[ab].csv", ["a.csv", "b.csv"]),
            ("c [1].csv", ["c [1].csv"]),
            ("./b.csv", ["./b.csv"]),
            ("more/*", ["more/d.csv"]),
            ("**.csv", ["a.csv", "b.csv", "c [1].csv", "more/d.csv"]),
            ("?.csv", ["a.csv", "b.csv"]),
        ],
    )
    def test_patterns(self, folder: Path, pattern: str, paths: list[str]) -> None:
        found = match([Input(None, pattern)])
        assert found == tuple(InputFile(path, None, index) for index, path in enumerate(paths))
        absolute = match([Input(None, f"{folder}/{pattern.removeprefix('./')}")])
        assert [Path(file.path) for file in absolute] == [folder / path for path in paths]

    def test_each_file_comes_once_in_order(self, folder: Path) -> None:
        found = match([Input("train", "b.csv"), Input("eval", "a.csv"), Input("train", "[b].csv")])
        assert found == (InputFile("a.csv", "eval", 0), InputFile("b.csv", "train", 1))

    @pytest.mark.parametrize("pattern", ["*.tsv", "none.csv", "none/*.csv"])
    def test_nothing(self, folder: Path, pattern: str) -> None:
        """Case 23."""
        with pytest.raises(DataError) as caught:
            match([Input("train", "a.csv"), Input("train", pattern)])
        assert str(caught.value) == f'no file matches "{pattern}": expected at least one CSV file'

    def test_a_file_cannot_be_in_two_splits(self, folder: Path) -> None:
        with pytest.raises(RecipeError) as caught:
            match([Input("train", "*.csv"), Input("eval", "b.csv")])
        assert str(caught.value) == (
            'b.csv: one file cannot be read for two splits: "train" and "eval"'
        )

    def test_an_unknown_filesystem(self) -> None:
        with pytest.raises(RecipeError) as caught:
            match([Input(None, "nowhere://bucket/a.csv")])
        assert str(caught.value).startswith("nowhere://bucket/a.csv: ")


class TestInput:
    def test_last_is_a_number_of_days(self) -> None:
        assert Input("train", "{date}.csv", last=1).last == 1
        with pytest.raises(RecipeError) as caught:
            Input("train", "{date}.csv", last=0)
        assert str(caught.value) == "input {date}.csv: last: expected at least 1, got 0"

    def test_a_split_that_cannot_be_called_so(self) -> None:
        with pytest.raises(RecipeError) as caught:
            Input("stats", "a.csv")
        assert str(caught.value) == (
            "input a.csv: split: expected a name that the folder of a dataset does not use "
            'itself; got "stats". Name the split "stats_split", say.'
        )


class TestCheckFormats:
    def test_one_kind_an_input(self, folder: Path) -> None:
        pq.write_table(pa.table({"a": [1]}), "d.csv")
        check_formats([Input("train", "[a-c]*"), Input("eval", "d.csv")])
        with pytest.raises(DataError) as caught:
            check_formats([Input("train", "*.csv")])
        assert str(caught.value) == (
            '"*.csv": expected files of one kind, but d.csv is Parquet and a.csv is not. Name '
            "them apart."
        )


def counted(file: ScannedFile) -> tuple[str, str | None, int, int, int]:
    byte_ranges = len(file.byte_ranges)
    return file.file.path, file.file.split, file.records, file.blank_lines, byte_ranges


def summed(block: TextBatch) -> list[tuple[Any, ...]]:
    rows = zip(block.lines.tolist(), block.batch.to_pylist(), strict=True)
    return [(block.file, line, *row.values()) for line, row in rows] + [
        (block.file, reject.line, reject.reason) for reject in block.rejects
    ]


@pytest.mark.parametrize("block_bytes", [1, 1 << 20])
@pytest.mark.parametrize("workers", [1, 2])
def test_read_csv(folder: Path, block_bytes: int, workers: int) -> None:
    inputs = [Input("train", "[bc]*.csv"), Input("eval", "a.csv"), Input("eval", "more/*")]
    with pipeline(direct_num_workers=workers, direct_running_mode="multi_threading") as p:
        read = p | ReadCsv(inputs, column_names=["a", "b"], block_bytes=block_bytes)
        assert_that(
            read.files | beam.Map(counted),
            equal_to(
                [
                    ("a.csv", "eval", 1, 0, 1),
                    ("b.csv", "train", 2, 1, 2 if block_bytes == 1 else 1),
                    ("c [1].csv", "train", 1, 0, 1),
                    ("more/d.csv", "eval", 0, 0, 0),
                ]
            ),
            label="files",
        )
        assert_that(
            read.blocks | beam.FlatMap(summed),
            equal_to(
                [
                    ("a.csv", 2, "5", "6"),
                    ("b.csv", 2, "1", "2"),
                    ("b.csv", 4, "3", "4"),
                    ("c [1].csv", 2, "too_few_fields"),
                ]
            ),
            label="blocks",
        )


def test_a_bad_file_fails_the_run_by_name(folder: Path) -> None:
    """Case 21."""
    (folder / "b.csv").write_bytes(b"b,a\n1,2\n")
    expected = r"b\.csv:1: the header does not name .* another order"
    with pytest.raises(DataError, match=expected), pipeline() as p:
        p | ReadCsv([Input(None, "*.csv")], column_names=["a", "b"])


def test_a_pattern_without_files_fails_before_the_run(folder: Path) -> None:
    with pytest.raises(DataError, match='no file matches "x"'):
        beam.Pipeline() | ScanCsv([Input(None, "x")], column_names=["a"])


def test_bad_block_bytes() -> None:
    with pytest.raises(RecipeError) as caught:
        ScanCsv([Input(None, "x")], column_names=["a"], block_bytes=0)
    assert str(caught.value) == "block_bytes: expected at least 1, got 0"


@needs_data
def test_adult() -> None:
    """Case 22."""
    inputs = [Input("train", f"{ADULT}/adult.data"), Input("eval", f"{ADULT}/adult.test")]
    with pipeline() as p:
        read = p | ReadCsv(
            inputs,
            column_names=CENSUS.names,
            csv_format=CsvFormat(header=False, comment="|"),
            block_bytes=300_000,
        )
        rows = (
            read.blocks
            | beam.Map(lambda block: (block.split, block.batch.num_rows))
            | beam.CombinePerKey(sum)
        )
        assert_that(rows, equal_to([("train", 32_561), ("eval", 16_281)]), label="rows")
        counts = read.files | beam.Map(lambda file: (file.file.split, file.records))
        assert_that(counts, equal_to([("train", 32_561), ("eval", 16_281)]), label="files")
