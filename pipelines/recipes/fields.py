"""Keys of a recipe file and the type of each, derived from `Recipe` and its parts."""

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
    Key,
    ShortForm,
    Text,
    build,
    choice_type,
    dataclass_keys,
    dataclass_type,
    descriptions,
    model,
    one_or_more,
    validation_error,
    values_by_key,
)
from .transforms import FEATURES, VALUES

__all__ = ["OUTPUT", "direct_fields", "json_schema", "recipe_type"]

OUTPUT = ("target_shard_mb", "shards", "compression")
"""Fields of `Recipe` below the key `output`."""

_CONVERTED = {"name", "schema", "preprocessing_fn", "filters", "sample", "inputs", *OUTPUT}
"""Fields of `Recipe` whose key has another name, place or shape."""

_FILTERS = "Conditions such as age >= 18; rows for which one of them is not true are left out."


def direct_fields() -> set[str]:
    """Return the fields of `Recipe` that are top-level keys of the same name and shape."""
    return {field.name for field in fields(Recipe)} - _CONVERTED


@cache
def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of a recipe file; editors use it for completion, help and checks."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **recipe_type().json_schema(),
        "title": "recordmill recipe",
    }


def _load_function(reference: Any, info: ValidationInfo) -> Any:
    if not isinstance(reference, str):
        raise validation_error({(): 'expected "package.module:function" or "file.py:function"'})
    try:
        return info.context["load"](reference)  # type: ignore[index]
    except RecipeError as error:
        raise validation_error({(): str(error)}) from error


def _in_folder(path: str, info: ValidationInfo) -> str:
    folder = info.context["folder"]  # type: ignore[index]
    if not path or not folder or is_remote(path) or os.path.isabs(path):
        return path
    return join(folder, path)


def _checked_time_zone(name: str) -> str:
    try:
        time_zone(name)
    except RecipeError as error:
        raise validation_error({(): str(error)}) from error
    return name


_FUNCTION: Any = Annotated[Any, PlainValidator(_load_function), WithJsonSchema({"type": "string"})]
_PATH: Any = Annotated[Text, AfterValidator(_in_folder)]


def _input(mapping: BaseModel) -> Input:
    values = values_by_key(mapping)
    make = partial(Input, pattern=values.pop("files"))
    return build(make, {"split": None, **values})  # type: ignore[no-any-return]


def _column(mapping: BaseModel) -> Column:
    """Return a column with a provisional name; its key, which is the name, is not known here."""
    return build(partial(Column, name="x"), values_by_key(mapping))  # type: ignore[no-any-return]


def _schema(columns: dict[str, Column]) -> Schema:
    if "" in columns:
        raise validation_error({("",): "expected the name of a column, got an empty one"})
    named = tuple(replace(column, name=name) for name, column in columns.items())
    return build(Schema, {"columns": named})  # type: ignore[no-any-return]


def _operations() -> dict[str, type]:
    """Return the operations of augmentation, by name."""
    public = {name: getattr(augment, name) for name in augment.__all__}
    return {
        name: value
        for name, value in public.items()
        if is_dataclass(value) and isinstance(value, type) and issubclass(value, augment.Operation)
    }


@cache
def recipe_type() -> TypeAdapter[Any]:
    """Return the pydantic type of a whole file.

    Validation needs a context with `folder`, the base of relative paths, and `load`, a function
    from the reference of a user's function to the function.
    """
    columns = _columns_type()
    operations = {name: dataclass_type(cls) for name, cls in _operations().items()}
    special = {
        augment.Operation: choice_type(
            operations, lambda _, operation: operation, title="augmentation"
        ),
        Reshape: _reshape_type(columns),
        Expect: _expect_type(),
    }
    texts = descriptions(Recipe)
    keys = {
        "name": Key(Text, None, "Name of the dataset; without it the name of the file."),
        "sample": Key(
            Literal[tuple(SAMPLES)],
            None,
            "Built-in recipe whose small sample a run without inputs reads.",
        ),
        "columns": Key(columns, None, "Columns of a table, in the order of the file."),
        "image": Key(_image_type(columns), None, "Schema of the images, instead of columns."),
        "values": Key(VALUES, None, "Tensors to compute features from; they are not written."),
        "transforms": Key(FEATURES, None, "Definition of each feature."),
        "time_zone": Key(
            Annotated[Text, AfterValidator(_checked_time_zone)],
            None,
            "Zone of dates and times in transforms, such as UTC, +02:00 or Europe/Berlin.",
        ),
        "preprocessing_fn": Key(_FUNCTION, None, texts["preprocessing_fn"]),
        "filters": Key(one_or_more(Text), None, _FILTERS),
        "output": Key(_output_type(), None, "Number, size and compression of the shards."),
        "inputs": Key(_inputs_type(), None, texts["inputs"]),
    }
    direct = dataclass_keys(Recipe, special=special, omit=_CONVERTED, names={"Expect": Expect})
    return TypeAdapter(model("recipe", {**keys, **direct}))


def _columns_type() -> Any:
    mapping = model("Column", dataclass_keys(Column, omit=("name",)))
    column: Any = Annotated[mapping, AfterValidator(_column)]
    return Annotated[dict[str, column], AfterValidator(_schema)]


def _output_type() -> Any:
    omit = {field.name for field in fields(Recipe)} - set(OUTPUT)
    keys = dataclass_keys(Recipe, omit=omit, names={"Expect": Expect})
    return Annotated[model("Output", keys), AfterValidator(values_by_key)]


def _image_type(columns: Any) -> Any:
    keys = dataclass_keys(ImageSchema, omit=("further",))
    keys["columns"] = Key(columns, None, descriptions(ImageSchema)["further"])

    def image_schema(mapping: BaseModel) -> Any:
        values = values_by_key(mapping)
        further = values.pop("columns", ())
        return build(ImageSchema, {**values, "further": tuple(further)})

    return Annotated[model("Image", keys), AfterValidator(image_schema)]


def _inputs_type() -> Any:
    texts = descriptions(Input)
    keys = {
        **dataclass_keys(Input, omit=("pattern",)),
        "files": Key(_PATH, MISSING, texts["pattern"]),
        "split": Key(Text, None, texts["split"]),
    }
    path_alone = ShortForm(
        lambda value: {"files": value} if isinstance(value, str) else value,
        lambda longer: longer["properties"]["files"],
    )
    return one_or_more(Annotated[model("Input", keys), AfterValidator(_input), path_alone])


def _reshape_type(columns: Any) -> Any:
    """Return the type of `Reshape`, with columns for each schema."""
    texts = descriptions(Table)
    keys = {
        **dataclass_keys(Table, omit=("schema", "inputs")),
        "columns": Key(columns, MISSING, texts["schema"]),
        "inputs": Key(_inputs_type(), MISSING, texts["inputs"]),
    }
    table: Any = Annotated[model("Table", keys), AfterValidator(partial(_with_schema, Table))]
    texts = descriptions(Reshape)
    keys = {
        "function": Key(_FUNCTION, MISSING, texts["function"]),
        "columns": Key(columns, None, texts["schema"]),
        "tables": Key(dict[str, table], None, texts["tables"]),
    }
    return Annotated[model("Reshape", keys), AfterValidator(partial(_with_schema, Reshape))]


def _with_schema(cls: type, mapping: BaseModel) -> Any:
    """Return a dataclass whose field `schema` has the key `columns`."""
    values = values_by_key(mapping)
    return build(cls, {"schema" if key == "columns" else key: values[key] for key in values})


def _expect_type() -> Any:
    """Return the type of `Expect`, two fields of which are paths."""
    keys = dataclass_keys(Expect)
    for name in ("schema", "previous"):
        keys[name] = keys[name]._replace(type=_PATH)
    make = AfterValidator(lambda mapping: build(Expect, values_by_key(mapping)))
    return Annotated[model("Expect", keys), make]
