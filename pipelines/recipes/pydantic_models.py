"""Pydantic models of dataclasses and functions, so that recipes need no second list of keys.

`pydantic_type` converts a type hint, `dataclass_type` a dataclass; `choice_type` makes the type of
one of several values by name. Names, types and defaults come from annotations, descriptions from
the docstrings: the sections "Attributes" and "Args" of the Google style, which the API reference
shows too. A value that `__post_init__` refuses becomes a line of the report like any other.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields, is_dataclass
from functools import partial
from typing import (
    Annotated,
    Any,
    Literal,
    NamedTuple,
    TypeAlias,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

from annotated_types import Len
from docstring_parser import DocstringStyle, parse
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    PlainValidator,
    ValidationError,
    WithJsonSchema,
    create_model,
)
from pydantic_core import InitErrorDetails, PydanticCustomError, core_schema

from ...schemas.errors import RecipeError

__all__ = [
    "Key",
    "Location",
    "ShortForm",
    "Text",
    "build",
    "choice_type",
    "dataclass_keys",
    "dataclass_type",
    "descriptions",
    "model",
    "one_or_more",
    "pydantic_type",
    "validation_error",
    "values_by_key",
]

Location: TypeAlias = tuple[int | str, ...]
"""Location of a value in a recipe: keys, and indices of list items, from the root."""

Text = Annotated[str, WithJsonSchema({"type": ["string", "number", "boolean"]})]
"""Text; a word that YAML reads as a number or as true or false becomes text as it is written."""

_PAIRS = tuple[tuple[str, str], ...]


class Key(NamedTuple):
    """Key of a model.

    Attributes:
      type: Pydantic type of the value.
      default: Default that editors show; `MISSING` for a required key, None to show none.
      description: Description that editors show; "" for none.
    """

    type: Any
    default: Any = None
    description: str = ""


@dataclass(frozen=True, eq=False)
class ShortForm:
    """Shorter way to write a value, as metadata of the `Annotated` type of the longer form.

    Attributes:
      expand: Function from the written value to the longer form; it returns other values
        unchanged.
      schema: Function from the JSON Schema of the longer form to that of the shorter one.
    """

    expand: Callable[[Any], Any]
    schema: Callable[[dict[str, Any]], dict[str, Any]]

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> core_schema.CoreSchema:
        return core_schema.no_info_before_validator_function(self.expand, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        longer = handler(schema)
        return {"anyOf": [self.schema(handler.resolve_ref_schema(longer)), longer]}


def validation_error(problems: Mapping[Location, str]) -> ValidationError:
    """Return an error with a message for each location, relative to the validated value."""
    details = [
        InitErrorDetails(
            type=PydanticCustomError("refused", "{problem}", {"problem": problem}),
            loc=location,
            input=None,
        )
        for location, problem in problems.items()
    ]
    return ValidationError.from_exception_data("recipe", details)


def _number(value: Any) -> int | float:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    raise PydanticCustomError("number_type", "expected a number")


def _scalar(value: Any) -> str | int | float:
    return value if isinstance(value, str) else _number(value)


Number = Annotated[Any, PlainValidator(_number), WithJsonSchema({"type": "number"})]
Scalar = Annotated[Any, PlainValidator(_scalar), WithJsonSchema({"type": ["string", "number"]})]


_PAIRS_TYPE = Annotated[dict[str, Text], AfterValidator(lambda pairs: tuple(pairs.items()))]


def pydantic_type(hint: Any, *, special: Mapping[Any, Any] | None = None) -> Any:
    """Return the pydantic type of a type hint.

    Args:
      hint: A scalar, Literal, tuple, Sequence, Mapping or dataclass, or one of them or None. A
        tuple of pairs of text is written as a mapping.
      special: Pydantic types of the hints that these rules do not cover, by hint.

    Raises:
      TypeError: There is no rule for the hint.
    """
    by_hint = {str: Text, float: Number, _PAIRS: _PAIRS_TYPE} | dict(special or {})
    if hint in by_hint:
        return by_hint[hint]
    if get_origin(hint) is Callable:
        return by_hint[Callable]
    if hint in (int, bool, Any) or get_origin(hint) is Literal:
        return hint
    if is_dataclass(hint):
        return dataclass_type(hint, special=special)  # type: ignore[arg-type]
    return _generic_type(hint, special)


def _generic_type(hint: Any, special: Mapping[Any, Any] | None) -> Any:
    """Return the pydantic type of a union or a container."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return _union_type(arguments, special)
    inner = [pydantic_type(hint, special=special) for hint in arguments if hint is not ...]
    if origin is tuple and ... not in arguments:
        size = Len(len(arguments), len(arguments))
        return Annotated[list[inner[0]], size, AfterValidator(tuple)]  # type: ignore[valid-type]
    if origin in (tuple, list, Sequence):
        return Annotated[list[inner[0]], AfterValidator(tuple)]  # type: ignore[valid-type]
    if origin in (dict, Mapping):
        return dict[str, inner[1]]  # type: ignore[valid-type]
    raise TypeError(f"a recipe has no rule for the type {hint}")


def _union_type(hints: Sequence[Any], special: Mapping[Any, Any] | None) -> Any:
    others = [hint for hint in hints if hint is not types.NoneType]
    if len(others) > 1 and not set(others) <= {str, int, float}:
        raise TypeError(f"a recipe has no rule for one of {', '.join(map(str, others))}")
    union = pydantic_type(others[0], special=special) if len(others) == 1 else Scalar
    return union | None if len(others) < len(hints) else union


def model(
    name: str,
    keys: Mapping[str, Key],
    *,
    title: str = "key",
    limits: Mapping[str, int] | None = None,
) -> type[BaseModel]:
    """Return a model that takes these keys and no others.

    Args:
      name: Name of the model.
      keys: The keys, by name.
      title: Noun for a key in messages.
      limits: Further entries of its JSON Schema.
    """
    definitions: dict[str, Any] = {}
    for index, (name_of_key, key) in enumerate(keys.items()):
        extra = {"default": key.default} if isinstance(key.default, str | int | float) else {}
        # An alias, because some keys are names of methods of pydantic's models.
        options: Any = {
            "alias": name_of_key,
            "description": key.description or None,
            "json_schema_extra": extra,
        }
        if key.default is MISSING:
            definitions[f"key_{index}"] = key.type, Field(**options)
        else:  # a factory, because the JSON Schema would show a default of None
            field = Field(default_factory=lambda: None, **options)
            definitions[f"key_{index}"] = key.type | None, field
    config = ConfigDict(
        extra="forbid",
        strict=True,
        arbitrary_types_allowed=True,
        json_schema_extra={"title": title, **(limits or {})},
    )
    return create_model(name, __config__=config, **definitions)


def dataclass_keys(
    cls: type,
    *,
    special: Mapping[Any, Any] | None = None,
    omit: Collection[str] = (),
    names: Mapping[str, Any] | None = None,
) -> dict[str, Key]:
    """Return a key for each field of a dataclass.

    Args:
      cls: The dataclass.
      special: As in `pydantic_type`.
      omit: Names of the fields to leave out.
      names: Names in its annotations that its module imports for type checkers only.
    """
    hints = get_type_hints(cls, localns=dict(names or {}))
    texts = descriptions(cls)
    return {
        field.name: Key(
            pydantic_type(hints[field.name], special=special),
            None if field.default_factory is not MISSING else field.default,
            texts.get(field.name, ""),
        )
        for field in fields(cls)
        if field.name not in omit
    }


def descriptions(documented: Any) -> dict[str, str]:
    """Return the descriptions of attributes and arguments, each in one line, by name.

    Args:
      documented: A class or a function with a docstring in Google style.

    >>> descriptions(validation_error), descriptions(descriptions)
    ({}, {'documented': 'A class or a function with a docstring in Google style.'})
    """
    docstring = parse(documented.__doc__ or "", DocstringStyle.GOOGLE)
    return {item.arg_name: " ".join((item.description or "").split()) for item in docstring.params}


def dataclass_type(cls: type, *, special: Mapping[Any, Any] | None = None) -> Any:
    """Return the pydantic type of a dataclass: a mapping of its fields becomes an instance."""
    keys = dataclass_keys(cls, special=special)
    return Annotated[model(cls.__name__, keys), AfterValidator(partial(_build, cls))]


def _build(cls: Callable[..., Any], mapping: BaseModel) -> Any:
    return build(cls, values_by_key(mapping))


def build(cls: Callable[..., Any], values: Mapping[str, Any]) -> Any:
    """Return an instance of a dataclass with these values.

    A dataclass raises for the first bad field only. So that the report shows all of them, the
    field of the error is left out and the rest is tried again.

    Raises:
      ValidationError: The dataclass refuses some of the values.
    """
    problems: dict[Location, str] = {}
    remaining = dict(values)
    while True:
        try:
            instance = cls(**remaining)
            break
        except RecipeError as error:
            if error.field not in remaining:
                text = f"{error.field}: {error.problem}" if error.field else error.problem
                problems[()] = text
                break
            problems[(error.field,)] = error.problem
            del remaining[error.field]
        except TypeError:
            if not problems:
                raise
            break  # a field with a problem is required
    if problems:
        raise validation_error(problems)
    return instance


def values_by_key(mapping: BaseModel) -> dict[str, Any]:
    """Return the values that the recipe gives, by key; null counts as absent."""
    fields = type(mapping).model_fields.items()
    values = {str(field.alias): getattr(mapping, name) for name, field in fields}
    return {key: value for key, value in values.items() if value is not None}


def one_or_more(item: Any) -> Any:
    """Return the type of a list, which can also be written as its only item.

    Args:
      item: Pydantic type of an item.
    """
    several = Annotated[list[item], AfterValidator(tuple)]
    return Annotated[several, ShortForm(_as_list, lambda longer: longer["items"])]


def _as_list(value: Any) -> Any:
    return value if isinstance(value, list) else [value]


def choice_type(choices: Mapping[str, Any], make: Callable[[str, Any], Any], *, title: str) -> Any:
    """Return the type of one of several values by name: `name`, or `{name: …}` with arguments.

    Args:
      choices: Pydantic type of the arguments, by name; each accepts or refuses `{}`.
      make: Function from the name and the validated arguments to the value.
      title: Noun for a choice in messages.
    """
    keys = {name: Key(arguments) for name, arguments in choices.items()}
    limits = {"minProperties": 1, "maxProperties": 1}

    def single(mapping: BaseModel) -> Any:
        values = values_by_key(mapping)
        if len(values) != 1:
            got = ", ".join(values) or "none"
            problem = f"expected one {title}, got {got}: several are a list, each with -"
            raise validation_error({(): problem})
        return make(*next(iter(values.items())))

    def expanded(value: Any) -> Any:
        if isinstance(value, str):
            return {value: {}}
        if isinstance(value, dict):
            return {name: {} if part is None else part for name, part in value.items()}
        return value

    names = {"enum": sorted(choices)}
    mapping = model(title, keys, title=title, limits=limits)
    return Annotated[mapping, AfterValidator(single), ShortForm(expanded, lambda _: names)]
