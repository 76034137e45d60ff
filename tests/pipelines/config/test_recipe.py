from __future__ import annotations

import hashlib
import inspect
import json
from dataclasses import fields, replace
from typing import Any

import pyarrow.compute as pc
import pytest
from helpers.small_images import PETS, TILED
from helpers.small_recipe import SMALL, preprocessing_fn

from recordmill.pipelines import Images, Recipe
from recordmill.schemas import RecipeError


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": ""}, "recipe : name: expected a name, got an empty one"),
        (
            {"images": Images()},
            "recipe small: images: the schema is one of a table; give an ImageSchema",
        ),
        ({"sampling": 0.0}, "recipe small: sampling: expected (0, 1], got 0.0"),
        ({"sampling": float("nan")}, "recipe small: sampling: expected (0, 1], got nan"),
        ({"max_reject_ratio": 1.5}, "recipe small: max_reject_ratio: expected [0, 1], got 1.5"),
        ({"seed": -1}, "recipe small: seed: expected an integer in [0, 2^63), got -1"),
        ({"seed": 2**63}, f"recipe small: seed: expected an integer in [0, 2^63), got {2**63}"),
        ({"target_shard_mb": 0}, "recipe small: target_shard_mb: expected at least 1, got 0"),
        (
            {"shards": {"train": 2, "eval": 0}},
            "recipe small: shards: expected at least 1 each, got {'train': 2, 'eval': 0}",
        ),
        ({"compression": "ZIP"}, 'recipe small: compression: expected "" or "GZIP", got "ZIP"'),
    ],
)
def test_what_it_refuses(change: dict[str, Any], message: str) -> None:
    with pytest.raises(RecipeError) as error:
        replace(SMALL, **change)
    assert str(error.value) == message


def test_it_is_json_with_all_its_fields() -> None:
    recipe = replace(SMALL, filters=(pc.field("age") >= 18,), shards={"train": 3})
    resolved = recipe.resolved()
    assert json.loads(json.dumps(resolved)) == resolved
    assert list(resolved) == [field.name for field in fields(Recipe)]
    assert resolved["schema"] == SMALL.schema.to_pbtxt()
    assert resolved["filters"] == ["(age >= 18)"]
    assert (resolved["shards"], resolved["split"]["ratios"]) == (
        {"train": 3},
        {"train": 0.75, "eval": 0.25},
    )


def test_functions_are_told_by_name_and_source() -> None:
    source = inspect.getsource(preprocessing_fn)
    assert SMALL.resolved()["preprocessing_fn"] == {
        "function": "helpers.small_recipe:preprocessing_fn",
        "sha256": hashlib.sha256(source.encode()).hexdigest(),
    }


def test_functions_without_a_source() -> None:
    made: Any = eval("lambda inputs: inputs")
    assert replace(SMALL, preprocessing_fn=made).resolved()["preprocessing_fn"] == {
        "function": f"{__name__}:<lambda>"
    }


def test_images_tell_of_tiles_and_copies() -> None:
    images = TILED.resolved()["images"]
    assert images["tiling"] == {"size": 32, "stride": 24, "scales": [1.0]}
    assert images["format"]["root"] == "images"
    assert json.dumps(images)
    assert PETS.resolved()["schema"] == PETS.schema.to_pbtxt()
