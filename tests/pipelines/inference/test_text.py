"""The text of a recipe from what was decided; `test_infer` decides it too."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from recordmill.pipelines.config.csv_format import CsvFormat
from recordmill.pipelines.inference.text import recipe_text
from recordmill.schemas.inference.proposal import ColumnProposal, Feature

AGE = ColumnProposal("number", "int64", ("a number",), (Feature("", ("z_score",)),))
LABEL = ColumnProposal(
    "category", "string", ("the label",), (Feature("", ("label_ids",)),), role="label"
)


def text_of(columns: dict[str, ColumnProposal], **options: Any) -> str:
    options = {
        "patterns": ["data/a.b.csv"],
        "csv_format": CsvFormat(header=True),
        "csv_reasons": (),
        "records": 100,
        "rejected": {},
    } | options
    patterns = options.pop("patterns")
    return recipe_text(patterns, names=list(columns), choices=[*columns.values()], **options)


def test_columns_features_and_inputs() -> None:
    recipe = yaml.safe_load(
        text_of({"age": AGE, "pay": LABEL}, patterns=["data/a.b.csv", "gs://x/*.csv"])
    )
    assert recipe == {
        "name": "a",
        "inputs": [{"files": "data/a.b.csv"}, {"files": "gs://x/*.csv"}],
        "csv": {"header": True},
        "columns": {"age": {"type": "int64"}, "pay": {"type": "string", "role": "label"}},
        "transforms": {"age": "z_score", "pay": "label_ids"},
        "filters": ["`pay` is not missing"],
        "split": {"ratios": {"train": 0.9, "eval": 0.1}},
    }


@pytest.mark.parametrize(
    ("pattern", "name"),
    [("My data (1).csv", "My_data__1"), ("x/*.csv", "data"), (".csv", "data"), ("é-1", "é-1")],
)
def test_the_name_of_the_dataset(pattern: str, name: str) -> None:
    assert yaml.safe_load(text_of({"age": AGE}, patterns=[pattern]))["name"] == name


def test_several_features_of_a_column_have_names_of_their_own() -> None:
    both = ColumnProposal(
        "number",
        "float32",
        (),
        (Feature("", ("log", "z_score")), Feature("_missing", ("missing_indicator",))),
    )
    recipe = yaml.safe_load(text_of({"x": both, "x_missing": AGE}))
    assert recipe["transforms"] == {
        "x": ["log", "z_score"],
        "x_missing_": {"of": "x", "steps": "missing_indicator"},
        "x_missing": "z_score",
    }


def test_steps_with_arguments_and_what_a_column_has() -> None:
    column = ColumnProposal(
        "category",
        "string",
        (),
        (Feature("", ({"hash_buckets": {"num_buckets": 64}},)),),
        missing=("?",),
        domain=("a", "no"),
        spelling=(("A", "a"),),
        bad_value="missing",
        role="label",
        required=True,
    )
    recipe = yaml.safe_load(text_of({"x": column}))
    assert recipe["columns"]["x"] == {
        "type": "string",
        "role": "label",
        "missing": ["?"],
        "domain": ["a", "no"],
        "spelling": {"A": "a"},
        "required": True,
        "bad_value": "missing",
    }
    assert recipe["transforms"]["x"] == {"hash_buckets": {"num_buckets": 64}}
    assert "filters" not in recipe


def test_names_that_yaml_would_read_otherwise() -> None:
    names = ["no", "1", "a: b", "- x", "é\n#", "\u2028"]
    recipe = yaml.safe_load(text_of(dict.fromkeys(names, AGE)))
    assert list(recipe["columns"]) == names
    assert list(recipe["transforms"]) == names


def test_reasons_stand_above_and_cannot_end_their_comment() -> None:
    text = text_of(
        {"age": ColumnProposal("number", "int64", ("it has\nname: evil", "x" * 300))},
        csv_reasons=("why",),
        left_out=[("list", "it has lists")],
        csv_format=CsvFormat(header=False, delimiter=";"),
    )
    assert "  # it has name: evil\n" in text
    assert '# why\n# left out: "list": it has lists\ncsv: {header: false, delimiter: ;}\n' in text
    assert yaml.safe_load(text)["name"] == "a"


def test_records_that_a_run_rejects() -> None:
    few = text_of({"pay": LABEL}, rejected={"nul_byte": 1}, records=1000)
    assert "# 1 record (0.1 %) cannot be read as rows, and a run rejects them: nul_byte 1.\n" in few
    assert "No label was found" not in few and "mend the files" not in few
    many = text_of({"age": AGE}, rejected={"nul_byte": 1, "field_too_long": 2})
    unwrapped = many.replace("\n#   ", " ")
    assert "# No label was found: name it with `recordmill init --label NAME`.\n" in unwrapped
    assert (
        "# 3 records (3 %) cannot be read as rows, and a run rejects them: field_too_long 2, "
        "nul_byte 1.\n# That is more than the 1 % that a run accepts: mend the files, or set "
        "max_reject_ratio.\n"
    ) in unwrapped
