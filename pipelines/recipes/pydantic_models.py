"""Pydantic models of our own dataclasses and functions, so that a recipe has no list of its own.

`typed` gives the pydantic type of a type hint, `built` that of a dataclass, `called` that of the
arguments of a function, and `chosen` that of one of several. Names, types, defaults and what
editors show about a key come from annotations and docstrings; what `__post_init__` refuses
becomes a line of the report like any other.
"""

from __future__ import annotations

import inspect
import re
import types
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields, is_dataclass
from functools import partial
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from annotated_types import Len
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
    "Parts",
    "Place",
    "Shorthand",
    "Text",
    "build",
    "built",
    "chosen",
    "described",
    "given",
    "model",
    "one_or_more",
    "parts_of",
    "refused",
    "typed",
]

Place = tuple[int | str, ...]
"""Where in a recipe: the keys, and the numbers of list items, on the way to a value."""

Text = Annotated[str, WithJsonSchema({"type": ["string", "number", "boolean"]})]
"""Text; a word that YAML takes for a number or for true or false is text as it is written."""

Parts = Mapping[str, tuple[Any, Any, str]]
"""The pydantic type of each key, its default (`MISSING` for none), and what it is."""

_PAIRS = tuple[tuple[str, str], ...]
_SUBJECT = re.compile(
    r"^(CSV format|Splitting|images|tiles|Augmentation|Random\w+|(recipe|input) [^:]*"
    r'|column "[^"]*"): '
)


@dataclass(frozen=True, eq=False)
class Shorthand:
    """A shorter way to write a value, for the `Annotated` type of the longer one.

    Attributes:
      expand: From what is written to the longer way; gives back what is not shorter.
      schema: From the JSON Schema of the longer way to that of the shorter one.
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


def refused(problems: Mapping[tuple[int | str, ...], str]) -> ValidationError:
    """The error of values at some places, seen from the one that is validated."""
    lines = [
        InitErrorDetails(
            type=PydanticCustomError("refused", "{problem}", {"problem": problem}),
            loc=place,
            input=None,
        )
        for place, problem in problems.items()
    ]
    return ValidationError.from_exception_data("recipe", lines)


def _number(value: Any) -> int | float:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    raise PydanticCustomError("number_type", "expected a number")


def _scalar(value: Any) -> str | int | float:
    return value if isinstance(value, str) else _number(value)


Number = Annotated[Any, PlainValidator(_number), WithJsonSchema({"type": "number"})]
Scalar = Annotated[Any, PlainValidator(_scalar), WithJsonSchema({"type": ["string", "number"]})]


_PAIRS_TYPE = Annotated[dict[str, Text], AfterValidator(lambda pairs: tuple(pairs.items()))]


def typed(hint: Any, *, special: Mapping[Any, Any] | None = None) -> Any:
    """The pydantic type of a type hint.

    Args:
      hint: A scalar, Literal, tuple, Sequence, Mapping, dataclass, or one of them or None. A
        tuple of pairs of text is written as a mapping.
      special: The pydantic types of hints that have one of their own.

    Raises:
      TypeError: There is no rule for the hint.
    """
    own = {str: Text, float: Number, _PAIRS: _PAIRS_TYPE} | dict(special or {})
    if hint in own:
        return own[hint]
    if get_origin(hint) is Callable:
        return own[Callable]
    if hint in (int, bool, Any) or get_origin(hint) is Literal:
        return hint
    if is_dataclass(hint):
        return built(hint, special=special)  # type: ignore[arg-type]
    return _composed(hint, special)


def _composed(hint: Any, special: Mapping[Any, Any] | None) -> Any:
    """The pydantic type of a hint that has parts."""
    origin, parts = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return _union(parts, special)
    inner = [typed(part, special=special) for part in parts if part is not ...]
    if origin is tuple and ... not in parts:
        size = Len(len(parts), len(parts))
        return Annotated[list[inner[0]], size, AfterValidator(tuple)]  # type: ignore[valid-type]
    if origin in (tuple, list, Sequence):
        return Annotated[list[inner[0]], AfterValidator(tuple)]  # type: ignore[valid-type]
    if origin in (dict, Mapping):
        return dict[str, inner[1]]  # type: ignore[valid-type]
    raise TypeError(f"a recipe has no rule for the type {hint}")


def _union(parts: Sequence[Any], special: Mapping[Any, Any] | None) -> Any:
    some = [part for part in parts if part is not types.NoneType]
    one = typed(some[0], special=special) if len(some) == 1 else Scalar
    if len(some) > 1 and not set(some) <= {str, int, float}:
        raise TypeError(f"a recipe has no rule for one of {', '.join(map(str, some))}")
    return one | None if len(some) < len(parts) else one


def model(
    name: str,
    parts: Parts,
    *,
    title: str = "key",
    sizes: Mapping[str, int] | None = None,
) -> type[BaseModel]:
    """A model that takes no other keys.

    Args:
      name: Of the model.
      parts: Its keys.
      title: What a key is called in messages.
      sizes: More of its JSON Schema.
    """
    keys: dict[str, Any] = {}
    for place, (key, (kind, default, text)) in enumerate(parts.items()):
        more = {"default": default} if isinstance(default, str | int | float) else {}
        # An alias, since some keys are names of methods of pydantic's.
        about: Any = {"alias": key, "description": text or None, "json_schema_extra": more}
        if default is MISSING:
            keys[f"key_{place}"] = kind, Field(**about)
        else:  # a factory, since JSON Schema shows a default of None
            keys[f"key_{place}"] = kind | None, Field(default_factory=lambda: None, **about)
    config = ConfigDict(
        extra="forbid",
        strict=True,
        arbitrary_types_allowed=True,
        json_schema_extra={"title": title, **(sizes or {})},
    )
    return create_model(name, __config__=config, **keys)


def parts_of(
    cls: type,
    *,
    special: Mapping[Any, Any] | None = None,
    omit: Collection[str] = (),
    names: Mapping[str, Any] | None = None,
) -> Parts:
    """What `model` takes, of the fields of a dataclass.

    Args:
      cls: The dataclass.
      special: As in `typed`.
      omit: The fields to leave out.
      names: What its annotations name that its module imports for type checkers only.
    """
    hints = get_type_hints(cls, localns=dict(names or {}))
    texts = described(cls, "Attributes")
    return {
        one.name: (
            typed(hints[one.name], special=special),
            None if one.default_factory is not MISSING else one.default,
            texts.get(one.name, ""),
        )
        for one in fields(cls)
        if one.name not in omit
    }


def described(documented: Any, section: str) -> dict[str, str]:
    """What a Google-style docstring says of each name in a section.

    >>> described(described, "Args")
    {'documented': 'A class or a function.', 'section': 'Its heading.'}

    Args:
      documented: A class or a function.
      section: Its heading.
    """
    text = inspect.cleandoc(documented.__doc__ or "")
    found = re.search(rf"^{section}:\n((?:  .*\n?|\n)*)", text, re.MULTILINE)
    entries = re.split(r"^  (?! )", found[1] if found else "", flags=re.MULTILINE)
    pairs = (" ".join(entry.split()).partition(": ") for entry in entries)
    return {name: meaning for name, colon, meaning in pairs if colon}


def built(cls: type, *, special: Mapping[Any, Any] | None = None) -> Any:
    """The pydantic type of a dataclass: a mapping of its fields, made into the dataclass."""
    make = AfterValidator(partial(_build, cls))
    return Annotated[model(cls.__name__, parts_of(cls, special=special)), make]


def _build(cls: Callable[..., Any], one: BaseModel) -> Any:
    return build(cls, given(one))


def build(cls: Callable[..., Any], values: Mapping[str, Any]) -> Any:
    """The dataclass of these values.

    What it refuses is said of the field that the message begins with, and then the others are
    tried without it, so that each problem is told.

    Raises:
      ValidationError: The dataclass refuses some of the values.
    """
    problems: dict[Place, str] = {}
    left = dict(values)
    while True:
        try:
            made = cls(**left)
            break
        except RecipeError as error:
            name, problem = _of_field(str(error), left)
            problems[(name,) if name else ()] = problem
            if not name:
                break
            del left[name]
        except TypeError:
            if not problems:
                raise
            break  # a field that was refused is required
    if problems:
        raise refused(problems)
    return made


def _of_field(message: str, values: Mapping[str, Any]) -> tuple[str, str]:
    """The field that a message is about, or "", and what it says of it."""
    problem = _SUBJECT.sub("", message)
    name, colon, rest = problem.partition(": ")
    return (name, rest) if colon and name in values else ("", problem)


def given(one: BaseModel) -> dict[str, Any]:
    """The values that were written, by key; null is as good as not written."""
    fields = type(one).model_fields.items()
    values = {str(field.alias): getattr(one, name) for name, field in fields}
    return {key: value for key, value in values.items() if value is not None}


def one_or_more(kind: Any) -> Any:
    """A list of a kind; of one item, the item alone will do."""
    several = Annotated[list[kind], AfterValidator(tuple)]
    return Annotated[several, Shorthand(_as_list, lambda longer: longer["items"])]


def _as_list(value: Any) -> Any:
    return value if isinstance(value, list) else [value]


def chosen(choices: Mapping[str, Any], make: Callable[[str, Any], Any], *, title: str) -> Any:
    """One of several, by name: `name`, or `{name: …}` where there is more to say.

    Args:
      choices: The pydantic type of what there is to say, by name; it takes `{}` or refuses it.
      make: From the name and what was said to the value.
      title: What is chosen, for messages.
    """
    parts = {name: (kind, None, "") for name, kind in choices.items()}
    sizes = {"minProperties": 1, "maxProperties": 1}
    one = model(title, parts, title=title, sizes=sizes)

    def only(found: BaseModel) -> Any:
        said = given(found)
        if len(said) != 1:
            got = ", ".join(said) or "none"
            raise refused({(): f"expected one {title}, got {got}: several are a list, each with -"})
        return make(*next(iter(said.items())))

    def expanded(value: Any) -> Any:
        if isinstance(value, str):
            return {value: {}}
        if isinstance(value, dict):
            return {name: {} if said is None else said for name, said in value.items()}
        return value

    names = {"enum": sorted(choices)}
    return Annotated[one, AfterValidator(only), Shorthand(expanded, lambda _: names)]
