import json
from pathlib import Path

from benchmarks import data


def write_sample(folder: Path) -> None:
    folder.mkdir()
    (folder / "adult.data").write_text("1, a\n2, b\n\n")
    (folder / "adult.test").write_text("|1x3 Cross validator\n3, c.\n\n")


def test_the_published_files_are_taken_as_they_are(tmp_path: Path) -> None:
    write_sample(tmp_path / "real")

    files, real = data.adult(tmp_path / "real", tmp_path / "sample", tmp_path)

    assert real
    assert files == {
        "train": tmp_path / "real" / "adult.data",
        "eval": tmp_path / "real" / "adult.test",
    }


def test_without_them_the_sample_is_repeated_to_as_many_rows(tmp_path: Path) -> None:
    write_sample(tmp_path / "sample")

    files, real = data.adult(tmp_path / "absent", tmp_path / "sample", tmp_path)

    assert not real
    train, evaluation = (files[split].read_text().splitlines() for split in ("train", "eval"))
    assert train[:3] == ["1, a", "2, b", "1, a"]
    assert len(train) == 32_561
    assert evaluation[:2] == ["|1x3 Cross validator", "3, c."]
    assert len(evaluation) == 1 + 16_281


def test_copies_have_no_blank_lines(tmp_path: Path) -> None:
    write_sample(tmp_path / "sample")

    path = data.copies(tmp_path / "sample" / "adult.data", 3, tmp_path)

    assert path.read_text() == "1, a\n2, b\n" * 3


def test_the_wide_table(tmp_path: Path) -> None:
    lines = data.wide(tmp_path, rows=50)["train"].read_text().splitlines()

    assert len(lines) == 1 + 50
    assert {line.count(",") for line in lines} == {149}
    assert lines[0].startswith("number_00,number_01,") and lines[0].endswith(",category_49")


def test_requests_are_raw_and_without_the_label(tmp_path: Path) -> None:
    row = "25, Private, 1, 11th, 7, Single, ?, Own-child, Black, Male, 0, 0, 40, Peru, <=50K.\n"
    (tmp_path / "adult.test").write_text(f"|1x3 Cross validator\n{row * 3}\n")

    path = data.requests(tmp_path / "adult.test", 2, tmp_path)

    first, second = map(json.loads, path.read_text().splitlines())
    assert first == second
    assert (first["age"], first["workclass"], first["occupation"]) == (25, " Private", " ?")
    assert (len(first), first["native-country"], "income" in first) == (14, " Peru", False)
