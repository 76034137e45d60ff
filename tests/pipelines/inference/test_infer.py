"""A recipe of files that nobody has described."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import random
from pathlib import Path
from typing import Any

import pytest
import yaml
from helpers.real_data import DATA
from hypothesis import given, settings
from hypothesis import strategies as st

from recordmill.pipelines.inference.infer import infer, infer_recipe
from recordmill.pipelines.preparation import prepare
from recordmill.pipelines.recipes.file import recipe_of_text
from recordmill.schemas.errors import DataError, RecipeError

TEXT = "age,city,label\n" + "".join(
    f"{20 + row * 7 % 31},{('Rome', 'Oslo', '?')[row % 3]},{('no', 'yes')[row % 2]}\n"
    for row in range(60)
)

RECIPE = """\
# Written by `recordmill init` from 60 records of 3 columns. Each comment gives the reason for a
#   choice: edit what you know better.
# recordmill run recipe.yaml --output out/my_data
name: my_data
inputs:
- {files: my data.csv}
# 61 of the first 61 records have 3 fields
# a header: in 1 column only the first record is not a number
csv: {header: true}

# The ranges and values seen are comments, not limits: a larger number or a new category tomorrow is
#   ordinary data, and a limit would reject it. Where there is a limit, add minimum, maximum or
#   domain.
columns:
  # 60 of 60 values are whole numbers in [20, 50]; 31 different ones: a number
  age: {type: int64}
  # 2 different ones in 40 values (33.3 % missing: 20 "?"): a category
  # "Oslo" 20, "Rome" 20
  city: {type: string, missing: ['?']}
  # the label, by its name: 2 different ones in 60 values, texts: classes, whose ids are their
  #   places in the domain
  # "no" 30, "yes" 30
  # a label outside the domain is rejected
  label: {type: string, role: label, domain: ['no', 'yes'], required: true}

transforms:
  age: z_score
  city: [{fill_missing: '?'}, vocabulary_ids]
  label: label_ids

# A row's content decides its split, so equal rows are never on both sides.
split: {ratios: {train: 0.9, eval: 0.1}}
"""


def write(folder: Path, text: str | bytes, name: str = "a.csv") -> str:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return str(path)


def test_the_whole_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path, TEXT, "my data.csv")
    assert infer(["my data.csv"]) == RECIPE


def columns_of(text: str) -> dict[str, Any]:
    columns = yaml.safe_load(text)["columns"]
    assert isinstance(columns, dict)
    return columns


@pytest.fixture(scope="module")
def boston() -> str:
    """The real `boston.csv`."""
    path = DATA / "housing" / "boston.csv"
    if not path.is_file():
        pytest.skip(f"the houses of Boston are not at {path}")
    return str(path)


def test_boston(boston: str) -> None:
    text = infer([boston])
    recipe = yaml.safe_load(text)
    assert recipe["columns"]["MEDV"] == {"type": "float32", "role": "label", "required": True}
    assert recipe["transforms"] == {
        **dict.fromkeys(list(recipe["columns"]), "z_score"),
        "CRIM": ["log", "z_score"],
        "CHAS": "vocabulary_ids",
        "RAD": "vocabulary_ids",
        "MEDV": "as_is",
    }
    assert (
        "  # 506 of 506 values are whole numbers in [0, 1]; 2 different ones: a category\n"
        "  CHAS: {type: int64}\n"
    ) in text


def test_the_census(adult: Path) -> None:
    text = infer([str(adult / "adult.data"), str(adult / "adult.test")])
    recipe = yaml.safe_load(text)
    columns = recipe["columns"]
    assert recipe["csv"] == {"header": False, "comment": "|"}
    assert [n for n, column in columns.items() if column.get("missing") == ["?"]] == [
        "column_2",
        "column_7",
        "column_14",
    ]
    assert columns["column_15"]["domain"] == ["<=50K", ">50K"]
    assert columns["column_15"]["spelling"] == {"<=50K.": "<=50K", ">50K.": ">50K"}
    assert recipe["transforms"]["column_11"] == ["log", "z_score"]
    assert recipe_of_text(text, name="x", folder="").name == "adult"


NAME = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1)
NAMES = st.lists(
    (NAME | st.sampled_from(["no", "a: b", "~", "- x", "😀", "x\ny", "#", "'", '"']))
    .map(str.strip)
    .filter(bool)
    .filter(lambda name: not any(map(str.isdigit, name))),  # a number may be no name
    min_size=1,
    max_size=5,
    unique=True,
).filter(lambda names: "known" not in names)


@settings(max_examples=40)
@given(NAMES)
def test_any_names_stand_in_the_yaml(
    tmp_path_factory: pytest.TempPathFactory, names: list[str]
) -> None:
    names = ["known", *names]
    rows = [names, *([str(number)] * len(names) for number in range(9))]
    out = io.StringIO()
    csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(rows)
    path = write(tmp_path_factory.getbasetemp(), out.getvalue(), "names.csv")
    text = infer([path])
    assert list(columns_of(text)) == names
    assert recipe_of_text(text, name="x", folder="").schema.names == tuple(names)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("compress", [bytes, gzip.compress, bz2.compress])
def test_formats_and_compressions(tmp_path: Path, delimiter: str, compress: Any) -> None:
    text = "\ufeff" + TEXT.replace(",", delimiter).replace("\n", "\r\n")
    path = write(tmp_path, compress(text.encode()))
    assert list(columns_of(infer([path]))) == ["age", "city", "label"]


def test_several_files_are_one_table(tmp_path: Path) -> None:
    write(tmp_path, TEXT, "a.csv")
    write(tmp_path, TEXT.replace("Rome", "Lima"), "b.csv")
    text = infer([f"{tmp_path}/*.csv"])
    assert "# 3 different ones in 80 values" in text and "from 120 records" in text
    write(tmp_path, "age,label\n1,no\n", "c.csv")
    with pytest.raises(DataError, match=r"c\.csv:1: the header does not .*: missing city; "):
        infer([f"{tmp_path}/*.csv"])


BAD = {
    "1 truncated gz": (gzip.compress(TEXT.encode())[:60], "the gzip data ends too soon"),
    "2 truncated bz2": (bz2.compress(TEXT.encode())[:60], "the bzip2 data ends too soon"),
    "12 unclosed quote": (TEXT + '1,"Rome,yes\n' + TEXT, "a.csv:62: the quote that opens here"),
    "16 zero bytes": ("", "the file is empty (0 bytes)"),
    "UTF-16": (TEXT.encode("utf-16"), "got UTF-16 data"),
    "nothing in it": ("a,b\n,NA\n,NA\n", "a.csv: no column has a value"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_files_are_the_errors_of_a_run(case: str, tmp_path: Path) -> None:
    data, message = BAD[case]
    with pytest.raises(DataError) as error:
        infer([write(tmp_path, data)])
    assert message in str(error.value)


def test_a_glob_that_matches_nothing(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no file matches"):
        infer([f"{tmp_path}/*.csv"])


def test_records_that_are_no_rows_are_told(tmp_path: Path) -> None:
    text = infer([write(tmp_path, TEXT + "1,2\n1,2,3,4\n3,R\0me,no\n")])
    assert (
        "# 3 records (4.8 %) cannot be read as rows, and a run rejects them: nul_byte 1, "
        "too_few_fields 1,\n"
        "#   too_many_fields 1.\n"
        "# That is more than the 1 % that a run accepts: mend the files, or set max_reject_ratio."
        "\n"
    ) in text


def test_a_header_only(tmp_path: Path) -> None:
    text = infer([write(tmp_path, "a,b\n")])
    assert columns_of(text) == {"a": {"type": "string"}, "b": {"type": "string"}}
    assert "# No label was found: name it with `recordmill init --label NAME`." in text
    assert recipe_of_text(text, name="x", folder="").schema.names == ("a", "b")


def test_one_column_that_would_be_left_out_is_kept(tmp_path: Path) -> None:
    path = write(tmp_path, "id\n" + "".join(f"{number}\n" for number in range(30)))
    text = infer_recipe([path], single_column=True).text
    assert yaml.safe_load(text)["transforms"] == {"id": "z_score"}
    assert "kept all the same, because no other column is left" in text


def test_rows_without_a_label_are_filtered(tmp_path: Path) -> None:
    text = infer([write(tmp_path, TEXT + "30,Rome,\n")])
    assert yaml.safe_load(text)["filters"] == ["`label` is not missing"]
    assert len(recipe_of_text(text, name="x", folder="").filters) == 1


def test_a_label_can_be_chosen(tmp_path: Path) -> None:
    path = write(tmp_path, TEXT)
    assert columns_of(infer([path], label="age"))["age"]["role"] == "label"
    with pytest.raises(RecipeError, match='did you mean "age"'):
        infer([path], label="aged")


def test_a_name_that_a_feature_would_take(tmp_path: Path) -> None:
    rows = "".join(f"2026-11-{day % 28 + 1:02},{day * 7 % 5}\n" for day in range(60))
    transforms = yaml.safe_load(infer([write(tmp_path, "d,d_days\n" + rows)]))["transforms"]
    assert list(transforms) == ["d_days_", "d_year", "d_week", "d_days"]


def hostile(rows: int) -> str:
    """A table with a column of each kind, and cells and names that break what is careless."""
    draw = random.Random(0)
    columns: dict[str, Any] = {
        "id": lambda i: i + 1,
        "uuid": lambda i: f"{draw.getrandbits(128):032x}",
        "empty": lambda i: "",
        "yes_no": lambda i: draw.choice(["yes", "no", ""]),
        "zip": lambda i: f"{draw.randrange(500, 99999):05}",
        "when": lambda i: f"{draw.randrange(1990, 2020)}-02-{draw.randrange(1, 29):02}T10:30:00Z",
        "notes": lambda i: " ".join(draw.choices(["<img", "src=x", "onerror=…>", "a", "the"], k=9)),
        "tags": lambda i: "|".join(draw.sample("abcdefg", draw.randrange(1, 4))),
        "a: b": lambda i: draw.choice(["p", "q\nr", 'say "hi"', "😀"]),
        "no": lambda i: draw.gauss(0, 1),
        "money": lambda i: f"${draw.randrange(10**6):,}",
        "holed": lambda i: draw.choice(["", draw.random(), "NA"]),
        "line\nbreak": lambda i: draw.choice(["only", ""]),
        "1": lambda i: -999 if i % 40 == 0 else draw.randrange(100),
        "target": lambda i: draw.choice(["good", "bad", "None"]),
    }
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(columns)
    writer.writerows([[cell(i) for cell in columns.values()] for i in range(rows)])
    return out.getvalue()


@pytest.mark.slow
def test_what_is_written_runs_as_it_is(tmp_path: Path) -> None:
    text = infer([write(tmp_path, hostile(300), "hostile.csv")])
    recipe = recipe_of_text(text, name="x", folder="")
    manifest = prepare(recipe, output=str(tmp_path / "out"), inputs=recipe.inputs)
    assert {split: ledger.rejected for split, ledger in manifest.ledger.items()} == {
        "train": {},
        "eval": {},
    }
    assert sum(split.records for split in manifest.splits.values()) == 300
    assert manifest.label == "target"
