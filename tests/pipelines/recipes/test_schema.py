"""JSON Schema for editors: the built-in recipes fit it, and typos do not."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from recordmill.pipelines.recipes.file import json_schema
from recordmill.pipelines.recipes.packaged import SAMPLES, built_in_text
from recordmill.pipelines.recipes.yaml import parse
from recordmill.transforms.recipe.operations import OPS

_TYPES: dict[str, tuple[type, ...]] = {
    "array": (list,),
    "boolean": (bool,),
    "integer": (int,),
    "null": (type(None),),
    "number": (int, float),
    "object": (dict,),
    "string": (str,),
}


def fits(value: Any, schema: Mapping[str, Any]) -> bool:
    """Return whether a value fits a JSON Schema, by the keywords that pydantic writes."""
    if "$ref" in schema:
        return fits(value, json_schema()["$defs"][schema["$ref"].rpartition("/")[2]])
    types = schema.get("type", [])
    kinds = [
        kind for name in ([types] if isinstance(types, str) else types) for kind in _TYPES[name]
    ]
    if kinds and (type(value) not in kinds):
        return False
    size = len(value) if isinstance(value, list | dict) else 0
    least = schema.get("minItems", schema.get("minProperties", 0))
    most = schema.get("maxItems", schema.get("maxProperties", size))
    return (
        ("anyOf" not in schema or any(fits(value, part) for part in schema["anyOf"]))
        and value in schema.get("enum", [value])
        and value == schema.get("const", value)
        and least <= size <= most
        and (not isinstance(value, list) or all(fits(v, schema.get("items", {})) for v in value))
        and (not isinstance(value, dict) or _fits_keys(value, schema))
    )


def _fits_keys(value: Mapping[str, Any], schema: Mapping[str, Any]) -> bool:
    keys, others = schema.get("properties", {}), schema.get("additionalProperties", {})
    return set(schema.get("required", ())) <= set(value) and all(
        fits(part, keys[key]) if key in keys else others is not False and fits(part, others)
        for key, part in value.items()
    )


def is_recipe(text: str) -> bool:
    return fits(parse(text, source="r.yaml").plain(), json_schema())


@pytest.mark.parametrize("name", SAMPLES)
def test_the_built_in_recipes_fit(name: str) -> None:
    assert is_recipe(built_in_text(name))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("type: int64", "tpye: int64"),
        ("type: int64", "type: int"),
        ("minimum: 17", "minimum: low"),
        ("z_score", "zscore"),
        ("num_buckets: 1000", "num_bucket: 1000"),
        ("cross: 1000", "cross: many"),
        ("header: false", "header: 0"),
        ("sample: census", "sample: cencus"),
        ("name: census", "nmae: census"),
    ],
)
def test_a_typo_does_not(old: str, new: str) -> None:
    text = built_in_text("census")
    assert old in text
    assert not is_recipe(text.replace(old, new, 1))


def test_editors_can_complete_and_explain() -> None:
    schema = json_schema()
    assert json.loads(json.dumps(schema)) == schema
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    column = schema["$defs"]["Column"]["properties"]
    assert column["unit"]["description"] == (
        'The unit of a number, such as "years" or "USD"; empty where there is none.'
    )
    image_format = schema["$defs"]["ImageFormat"]["properties"]
    assert {"enum": ["xywh", "xyxy", "cxcywh"], "type": "string"} in image_format["box"]["anyOf"]
    assert image_format["units"]["default"] == "pixels"
    assert set(schema["$defs"]["operation"]["properties"]) == set(OPS)
    assert schema["$defs"]["min_max"]["properties"]["output_max"]["default"] == 1.0
