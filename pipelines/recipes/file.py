"""`read_recipe`: a YAML file to a `Recipe`, with all problems in one error.

parse       text -> tree with lines                         yaml
validate    tree -> dataclasses by key                      fields, transforms, pydantic_models
assemble    dataclasses -> Recipe, with checks across keys  `_Assembly`
report      all problems, with file and line                errors
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, partial
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ...schemas.column import Column
from ...schemas.errors import DataError, RecipeError
from ...schemas.images import ImageSchema
from ...schemas.schema import Schema
from ..config.recipe import Recipe
from ..config.splitting import Splitting
from ..runtime.filesystem import read
from .conditions import condition
from .errors import Report, take_as_written
from .fields import OUTPUT, direct_fields, json_schema, recipe_type
from .functions import load_function
from .packaged import SAMPLES, built_in_text
from .pydantic_models import build, values_by_key
from .transforms import declared
from .yaml import LONGEST, Node, parse

__all__ = ["built_in_text", "json_schema", "read_recipe", "recipe_of_text"]

_SECTIONS = ("values", "transforms")
"""Keys whose entries are checked one by one: a bad one leaves the others usable."""


def read_recipe(path: str) -> Recipe:
    """Return the recipe in a YAML file; without a key `name` it has the name of the file.

    Args:
      path: Path of the file. Paths in it are relative to its folder.

    Raises:
      RecipeError: There is no such file, or the recipe has problems; the message has a line for
        each.
    """
    try:
        with read(path) as file:
            text = file.read(4 * LONGEST).decode("utf-8-sig")
    except DataError as error:
        raise RecipeError(f"no recipe {path}: {error}") from error
    except UnicodeDecodeError as error:
        raise RecipeError(f"{path}: expected a recipe in UTF-8, got other bytes") from error
    folder, slash, name = path.rpartition("/")
    return recipe_of_text(text, name=Path(name).stem, folder=folder or slash, source=path)


def recipe_of_text(text: str, *, name: str, folder: str, source: str = "") -> Recipe:
    """Return the recipe in a YAML text.

    Args:
      text: The YAML.
      name: Name of the recipe if the text gives none.
      folder: Base of relative paths; "" for the working folder.
      source: Name of the text in messages; "" for "recipe.yaml".

    Raises:
      RecipeError: The recipe has problems; the message has a line for each.
    """
    source = source or "recipe.yaml"
    root = parse(text, source=source)
    report = Report(source, root, json_schema())
    load = cache(partial(load_function, folder=folder))
    values = _validated(root, {"folder": folder, "load": load}, report)
    recipe = _Assembly(root, values, report).recipe(name)
    report.raise_if_any()
    return recipe


def _validated(root: Node, context: Mapping[str, Any], report: Report) -> dict[str, Any]:
    """Return the values by top-level key; report those with a problem and leave them out."""
    adapter = recipe_type()
    while True:
        try:
            return values_by_key(adapter.validate_python(root.plain(), context=context))
        except ValidationError as error:
            if not take_as_written(root, error):
                report.add_all(error)
                break
    if not isinstance(root.value, dict):
        report.raise_if_any()
    good = root.plain()
    for key, *rest in report.locations:
        entries = good.get(key)
        if rest and key in _SECTIONS and isinstance(entries, dict):
            entries.pop(rest[0], None)
        else:
            good.pop(key, None)
    return values_by_key(adapter.validate_python(good, context=context))


class _Assembly:
    """Builder of a `Recipe` from valid values; it reports values that contradict each other."""

    def __init__(self, root: Node, values: Mapping[str, Any], report: Report) -> None:
        self._root = root
        self._keys = set(root.value)
        self._values = values
        self._report = report

    def recipe(self, name: str) -> Recipe:
        """Return the recipe; it is valid only if the report stays empty."""
        by_key, schema = self._values, self._schema()
        values = {key: by_key[key] for key in by_key.keys() & direct_fields()}
        values |= by_key.get("output", {})
        if "sample" in by_key:
            values["sample"] = SAMPLES[by_key["sample"]]
        if "inputs" in by_key:
            values["inputs"] = by_key["inputs"]
        if by_key.get("name") == "":
            self._report.add(("name",), "expected a name, got an empty one")
        if schema:
            values["filters"] = self._filters(schema)
            self._check_split(schema)
        function = self._preprocessing_fn(schema)
        stub = ImageSchema("classification", ("x",)) if "image" in self._keys else _STUB
        make = partial(
            Recipe,
            name=by_key.get("name") or name,
            schema=schema or stub,
            preprocessing_fn=function or _stub_fn,
        )
        try:
            return build(make, values)  # type: ignore[no-any-return]
        except ValidationError as error:
            for detail in error.errors(include_url=False):
                location = detail["loc"]
                parent = ("output",) if location and location[0] in OUTPUT else ()
                self._report.add((*parent, *location), detail["msg"])
            return make()

    def _schema(self) -> Schema | ImageSchema | None:
        kinds = self._keys & {"columns", "image"}
        if len(kinds) == 2:
            self._report.add(("image",), "expected either this or columns, got both")
        if not kinds:
            self._report.add((), "expected columns, of a table, or image; got neither")
        return self._values.get("columns") or self._values.get("image")

    def _preprocessing_fn(self, schema: Schema | ImageSchema | None) -> Any:
        declared_keys = self._keys & set(_SECTIONS)
        if "preprocessing_fn" in self._keys:
            if declared_keys:
                problem = f"expected either this or {' and '.join(sorted(declared_keys))}, got both"
                self._report.add(("preprocessing_fn",), problem)
            if "time_zone" in self._keys:
                problem = "is for transforms; a function gives it to its operations on dates itself"
                self._report.add(("time_zone",), problem)
            return self._values.get("preprocessing_fn")
        if "transforms" not in declared_keys:
            self._report.add((), "expected transforms, or a preprocessing_fn; got neither")
        if schema is None:
            return None
        values, transforms = (self._values.get(key, {}) for key in _SECTIONS)
        names = self._root.value["values"].value if "values" in declared_keys else None
        broken = set(names or ()) - set(values)
        function, problems = declared(
            schema, values, transforms, broken=broken, time_zone=self._values.get("time_zone")
        )
        if not function.features and not self._root.value["transforms"].value:
            self._report.add(("transforms",), "expected at least one feature, got none")
        for location, problem in problems.items():
            self._report.add(location, problem)
        return function

    def _filters(self, schema: Schema | ImageSchema) -> tuple[Any, ...]:
        filters = []
        for index, text in enumerate(self._values.get("filters", ())):
            try:
                filters.append(condition(text, schema))
            except RecipeError as error:
                self._report.add(("filters", index), str(error))
        return tuple(filters)

    def _check_split(self, schema: Schema | ImageSchema) -> None:
        split = self._values.get("split", Splitting())
        for index, name in enumerate(split.columns):
            try:
                schema[name]
            except RecipeError as error:
                self._report.add(("split", "columns", index), str(error))


def _stub_fn(inputs: dict[str, Any]) -> dict[str, Any]:
    return inputs


_STUB = Schema((Column("x", "int64"),))
