"""A recipe as one YAML file: read, checked as a whole, and made into a `Recipe`.

parse       text -> tree with lines                         recipe_yaml
validate    tree -> values of our own types                 recipe_keys, recipe_transforms
assemble    values -> Recipe, with what one key says of another
report      all that is wrong, with file and line           recipe_report
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
from .fields import OUTPUT, as_they_are, json_schema, recipe_type
from .functions import load_function
from .packaged import SAMPLES, built_in_text
from .pydantic_models import build, given
from .transforms import declared
from .yaml import LONGEST, Node, parse

__all__ = ["built_in_text", "json_schema", "read_recipe", "recipe_of_text"]

_IN_PARTS = ("values", "transforms")
"""The keys under which one bad entry leaves the others good."""


def read_recipe(path: str) -> Recipe:
    """The recipe in a YAML file; without a `name` it has that of the file.

    Args:
      path: Of the file. Paths in it are relative to its folder.

    Raises:
      RecipeError: There is no such file, or something is wrong with the recipe; the message has a
        line for each problem.
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
    """The recipe that a YAML text describes.

    Args:
      text: The YAML.
      name: The recipe's name where the text gives none.
      folder: What paths are relative to; "" for the working folder.
      source: What the text is called in messages; "recipe.yaml" where it is "".

    Raises:
      RecipeError: Something is wrong with it; the message has a line for each problem.
    """
    source = source or "recipe.yaml"
    root = parse(text, source=source)
    report = Report(source, root, json_schema())
    load = cache(partial(load_function, folder=folder))
    written = _validated(root, {"folder": folder, "load": load}, report)
    recipe = _Assembly(root, written, report).recipe(name)
    report.raise_if_any()
    return recipe


def _validated(root: Node, context: Mapping[str, Any], report: Report) -> dict[str, Any]:
    """The values by top-level key; those with a problem are noted and left out."""
    kind = recipe_type()
    while True:
        try:
            return given(kind.validate_python(root.plain(), context=context))
        except ValidationError as error:
            if not take_as_written(root, error):
                report.add_all(error)
                break
    if not isinstance(root.value, dict):
        report.raise_if_any()
    good = root.plain()
    for key, *rest in report.places:
        within = good.get(key)
        if rest and key in _IN_PARTS and isinstance(within, dict):
            within.pop(rest[0], None)
        else:
            good.pop(key, None)
    return given(kind.validate_python(good, context=context))


class _Assembly:
    """Makes a `Recipe` of good values, and notes what does not go together."""

    def __init__(self, root: Node, written: Mapping[str, Any], report: Report) -> None:
        self._root = root
        self._keys = set(root.value)
        self._written = written
        self._report = report

    def recipe(self, name: str) -> Recipe:
        """The recipe; to be used only where no problem was noted."""
        written, schema = self._written, self._schema()
        values = {key: written[key] for key in written.keys() & as_they_are()}
        values |= written.get("output", {})
        if "sample" in written:
            values["sample"] = SAMPLES[written["sample"]]
        if "inputs" in written:
            values["inputs"] = written["inputs"]
        if written.get("name") == "":
            self._report.add(("name",), "expected a name, got an empty one")
        if schema:
            values["filters"] = self._filters(schema)
            self._check_split(schema)
        function = self._preprocessing_fn(schema)
        stub = ImageSchema("classification", ("x",)) if "image" in self._keys else _STUB
        make = partial(
            Recipe,
            name=written.get("name") or name,
            schema=schema or stub,
            preprocessing_fn=function or _stub_fn,
        )
        try:
            return build(make, values)  # type: ignore[no-any-return]
        except ValidationError as error:
            for one in error.errors(include_url=False):
                under = ("output",) if one["loc"][:1] and one["loc"][0] in OUTPUT else ()
                self._report.add((*under, *one["loc"]), one["msg"])
            return make()

    def _schema(self) -> Schema | ImageSchema | None:
        kinds = self._keys & {"columns", "image"}
        if len(kinds) == 2:
            self._report.add(("image",), "expected either this or columns, got both")
        if not kinds:
            self._report.add((), "expected columns, of a table, or image; got neither")
        return self._written.get("columns") or self._written.get("image")

    def _preprocessing_fn(self, schema: Schema | ImageSchema | None) -> Any:
        declared_keys = self._keys & set(_IN_PARTS)
        if "preprocessing_fn" in self._keys:
            if declared_keys:
                problem = f"expected either this or {' and '.join(sorted(declared_keys))}, got both"
                self._report.add(("preprocessing_fn",), problem)
            if "time_zone" in self._keys:
                problem = "is for transforms; a function gives it to its operations on dates itself"
                self._report.add(("time_zone",), problem)
            return self._written.get("preprocessing_fn")
        if "transforms" not in declared_keys:
            self._report.add((), "expected transforms, or a preprocessing_fn; got neither")
        if schema is None:
            return None
        values, transforms = (self._written.get(key, {}) for key in _IN_PARTS)
        named = self._root.value["values"].value if "values" in declared_keys else None
        broken = set(named or ()) - set(values)
        function, problems = declared(
            schema, values, transforms, broken=broken, time_zone=self._written.get("time_zone")
        )
        if not function.features and not self._root.value["transforms"].value:
            self._report.add(("transforms",), "expected at least one feature, got none")
        for place, problem in problems.items():
            self._report.add(place, problem)
        return function

    def _filters(self, schema: Schema | ImageSchema) -> tuple[Any, ...]:
        found = []
        for place, text in enumerate(self._written.get("filters", ())):
            try:
                found.append(condition(text, schema))
            except RecipeError as error:
                self._report.add(("filters", place), str(error))
        return tuple(found)

    def _check_split(self, schema: Schema | ImageSchema) -> None:
        split = self._written.get("split", Splitting())
        for place, name in enumerate(split.columns):
            try:
                schema[name]
            except RecipeError as error:
                self._report.add(("split", "columns", place), str(error))


def _stub_fn(inputs: dict[str, Any]) -> dict[str, Any]:
    return inputs


_STUB = Schema((Column("x", "int64"),))
