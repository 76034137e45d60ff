"""The values and transforms of a recipe: from what is written to `Declared`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence, Set
from dataclasses import MISSING, dataclass
from difflib import get_close_matches
from typing import Annotated, Any

from ...schemas.errors import RecipeError
from ...schemas.expressions.parse import parse
from ...schemas.images import BOX_LABELS, BOXES, IMAGE, ImageSchema
from ...schemas.schema import Schema
from ...transforms.recipe.declared import Declared, Step, TensorDefinition
from ...transforms.recipe.operations import OPS, arguments, dtypes, tensors
from .pydantic_models import (
    Place,
    Shorthand,
    Text,
    chosen,
    described,
    given,
    model,
    one_or_more,
    typed,
)

__all__ = ["FEATURES", "VALUES", "ValueSource", "declared", "sources"]

_NAME = re.compile(r"(?<=`)[^`]+(?=`)|\w+")
_SHOWN = 10
_FILE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_. -]*")


def _arguments(name: str) -> Any:
    """The pydantic type of what may be said of an operation."""
    found, texts = arguments(OPS[name]), described(OPS[name], "Args")
    parts = {}
    for key, one in found.parameters.items():
        default = None if key == "classes" else one.default
        default = MISSING if default is one.empty else default
        parts[key] = (typed(found.hints[key]), default, texts.get(key, ""))
    kind = model(name, parts, title="argument")
    first = found.first

    def expanded(value: Any) -> Any:
        return {first: value} if first and not isinstance(value, dict) else value

    if first is None:
        return kind
    return Annotated[kind, Shorthand(expanded, lambda longer: longer["properties"][first])]


def _step(name: str, said: Any) -> Step:
    return Step(name, given(said))


_STEP = chosen({name: _arguments(name) for name in OPS}, _step, title="operation")
_STEPS = one_or_more(_STEP)
_OF = one_or_more(Text)

_PARTS = {
    "of": (_OF, None, "The columns and values it is made of; without it that of its own name."),
    "steps": (_STEPS, None, "The operations, one after the other; without any it is passed on."),
}
_EXPRESSION = "An expression over columns and values, such as net - gross; instead of `of`."


def _steps_alone(value: Any) -> Any:
    longer = isinstance(value, dict) and not value.keys().isdisjoint({*_PARTS, "expression"})
    return value if longer or value == {} else {"steps": value}


_SHORTER = Shorthand(_steps_alone, lambda longer: longer["properties"]["steps"])

_VALUE = _PARTS | {"expression": (Text, None, _EXPRESSION)}

FEATURES: Any = dict[str, Annotated[model("feature", _PARTS), _SHORTER]]  # type: ignore[misc]
"""The pydantic type of `transforms`."""

VALUES: Any = dict[str, Annotated[model("value", _VALUE), _SHORTER]]  # type: ignore[misc]
"""The pydantic type of `values`."""


@dataclass(frozen=True)
class ValueSource:
    """What a feature can be made of.

    Attributes:
      classes: The classes that its operations take where none are given.
      type: Its type, or "" where that is not known before it is traced.
      problem: Why it cannot be, or "".
    """

    classes: tuple[str, ...] = ()
    type: str = ""
    problem: str = ""


def sources(schema: Schema | ImageSchema) -> dict[str, ValueSource]:
    """The raw tensors of a schema, by name, and the columns that are none."""
    if isinstance(schema, Schema):
        inputs = schema.inputs
        return {
            one.name: ValueSource(one.domain, one.type)
            if one in inputs
            else ValueSource(problem=f'the column has the role "{one.role}" and is no input')
            for one in schema
        }
    further = {one.name: ValueSource(one.domain, one.type) for one in schema.further}
    if schema.label:
        return {IMAGE: ValueSource(), schema.label.name: ValueSource(schema.classes)} | further
    return {
        IMAGE: ValueSource(),
        BOXES: ValueSource(),
        BOX_LABELS: ValueSource(schema.classes),
    } | further


def declared(
    schema: Schema | ImageSchema,
    values: Mapping[str, Any],
    transforms: Mapping[str, Any],
    *,
    broken: Set[str] = frozenset(),
    time_zone: str | None = None,
) -> tuple[Declared, dict[Place, str]]:
    """The `preprocessing_fn` that a recipe declares.

    Args:
      schema: Of its columns.
      values: What `VALUES` gives.
      transforms: What `FEATURES` gives.
      broken: The values that are written, but not well.
      time_zone: The zone of dates and times where a step names none; None for the default.

    Returns:
      The function, and what is wrong with it, by place in the recipe.
    """
    known = sources(schema) | dict.fromkeys(broken, ValueSource())
    problems: dict[Place, str] = {}
    made: dict[str, list[TensorDefinition]] = {"values": [], "transforms": []}
    for section, written in (("values", values), ("transforms", transforms)):
        for name, one in written.items():
            part = _made(name, given(one), known, time_zone)
            found = _expression_problem(part, schema, values)
            found |= _problems(part, known, later=set(values) - set(known))
            if section == "values" and name in sources(schema):
                found |= {(): "a column has this name; give the value one of its own"}
            problems |= {(section, name, *place): problem for place, problem in found.items()}
            made[section].append(part)
            if section == "values":
                known[name] = ValueSource()
    features = [*made["transforms"], *_label(schema, set(transforms))]
    columns = schema.inputs if isinstance(schema, Schema) else schema.further
    return Declared(columns, tuple(made["values"]), tuple(features)), problems


def _label(schema: Schema | ImageSchema, named: set[str]) -> list[TensorDefinition]:
    """How the label is made where no transform says so."""
    label = schema.label
    if label is None or label.name in named:
        return []
    steps = (Step("label_ids", {"classes": label.domain}),) if label.domain else ()
    return [TensorDefinition(label.name, (label.name,), steps)]


def _made(
    name: str, written: Mapping[str, Any], known: Mapping[str, ValueSource], time_zone: str | None
) -> TensorDefinition:
    expression = written.get("expression", "")
    of = written.get("of", () if expression else (name,))
    classes = known[of[0]].classes if len(of) == 1 and of[0] in known else ()
    files = 0
    steps = []
    for step in written.get("steps", ()):
        parameters = arguments(OPS[step.op]).parameters
        more: dict[str, Any] = {}
        if classes and "classes" in parameters:
            more["classes"] = classes
        if time_zone and "time_zone" in parameters:
            more["time_zone"] = time_zone
        if "vocab_filename" in parameters and _FILE_NAME.fullmatch(name):
            files += 1
            more["vocab_filename"] = name if files == 1 else f"{name}_{files}"
        steps.append(Step(step.op, more | dict(step.arguments)))
    return TensorDefinition(name, tuple(of), tuple(steps), expression)


def _problems(
    one: TensorDefinition, known: Mapping[str, ValueSource], later: set[str]
) -> dict[Place, str]:
    """What is wrong with how a tensor is made, by place below it."""
    problems: dict[Place, str] = {}
    if one.expression and one.of:
        problems[("expression",)] = "expected either this or `of`, got both"
    for place, name in enumerate(one.of):
        if name not in known:
            problems[("of", place)] = _unknown(name, known, later)
        elif known[name].problem:
            problems[("of", place)] = f'"{name}": {known[name].problem}'
    taken = [known.get(name, ValueSource()) for name in one.of] or [ValueSource()]
    for place, step in enumerate(one.steps):
        problem = _refusal(step, taken)
        if problem:
            problems[("steps", place)] = f"{step.op}: {problem}"
        taken = [ValueSource()]
    if not one.steps and len(taken) > 1:
        problems[("of",)] = f"expected a step that takes {len(taken)} columns, got none"
    return problems


def _refusal(step: Step, taken: Sequence[ValueSource]) -> str:
    """Why an operation cannot be applied to these, as far as it is known, or ""."""
    op = OPS[step.op]
    least, most = tensors(op)
    if not least <= len(taken) <= (most or len(taken)):
        wanted = f"{least}" if least == most else f"{least} or more"
        return f"expected {wanted} in `of` or from the step before, got {len(taken)}"
    if "classes" in arguments(op).parameters:
        if "classes" not in step.arguments:
            return "no classes: give them here, or give the column a domain"
        without = [one for one in taken[0].classes if one not in step.arguments["classes"]]
        if without:
            return f"no class for {_some(without)}, which the domain has"
    for place, one in enumerate(taken):
        names = [dtype.name for dtype in dtypes(op, place)]
        if one.type and names and one.type not in names:
            return f"expected a column of {' or '.join(names)}, got one of {one.type}"
    return ""


def _some(values: Sequence[str]) -> str:
    """The first few of some values, for a message."""
    more = len(values) - _SHOWN
    shown = ", ".join(f'"{value}"' for value in values[:_SHOWN])
    return shown + (f" and {more:,} more" if more > 0 else "")


def _expression_problem(
    one: TensorDefinition, schema: Schema | ImageSchema, values: Mapping[str, Any]
) -> dict[Place, str]:
    """What is wrong with an expression over columns; that of values is found when it is traced."""
    columns = schema.inputs if isinstance(schema, Schema) else schema.further
    if not one.expression or any(name in values for name in _NAME.findall(one.expression)):
        return {}
    try:
        parse(one.expression, columns)
    except RecipeError as error:
        return {("expression",): str(error)}
    return {}


def _unknown(name: str, known: Mapping[str, ValueSource], later: set[str]) -> str:
    if name in later:
        return f'the value "{name}" is made further down, or of itself; put it above'
    near = get_close_matches(name, known, n=1)
    if near:
        return f'no column or value "{name}"; did you mean "{near[0]}"?'
    usable = [name for name, one in known.items() if not one.problem]
    more = len(usable) - _SHOWN
    there = ", ".join(usable[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
    return f'no column or value "{name}"; there are {there}'
