"""A recipe file becomes a `Recipe`, or a report of all its problems."""

from __future__ import annotations

import time
from dataclasses import fields
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pytest

from recordmill.pipelines.config.csv_format import CsvFormat
from recordmill.pipelines.config.image_format import ImageFormat
from recordmill.pipelines.config.image_limits import ImageLimits
from recordmill.pipelines.config.images import Images
from recordmill.pipelines.config.input import Input
from recordmill.pipelines.config.recipe import Recipe
from recordmill.pipelines.config.splitting import Splitting
from recordmill.pipelines.recipes.file import json_schema, read_recipe, recipe_of_text
from recordmill.schemas import Column, ImageSchema, RecipeError, Schema
from recordmill.transforms.augment import Augmentation, RandomCrop, RandomFlip, RandomHue
from recordmill.transforms.recipe.declared import Declared, Step, TensorDefinition
from recordmill.transforms.tiles import Tiling

TABLE = """\
columns:
  age: {type: int64, minimum: 0}
  city: {type: string}
  income: {type: string, role: label, domain: [low, high]}
"""
IMAGE = "image: {kind: detection, classes: [cat, dog]}\ntransforms: {image: decoded}\n"


def recipe(text: str, folder: str = "") -> Recipe:
    return recipe_of_text(text, name="people", folder=folder)


def problems(text: str) -> list[str]:
    with pytest.raises(RecipeError) as error:
        recipe(text)
    first, *others = str(error.value).split("\n  ")
    assert not others or first == f"recipe.yaml: {len(others)} problems:"
    return others or [first]


def definitions(text: str) -> tuple[TensorDefinition, ...]:
    function = recipe(TABLE + text).preprocessing_fn
    assert isinstance(function, Declared)
    return (*function.values, *function.features)


LABEL = TensorDefinition("income", ("income",), (Step("label_ids", {"classes": ("low", "high")}),))


FOLK = """\
name: folk
inputs:
  - {split: train, files: data/a.csv}
  - {split: eval, files: "gs://bucket/{date}/*.csv", last: 7}
  - {split: eval, files: /data/c.csv}
csv: {header: no, delimiter: ";", quote: "'", comment: "#", max_field_bytes: 99}
columns:
  age: {type: int64, minimum: 17, maximum: 90, unit: years, doc: Of the person., bad_value: clip}
  city:
    type: string
    missing: ["?", NA, no, -999, 1.50]
    spelling: {Roma: Rome, on: Norway}
    domain: [Rome, Norway]
  zip: {type: string, role: unused, shape: []}
  income: {type: float32, role: label, required: true}
preprocessing_fn: mine.py:fn
split: {ratios: {train: 0.9, eval: 0.1}, columns: [zip]}
filters: age >= 18
sampling: 0.5
distinct: true
max_reject_ratio: 0
seed: 7
statistics: false
sample: census
output: {target_shard_mb: 1, shards: {train: 4}, compression: GZIP}
"""


def test_every_option_of_a_table(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("def fn(inputs):\n    return inputs\n")
    folk = recipe(FOLK, str(tmp_path))
    assert folk.schema == Schema(
        (
            Column("age", "int64", "Of the person.", "years", (), 17, 90, bad_value="clip"),
            Column(
                "city",
                "string",
                missing=("?", "NA", "no", "-999", "1.50"),
                spelling=(("Roma", "Rome"), ("on", "Norway")),
                domain=("Rome", "Norway"),
            ),
            Column("zip", "string", role="unused"),
            Column("income", "float32", role="label", required=True),
        )
    )
    assert folk.inputs == (
        Input("train", f"{tmp_path}/data/a.csv"),
        Input("eval", "gs://bucket/{date}/*.csv", 7),
        Input("eval", "/data/c.csv"),
    )
    assert folk.csv == CsvFormat(
        header=False, delimiter=";", quote="'", comment="#", max_field_bytes=99
    )
    assert folk.split == Splitting({"train": 0.9, "eval": 0.1}, ("zip",))
    assert folk.preprocessing_fn({"a": 1}) == {"a": 1}
    assert len(folk.filters) == 1 and isinstance(folk.filters[0], pc.Expression)
    plain = {
        "name": "folk",
        "sampling": 0.5,
        "distinct": True,
        "max_reject_ratio": 0,
        "seed": 7,
        "statistics": False,
        "target_shard_mb": 1,
        "shards": {"train": 4},
        "compression": "GZIP",
    }
    assert {name: getattr(folk, name) for name in plain} == plain


PETS = """\
image: {kind: detection, classes: [cat, dog], columns: {depth: {type: float32}}}
images:
  format: {root: ../x, path_column: p, label_column: l, group_column: g, further: [depth],
           box: cxcywh, units: relative, frame: upright}
  limits: {max_bytes: 5, max_pixels: 6}
  near_duplicates: drop
  tiling: {size: 64, stride: 32, scales: [1, 0.5]}
  min_visible: 0.3
  empty_tiles: 0
  augmentation:
    operations: [RandomFlip, {RandomCrop: {scale: [0.5, 1]}}, {RandomHue: {delta: 0.1}}]
    copies: 3
  storage: raw
  quality: 80
  max_clipped_ratio: 0.2
  max_tiny_ratio: 0.3
  allow_no_boxes: true
transforms:
  image: decoded
  boxes: as_is
  classes: {of: box_labels, steps: {class_ids: {first: 1}}}
  depth: z_score
"""


def test_every_option_of_images() -> None:
    pets = recipe(PETS)
    assert pets.schema == ImageSchema("detection", ("cat", "dog"), (Column("depth", "float32"),))
    assert pets.images == Images(
        format=ImageFormat(
            root="../x",
            path_column="p",
            label_column="l",
            group_column="g",
            further=("depth",),
            box="cxcywh",
            units="relative",
            frame="upright",
        ),
        limits=ImageLimits(5, 6),
        near_duplicates="drop",
        tiling=Tiling(64, 32, (1, 0.5)),
        min_visible=0.3,
        empty_tiles=0,
        augmentation=Augmentation(
            (RandomFlip(), RandomCrop(scale=(0.5, 1)), RandomHue(0.1)), copies=3
        ),
        storage="raw",
        quality=80,
        max_clipped_ratio=0.2,
        max_tiny_ratio=0.3,
        allow_no_boxes=True,
    )
    assert pets.preprocessing_fn == Declared(
        (Column("depth", "float32"),),
        (),
        (
            TensorDefinition("image", ("image",), (Step("decoded"),)),
            TensorDefinition("boxes", ("boxes",), (Step("as_is"),)),
            TensorDefinition(
                "classes",
                ("box_labels",),
                (Step("class_ids", {"classes": ("cat", "dog"), "first": 1}),),
            ),
            TensorDefinition("depth", ("depth",), (Step("z_score"),)),
        ),
    )


def test_no_field_of_a_recipe_is_forgotten() -> None:
    keys = json_schema()["properties"]
    named = {"schema": "columns", **dict.fromkeys(("target_shard_mb", "shards"), "output")}
    for field in fields(Recipe):
        assert named.get(field.name, field.name) in {*keys, "compression"}, field.name
    assert set(keys["output"]["anyOf"][0]) == {"$ref"}


def test_without_a_name_it_has_that_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "folk.yaml").write_text("﻿" + TABLE + "transforms: {age: z_score}\ninputs: a.csv")
    folk = read_recipe(str(tmp_path / "folk.yaml"))
    assert folk.name == "folk"
    assert folk.inputs == (Input(None, f"{tmp_path}/a.csv"),)


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ("z_score", (Step("z_score"),)),
        ("{z_score: }", (Step("z_score"),)),
        ("{z_score: {}}", (Step("z_score"),)),
        ("{steps: z_score}", (Step("z_score"),)),
        ("[log, z_score]", (Step("log"), Step("z_score"))),
        ("{of: age, steps: [log, z_score]}", (Step("log"), Step("z_score"))),
        ("{bucketize_by_quantiles: 4}", (Step("bucketize_by_quantiles", {"num_buckets": 4}),)),
        (
            "{bucketize_by_boundaries: [1, 2.5]}",
            (Step("bucketize_by_boundaries", {"boundaries": (1, 2.5)}),),
        ),
        (
            "{impute: {strategy: constant, fill_value: 3}}",
            (Step("impute", {"strategy": "constant", "fill_value": 3}),),
        ),
        (
            "{vocabulary_ids: {top_k: 9}}",
            (Step("vocabulary_ids", {"vocab_filename": "age", "top_k": 9}),),
        ),
        (
            "{vocabulary_ids: {vocab_filename: a}}",
            (Step("vocabulary_ids", {"vocab_filename": "a"}),),
        ),
        ("{fill_missing: 0}", (Step("fill_missing", {"value": 0}),)),
        ("[]", ()),
        ("{}", ()),
    ],
)
def test_ways_to_write_steps(text: str, steps: tuple[Step, ...]) -> None:
    assert definitions(f"transforms: {{age: {text}}}") == (
        TensorDefinition("age", ("age",), steps),
        LABEL,
    )


def test_values_and_what_is_made_of_several() -> None:
    text = """
values:
  known: {of: city, steps: {fill_missing: "?"}}
  old: {expression: "age >= 65"}
transforms:
  income: {label_ids: {classes: [high, low]}}
  both: {of: [known, old], steps: {cross: 100}}
"""
    assert definitions(text) == (
        TensorDefinition("known", ("city",), (Step("fill_missing", {"value": "?"}),)),
        TensorDefinition("old", expression="age >= 65"),
        TensorDefinition("income", ("income",), (Step("label_ids", {"classes": ("high", "low")}),)),
        TensorDefinition("both", ("known", "old"), (Step("cross", {"num_buckets": 100}),)),
    )


def test_a_label_that_is_a_number_is_passed_on() -> None:
    built = recipe(
        "columns: {a: {type: int64}, y: {type: float32, role: label}}\ntransforms: {a: z_score}"
    )
    assert built.preprocessing_fn.features[-1] == TensorDefinition("y", ("y",))  # type: ignore[attr-defined]


def test_a_name_that_is_no_file_name_names_no_vocabulary() -> None:
    (definition, _) = definitions("transforms: {../../x: {of: city, steps: vocabulary_ids}}")
    assert definition.steps == (Step("vocabulary_ids"),)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("- 3", "1: expected keys and values, got [3]"),
        ("", "1: expected keys and values, got nothing"),
        ("{}", None),
        (TABLE + "transforms: {}", "5: transforms: expected at least one feature, got none"),
    ],
)
def test_what_is_hardly_a_recipe(text: str, problem: str | None) -> None:
    text = text.replace(", role: label", "").replace(", domain: [low, high]", "")
    expected = (
        [f"recipe.yaml:{problem}"]
        if problem
        else [
            "recipe.yaml:1: expected columns, of a table, or image; got neither",
            "recipe.yaml:1: expected transforms, or a preprocessing_fn; got neither",
        ]
    )
    assert problems(text) == expected


@pytest.mark.parametrize("size", [1_000_000])
def test_a_recipe_of_a_megabyte(size: int) -> None:
    line = "  column_{}: {{type: int64, doc: {}}}\n"
    count = size // 1000
    text = "columns:\n" + "".join(line.format(index, "x" * 960) for index in range(count))
    began = time.monotonic()
    wide = recipe(f"{text}transforms: {{column_0: z_score}}")
    assert len(text) > size * 0.98 and len(wide.schema.names) == count
    assert time.monotonic() - began < 10


def test_there_is_no_file(tmp_path: Path) -> None:
    path = str(tmp_path / "none.yaml")
    with pytest.raises(RecipeError, match=f"^no recipe {path}: "):
        read_recipe(path)
    (tmp_path / "image.yaml").write_bytes(b"\x89PNG\xff")
    with pytest.raises(RecipeError, match=r"image\.yaml: expected a recipe in UTF-8"):
        read_recipe(str(tmp_path / "image.yaml"))


def test_the_data_of_a_recipe_is_json(tmp_path: Path) -> None:
    declared = recipe(TABLE + "transforms: {age: {bucketize_by_boundaries: [1, 2]}}")
    function: Any = declared.resolved()["preprocessing_fn"]
    assert function["values"] == []
    assert function["features"][0] == {
        "name": "age",
        "of": ["age"],
        "steps": [{"op": "bucketize_by_boundaries", "arguments": {"boundaries": [1, 2]}}],
        "expression": "",
    }


def test_an_empty_name() -> None:
    text = TABLE + "transforms: {age: z_score}\nname: ''\n"
    assert problems(text) == ["recipe.yaml:6: name: expected a name, got an empty one"]


@pytest.mark.parametrize(
    ("text", "location", "name"),
    [
        ("split: {ratios: {train: .7, .scratch: .3}}", "split.ratios", ".scratch"),
        ("inputs: [{files: a.csv, split: 'my split'}]", "inputs[0].split", "my split"),
        ("inputs:\n  - files: a.csv\n    split: 'a:b'", "inputs[0].split", "a:b"),
    ],
)
def test_a_split_that_cannot_be_called_so(text: str, location: str, name: str) -> None:
    (problem,) = problems(f"{TABLE}transforms: {{age: z_score}}\n{text}\n")
    line = 6 + text.count("\n")
    assert problem.startswith(f"recipe.yaml:{line}: {location}: expected a name of letters a to z ")
    assert f'; got "{name}". Name the split ' in problem
