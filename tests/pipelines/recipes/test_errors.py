"""Problems of a recipe: line, path, value, expectation, nearest name."""

from __future__ import annotations

import pytest

from recordmill.pipelines.recipes.file import recipe_of_text
from recordmill.schemas import RecipeError

TABLE = """\
columns:
  age: {type: int64, minimum: 0}
  city: {type: string}
  fnlwgt: {type: int64, role: weight}
  income: {type: string, role: label, domain: [low, high]}
"""
GOOD = TABLE + "transforms: {age: z_score}\n"


def report(text: str) -> str:
    with pytest.raises(RecipeError) as error:
        recipe_of_text(text, name="people", folder="/nowhere", source="r.yaml")
    return str(error.value)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("  a: {tpye: int64}", 'columns.a.tpye: no such key; did you mean "type"?'),
        ("  a: {}", 'columns.a: "type" is missing'),
        ("  a: [int64]", 'columns.a: expected keys and values, got ["int64"]'),
        (
            "  a: {type: int}",
            'columns.a.type: expected "int64", "float32" or "string", got "int"; '
            'did you mean "int64"?',
        ),
        ("  a: {type: int64, minimum: low}", 'columns.a.minimum: expected a number, got "low"'),
        ("  a: {type: int64, minimum: 012}", 'columns.a.minimum: expected a number, got "012"'),
        ("  a: {type: int64, minimum: no}", "columns.a.minimum: expected a number, got false"),
        (
            "  a: {type: int64, minimum: 2, maximum: 1}",
            "columns.a: minimum 2 is above maximum 1",
        ),
        (
            '  a: {type: string, missing: "?"}',
            'columns.a.missing: expected a list, such as [a, b], got "?"',
        ),
        (
            "  a: {type: string, missing: [[x]]}",
            'columns.a.missing[0]: expected text, got ["x"]',
        ),
        (
            "  a: {type: string, missing: [~]}",
            "columns.a.missing[0]: expected text, got nothing",
        ),
        ("  a: {type: string, required: 1}", "columns.a.required: expected true or false, got 1"),
        ('  "": {type: string}', "columns.: expected the name of a column, got an empty one"),
    ],
)
def test_columns(line: str, message: str) -> None:
    assert report(f"columns:\n{line}\ntransforms: {{a: as_is}}\n") == f"r.yaml:2: {message}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "income: {label_ids: [low]}",
            'transforms.income: label_ids: no class for "high", which the domain has',
        ),
        ("age: zscore", 'transforms.age: no operation "zscore"; did you mean "z_score"?'),
        (
            "age: [{impute: {stategy: mean}}]",
            'transforms.age[0].impute.stategy: no argument "stategy"; did you mean "strategy"?',
        ),
        (
            "age: {impute: {strategy: meen}}",
            'transforms.age.impute.strategy: expected "mean", "median" or "constant", got "meen"; '
            'did you mean "mean"?',
        ),
        ("age: {z_score: {x: 1}}", 'transforms.age.z_score.x: no argument "x"; it takes none'),
        ("city: hash_buckets", 'transforms.city: hash_buckets: "num_buckets" is missing'),
        (
            "city: {hash_buckets: x}",
            'transforms.city.hash_buckets: expected a whole number, got "x"',
        ),
        (
            "image: {of: city, steps: {resized: [1]}}",
            "transforms.image.steps.resized: expected 2 items, got [1]",
        ),
        (
            "age: {log: , z_score: }",
            "transforms.age: expected one operation, got z_score, log: several are a "
            "list, each with -",
        ),
        ("age: {of: agee}", 'transforms.age.of: no column or value "agee"; did you mean "age"?'),
        ("age: {off: age, steps: log}", 'transforms.age.off: no such key; did you mean "of"?'),
        (
            "age: {of: fnlwgt}",
            'transforms.age.of: "fnlwgt": the column has the role "weight" and is no input',
        ),
        ("x: z_score", 'transforms.x: no column or value "x"; there are age, city, income'),
        (
            "city: z_score",
            "transforms.city: z_score: expected a column of int64 or float32 or float64, "
            "got one of string",
        ),
        ("x: {of: [age, city]}", "transforms.x.of: expected a step that takes 2 columns, got none"),
        (
            "x: {of: [age, city], steps: log}",
            "transforms.x.steps: log: expected 1 in `of` or from the step before, got 2",
        ),
        (
            "city: label_ids",
            "transforms.city: label_ids: no classes: give them here, or give the column a domain",
        ),
    ],
)
def test_transforms(text: str, message: str) -> None:
    assert report(f"{TABLE}transforms:\n  {text}\n") == f"r.yaml:7: {message}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("filter: []", 'filter: no such key; did you mean "filters"?'),
        ("seed: many", 'seed: expected a whole number, got "many"'),
        ("seed: -1", "seed: expected an integer in [0, 2^63), got -1"),
        ("sampling: 3", "sampling: expected (0, 1], got 3"),
        (
            "csv: {delimiter: ab}",
            "csv.delimiter: expected one ASCII character that ends no line, got 'ab'",
        ),
        ("output: {compression: gzip}", 'output.compression: expected "" or "GZIP", got "gzip"'),
        ("output: {target_shard_mb: 0}", "output.target_shard_mb: expected at least 1, got 0"),
        ("split: {ratios: {a: 0.5}}", "split: expected split ratios that sum to 1, got 0.5 = 0.5"),
        (
            "split: {columns: [aeg]}",
            'split.columns[0]: no column "aeg" in the schema; did you mean "age"?',
        ),
        (
            "sample: cencus",
            'sample: expected "census", "housing", "hotdog" or "planes", got "cencus"; '
            'did you mean "census"?',
        ),
        ("inputs: [{split: train}]", 'inputs[0]: "files" is missing'),
        ("inputs: [{files: a, last: 0}]", "inputs[0].last: expected at least 1, got 0"),
        ("inputs: [{files: gs://a/b, last: 0}]", "inputs[0].last: expected at least 1, got 0"),
        ("images: {}", "images: the schema is one of a table; give an ImageSchema"),
        (
            "image: {kind: detection, classes: [a]}",
            "image: expected either this or columns, got both",
        ),
        (
            "preprocessing_fn: a.py:f",
            "preprocessing_fn: expected either this or transforms, got both\n  r.yaml:7: "
            "preprocessing_fn: no file /nowhere/a.py",
        ),
        ("values: {age: log}", "values.age: a column has this name; give the value one of its own"),
        (
            "values: {a: {of: b}, b: {of: age}}",
            'values.a.of: the value "b" is made further down, or of itself; put it above',
        ),
        (
            "values: {a: {of: age, expression: age}}",
            "values.a.expression: expected either this or `of`, got both",
        ),
        (
            "values: {a: {expression: agee + 1}}",
            'values.a.expression: no column "agee"; did you mean "age"?\n  agee + 1\n  ^^^^',
        ),
        (
            "filters: [agee > 1]",
            'filters[0]: no column "agee"; did you mean "age"?\n  agee > 1\n  ^^^^',
        ),
    ],
)
def test_other_keys(text: str, message: str) -> None:
    problem = report(f"{GOOD}{text}\n").removeprefix("r.yaml: 2 problems:\n  ")
    assert problem == f"r.yaml:7: {message}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("tiling: {size: 3, stride: 4}", "tiling: expected a stride from 1 to the size 3, got 4"),
        ("quality: 0", "quality: expected [1, 100], got 0"),
        (
            "augmentation: {operations: []}",
            "augmentation.operations: expected a tuple of at least one operation, such "
            "as (RandomFlip(),), got ()",
        ),
        (
            "augmentation: {operations: [RandomFlop]}",
            'augmentation.operations[0]: no augmentation "RandomFlop"; did you mean "RandomFlip"?',
        ),
        (
            "augmentation: {operations: [RandomHue]}",
            'augmentation.operations[0]: RandomHue: "delta" is missing',
        ),
        (
            "augmentation: {operations: [{RandomHue: {delta: 3}}]}",
            "augmentation.operations[0].RandomHue.delta: expected a number from 0 to 0.5, got 3",
        ),
    ],
)
def test_images(text: str, message: str) -> None:
    image = "image: {kind: detection, classes: [a]}\ntransforms: {image: decoded}\n"
    assert report(f"{image}images: {{{text}}}\n") == f"r.yaml:3: images.{message}"


def test_all_in_one_report_in_the_order_of_the_file() -> None:
    assert report(
        """\
columns:
  age: {tpye: int64}
  city: {type: string, domain: [a, a]}
  income: {type: string, role: label}
transforms:
  age: z_score
  city: vocabulary
  other: {of: citty}
seed: x
sampling: 2
max_reject_ratio: 2
"""
    ) == "\n  ".join(
        [
            "r.yaml: 6 problems:",
            'r.yaml:2: columns.age.tpye: no such key; did you mean "type"?',
            'r.yaml:3: columns.city: domain has "a" 2 times',
            'r.yaml:7: transforms.city: no operation "vocabulary"; did you mean "vocabulary_ids"?',
            'r.yaml:9: seed: expected a whole number, got "x"',
            "r.yaml:10: sampling: expected (0, 1], got 2",
            "r.yaml:11: max_reject_ratio: expected [0, 1], got 2",
        ]
    )


def test_a_long_report_ends() -> None:
    lines = "".join(f"  c{index}: {{type: int}}\n" for index in range(100))
    lines_shown = report(f"columns:\n{lines}transforms: {{}}\n").splitlines()
    assert (len(lines_shown), lines_shown[0], lines_shown[-1]) == (
        52,
        "r.yaml: 100 problems:",
        "  and 50 more",
    )
