"""`recordmill run` in this process; `test_cli` starts the program."""

from __future__ import annotations

from pathlib import Path

import pytest

from recordmill.runners.cli import main

RECIPE_FILE = Path(__file__).parents[1] / "helpers" / "small_recipe.py"


def test_run_warns_of_small_splits(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = "".join(f"{age},1.75,Rome,{label}\n" for age in range(20) for label in ("no", "yes"))
    (tmp_path / "train.csv").write_text("age,height,city,label\n" + rows)
    (tmp_path / "eval.csv").write_text("age,height,city,label\n7,1.75,Rome,no\n")
    inputs = [f"--input={split}={tmp_path}/{split}.csv" for split in ("train", "eval")]
    output = str(tmp_path / "out")
    assert main(["run", f"{RECIPE_FILE}:SMALL", "--output", output, *inputs]) == 0
    err = capsys.readouterr().err
    assert [line for line in err.splitlines() if "warning" in line] == [
        "recordmill: warning: eval has 1 row, and numbers measured on less than 30 say little",
        'recordmill: warning: eval has no row of the class "yes"',
    ]


def test_run_ends_where_a_split_is_empty(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "rows.csv").write_text("age,height,city,label\n" + "7,1.75,Rome,no\n" * 50)
    words = ["--output", str(tmp_path / "out"), "--input", str(tmp_path / "rows.csv")]
    assert main(["run", f"{RECIPE_FILE}:SMALL", *words]) == 1
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith(
        "recordmill: train got no row: content decides the split, and all 50 rows went to eval; "
        "they have only 1 different content, and equal ones stay together. "
    )
    assert not (tmp_path / "out").exists()


def test_a_folder_of_pictures_is_no_input_for_boxes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["sample", "planes", str(tmp_path / "in")]) == 0
    capsys.readouterr()
    pictures, output = f"{tmp_path}/in/train/images", tmp_path / "out"
    words = ["run", "planes", "--input", f"train={pictures}", "--output", str(output)]
    assert main(words) == 1
    err = capsys.readouterr().err
    assert "recordmill: read: " not in err
    assert err.endswith(
        f'recordmill: train: none of the 12 files of "{pictures}" has a box, and the recipe is for '
        "detection: expected annotations with boxes, got pictures only. There are "
        "annotations of these images; give\n"
        f"  --input 'train={tmp_path}/in/train/annotations/*.xml'  (Pascal VOC)\n"
        "If images without any box are intended, set images: {allow_no_boxes: true}. "
        "Nothing was published.\n"
    )
    assert not output.exists()
