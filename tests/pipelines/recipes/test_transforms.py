"""Values and transforms of a recipe; `test_file` and `test_errors` read complete recipes."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import TypeAdapter

from recordmill.pipelines.recipes.transforms import FEATURES, VALUES, ValueSource, declared, sources
from recordmill.schemas import Column, ImageSchema, Schema
from recordmill.transforms.recipe.declared import Step, TensorDefinition

TABLE = Schema(
    (
        Column("age", "int64"),
        Column("city", "string", domain=("Rome", "Oslo")),
        Column("note", "string", role="unused"),
        Column("pay", "string", domain=("low", "high"), role="label"),
    )
)
LABEL = TensorDefinition("pay", ("pay",), (Step("label_ids", {"classes": ("low", "high")}),))


def read(
    transforms: dict[str, Any], values: dict[str, Any] | None = None, **options: Any
) -> tuple[tuple[TensorDefinition, ...], dict[tuple[int | str, ...], str]]:
    """Return the definitions, values first, and the problems."""
    written = TypeAdapter(VALUES).validate_python(values or {})
    schema = options.pop("schema", TABLE)
    features = TypeAdapter(FEATURES).validate_python(transforms)
    function, problems = declared(schema, written, features, **options)
    return (*function.values, *function.features), problems


def problems_of(transforms: dict[str, Any], values: dict[str, Any] | None = None) -> Any:
    return read(transforms, values)[1]


class TestSources:
    def test_columns_of_a_table(self) -> None:
        usable = sources(TABLE)
        assert usable["age"] == ValueSource((), "int64")
        assert usable["city"] == ValueSource(("Rome", "Oslo"), "string")
        assert usable["note"].problem == 'the column has the role "unused" and is no input'

    def test_tensors_of_images(self) -> None:
        further = (Column("age", "int64"),)
        labelled = sources(ImageSchema("classification", ("cat", "dog"), further=further))
        assert list(labelled) == ["image", "label", "age"]
        assert labelled["label"].classes == ("cat", "dog")
        boxes = sources(ImageSchema("detection", ("cat", "dog")))
        assert list(boxes) == ["image", "boxes", "box_labels"]
        assert boxes["box_labels"].classes == ("cat", "dog")


class TestMade:
    def test_a_feature_is_of_its_own_name_and_the_label_is_made_by_itself(self) -> None:
        definitions, problems = read({"age": "z_score"})
        assert problems == {}
        assert definitions == (TensorDefinition("age", ("age",), (Step("z_score"),)), LABEL)

    def test_a_label_that_is_written_is_made_as_it_says(self) -> None:
        definitions, _ = read({"pay": {"label_ids": {"classes": ["high", "low"]}}})
        assert definitions == (
            TensorDefinition("pay", ("pay",), (Step("label_ids", {"classes": ("high", "low")}),)),
        )

    def test_vocabularies_are_named_after_the_feature(self) -> None:
        steps = ["vocabulary_ids", {"one_hot": {"depth": 3}}]
        definitions, problems = read(
            {"city": steps, "town/1": {"of": "city", "steps": "vocabulary_ids"}}
        )
        assert problems == {}
        assert definitions[0].steps[0] == Step("vocabulary_ids", {"vocab_filename": "city"})
        assert definitions[1].steps[0] == Step("vocabulary_ids")

    def test_classes_come_from_the_domain(self) -> None:
        definitions, problems = read({"city": "label_ids"})
        assert problems == {}
        assert definitions[0].steps == (Step("label_ids", {"classes": ("Rome", "Oslo")}),)

    def test_the_time_zone_of_steps_that_name_none(self) -> None:
        step = {"date_part": {"part": "month"}}
        definitions, _ = read({"city": step}, time_zone="Europe/Rome")
        assert definitions[0].steps[0].arguments == {"part": "month", "time_zone": "Europe/Rome"}

    def test_values_stand_before_features(self) -> None:
        definitions, problems = read(
            {"x": {"of": "twice", "steps": "z_score"}}, {"twice": {"expression": "age * 2"}}
        )
        assert problems == {}
        assert definitions[:2] == (
            TensorDefinition("twice", (), (), "age * 2"),
            TensorDefinition("x", ("twice",), (Step("z_score"),)),
        )


@pytest.mark.parametrize(
    ("transforms", "values", "location", "message"),
    [
        ({"agee": "z_score"}, {}, ("of", 0), 'no column or value "agee"; did you mean "age"?'),
        ({"xyz": []}, {}, ("of", 0), 'no column or value "xyz"; there are age, city, pay'),
        (
            {"note": []},
            {},
            ("of", 0),
            '"note": the column has the role "unused" and is no input',
        ),
        (
            {"city": "z_score"},
            {},
            ("steps", 0),
            "z_score: expected a column of int64 or float32 or float64, got one of string",
        ),
        (
            {"x": {"of": ["age", "city"], "steps": "z_score"}},
            {},
            ("steps", 0),
            "z_score: expected 1 in `of` or from the step before, got 2",
        ),
        (
            {"city": {"cross": {"num_buckets": 9}}},
            {},
            ("steps", 0),
            "cross: expected 2 or more in `of` or from the step before, got 1",
        ),
        (
            {"x": {"of": ["age", "city"]}},
            {},
            ("of",),
            "expected a step that takes 2 columns, got none",
        ),
        (
            {"city": {"label_ids": {"classes": ["Rome"]}}},
            {},
            ("steps", 0),
            'label_ids: no class for "Oslo", which the domain has',
        ),
        (
            {"x": {"of": "age", "steps": "label_ids"}},
            {},
            ("steps", 0),
            "label_ids: no classes: give them here, or give the column a domain",
        ),
    ],
)
def test_what_is_wrong(
    transforms: dict[str, Any], values: dict[str, Any], location: tuple[Any, ...], message: str
) -> None:
    (name,) = transforms
    assert problems_of(transforms, values) == {("transforms", name, *location): message}


def test_what_is_wrong_with_values() -> None:
    values = {
        "late": {"of": "later"},
        "later": {"expression": "age + wages"},
        "city": {"of": "age"},
        "both": {"of": "age", "expression": "age"},
    }
    problems = problems_of({"age": "z_score"}, values)
    assert problems[("values", "late", "of", 0)] == (
        'the value "later" is made further down, or of itself; put it above'
    )
    assert problems[("values", "later", "expression")].startswith('no column "wages"; ')
    assert problems[("values", "city")] == "a column has this name; give the value one of its own"
    assert problems[("values", "both", "expression")] == "expected either this or `of`, got both"
    assert len(problems) == 4


def test_what_is_made_of_a_broken_value_is_not_told_of_again() -> None:
    transforms = {"x": {"of": "broken", "steps": "z_score"}}
    assert read(transforms, broken={"broken"})[1] == {}
