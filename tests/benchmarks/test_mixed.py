import csv
from pathlib import Path

import pytest

from benchmarks import mixed


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return mixed.mixed(tmp_path_factory.mktemp("mixed"), rows=5_500, columns=22)


def test_a_column_of_each_kind_and_a_label(table: Path) -> None:
    with table.open(newline="") as file:
        header, first, *rest = csv.reader(file)

    assert len(rest) == 5_499
    assert {len(row) for row in rest} == {22}
    assert header[0] == "number_000" and header[-2:] == ["number_020", "label"]
    assert len({name.rsplit("_", 1)[0] for name in header[:-1]}) == 20
    columns = dict(zip(header, zip(first, *rest, strict=True), strict=True))
    assert set(columns["label"]) == {"0", "1"}
    assert set(columns["category_of_3_007"]) == {"token-00000", "token-00001", "token-00002"}
    assert columns["row_number_018"] == tuple(str(index) for index in range(1, 5_501))
    assert len(set(columns["key_019"])) == 5_500
    assert 0.07 < columns["number_with_missing_001"].count("NA") / 5_500 < 0.09
    assert 0.07 < columns["category_with_missing_009"].count("") / 5_500 < 0.09


def test_the_same_bytes_and_the_first_rows_of_more(table: Path, tmp_path: Path) -> None:
    again = mixed.mixed(tmp_path, rows=5_500, columns=22)
    fewer = mixed.mixed(tmp_path, rows=5_000, columns=22)

    assert again.read_bytes() == table.read_bytes()
    assert table.read_bytes().startswith(fewer.read_bytes())


def test_an_existing_file_is_used(tmp_path: Path) -> None:
    path = mixed.mixed(tmp_path, rows=10, columns=2)
    path.write_text("kept")

    assert mixed.mixed(tmp_path, rows=10, columns=2).read_text() == "kept"
    assert [file.name for file in tmp_path.iterdir()] == [path.name]
