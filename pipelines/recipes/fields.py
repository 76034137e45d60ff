"""The keys of a recipe file: what each takes, derived from `Recipe` and what it is made of."""

from __future__ import annotations

import os
from dataclasses import MISSING, fields, is_dataclass, replace
from functools import cache, partial
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    PlainValidator,
    TypeAdapter,
    ValidationInfo,
    WithJsonSchema,
)

from ...schemas.column import Column
from ...schemas.errors import RecipeError
from ...schemas.images import ImageSchema
from ...schemas.schema import Schema
from ...transforms import augment
from ...transforms._ops.time_zones import time_zone
from ..config.expect import Expect
from ..config.input import Input
from ..config.recipe import Recipe
from ..config.reshape import Reshape, Table
from ..runtime.filesystem import is_remote, join
from .packaged import SAMPLES
from .pydantic_models import (
    Parts,
    Shorthand,
    Text,
    build,
    built,
    chosen,
    described,
    given,
    model,
    one_or_more,
    parts_of,
    refused,
)
from .transforms import FEATURES, VALUES

__all__ = ["OUTPUT", "as_they_are", "json_schema", "recipe_type"]

OUTPUT = ("target_shard_mb", "shards", "compression")
"""The fields of `Recipe` that stand under `output`."""

_OTHERWISE = {"name", "schema", "preprocessing_fn", "filters", "sample", "inputs", *OUTPUT}
"""The fields of `Recipe` that are written in another way than as they are."""

_FILTERS = "Conditions such as age >= 18; rows for which one of them is not true are left out."


def as_they_are() -> set[str]:
    """The fields of `Recipe` that are keys of the same name and shape."""
    return {one.name for one in fields(Recipe)} - _OTHERWISE


@cache
def json_schema() -> dict[str, Any]:
    """The JSON Schema of a recipe file, for editors: completion, help and checks while typing."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **recipe_type().json_schema(),
        "title": "recordmill recipe",
    }


def _function(place: Any, info: ValidationInfo) -> Any:
    if not isinstance(place, str):
        raise refused({(): 'expected "package.module:function" or "file.py:function"'})
    try:
        return info.context["load"](place)  # type: ignore[index]
    except RecipeError as error:
        raise refused({(): str(error)}) from error


def _in_folder(path: str, info: ValidationInfo) -> str:
    folder = info.context["folder"]  # type: ignore[index]
    as_it_is = not path or not folder or is_remote(path) or os.path.isabs(path)
    return path if as_it_is else join(folder, path)


def _zone(name: str) -> str:
    try:
        time_zone(name)
    except RecipeError as error:
        raise refused({(): str(error)}) from error
    return name


_FUNCTION: Any = Annotated[Any, PlainValidator(_function), WithJsonSchema({"type": "string"})]
_PATH: Any = Annotated[Text, AfterValidator(_in_folder)]


def _input(one: BaseModel) -> Input:
    said = given(one)
    make = partial(Input, pattern=said.pop("files"))
    return build(make, {"split": None, **said})  # type: ignore[no-any-return]


def _column(said: BaseModel) -> Column:
    """A column, but for its name: that is the key it stands under."""
    return build(partial(Column, name="x"), given(said))  # type: ignore[no-any-return]


def _named(columns: dict[str, Column]) -> Schema:
    if "" in columns:
        raise refused({("",): "expected the name of a column, got an empty one"})
    named = tuple(replace(column, name=name) for name, column in columns.items())
    return build(Schema, {"columns": named})  # type: ignore[no-any-return]


def _operations() -> dict[str, type]:
    """The operations of augmentation, by name."""
    public = {name: getattr(augment, name) for name in augment.__all__}
    return {
        name: one
        for name, one in public.items()
        if is_dataclass(one) and isinstance(one, type) and issubclass(one, augment.Operation)
    }


@cache
def recipe_type() -> TypeAdapter[Any]:
    """The pydantic type of a whole file.

    It is validated with a context: `folder`, which paths are relative to, and `load`, which gives
    the function at a place.
    """
    columns = _columns()
    operations = {name: built(one) for name, one in _operations().items()}
    special = {
        augment.Operation: chosen(operations, lambda _, made: made, title="augmentation"),
        Reshape: _reshape(columns),
        Expect: _expect(),
    }
    texts = described(Recipe, "Attributes")
    parts: Parts = {
        "name": (Text, None, "The dataset's name; that of the file where it is not given."),
        "sample": (
            Literal[tuple(SAMPLES)],
            None,
            "The built-in recipe whose small sample is read where no input is given.",
        ),
        "columns": (columns, None, "The columns of a table, in the order of the file."),
        "image": (_image(columns), None, "What is known of each image, instead of columns."),
        "values": (VALUES, None, "Tensors that features are made of, but that are not written."),
        "transforms": (FEATURES, None, "How each feature is made."),
        "time_zone": (
            Annotated[Text, AfterValidator(_zone)],
            None,
            "The zone of dates and times in transforms: UTC, +02:00 or Europe/Berlin, say.",
        ),
        "preprocessing_fn": (_FUNCTION, None, texts["preprocessing_fn"]),
        "filters": (one_or_more(Text), None, _FILTERS),
        "output": (_output(), None, "How the records are written."),
        "inputs": (_inputs(), None, texts["inputs"]),
    }
    direct = parts_of(Recipe, special=special, omit=_OTHERWISE, names={"Expect": Expect})
    return TypeAdapter(model("recipe", {**parts, **direct}))


def _columns() -> Any:
    said = model("Column", parts_of(Column, omit=("name",)))
    column: Any = Annotated[said, AfterValidator(_column)]
    return Annotated[dict[str, column], AfterValidator(_named)]


def _output() -> Any:
    omit = {one.name for one in fields(Recipe)} - set(OUTPUT)
    parts = parts_of(Recipe, omit=omit, names={"Expect": Expect})
    return Annotated[model("Output", parts), AfterValidator(given)]


def _image(columns: Any) -> Any:
    parts = parts_of(ImageSchema, omit=("further",))
    further = (columns, None, described(ImageSchema, "Attributes")["further"])

    def made(one: BaseModel) -> Any:
        said = given(one)
        columns = said.pop("columns", ())
        return build(ImageSchema, {**said, "further": tuple(columns)})

    return Annotated[model("Image", {**parts, "columns": further}), AfterValidator(made)]


def _inputs() -> Any:
    texts = described(Input, "Attributes")
    parts = {
        **parts_of(Input, omit=("pattern",)),
        "files": (_PATH, MISSING, texts["pattern"]),
        "split": (Text, None, texts["split"]),
    }
    shorter = Shorthand(
        lambda value: {"files": value} if isinstance(value, str) else value,
        lambda longer: longer["properties"]["files"],
    )
    said = model("Input", parts)
    return one_or_more(Annotated[said, AfterValidator(_input), shorter])


def _reshape(columns: Any) -> Any:
    """The type of `Reshape`, whose schemas are written as columns."""
    texts = described(Table, "Attributes")
    parts: Parts = {
        **parts_of(Table, omit=("schema", "inputs")),
        "columns": (columns, MISSING, texts["schema"]),
        "inputs": (_inputs(), MISSING, texts["inputs"]),
    }
    table: Any = Annotated[model("Table", parts), AfterValidator(partial(_of_columns, Table))]
    texts = described(Reshape, "Attributes")
    parts = {
        "function": (_FUNCTION, MISSING, texts["function"]),
        "columns": (columns, None, texts["schema"]),
        "tables": (dict[str, table], None, texts["tables"]),
    }
    return Annotated[model("Reshape", parts), AfterValidator(partial(_of_columns, Reshape))]


def _of_columns(cls: type, one: BaseModel) -> Any:
    said = given(one)
    return build(cls, {"schema" if key == "columns" else key: said[key] for key in said})


def _expect() -> Any:
    """The type of `Expect`, two of whose texts are paths."""
    parts = dict(parts_of(Expect))
    for key in ("schema", "previous"):
        _, default, text = parts[key]
        parts[key] = (_PATH, default, text)
    return Annotated[model("Expect", parts), AfterValidator(lambda one: build(Expect, given(one)))]
