"""Values and transforms of a recipe, converted to the `preprocessing_fn` `Declared`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence, Set
from dataclasses import MISSING, dataclass
from typing import Annotated, Any

from ...schemas.errors import RecipeError
from ...schemas.expressions.parse import parse
from ...schemas.images import BOX_LABELS, BOXES, IMAGE, ImageSchema
from ...schemas.schema import Schema
from ...schemas.suggestions import did_you_mean
from ...transforms.recipe.declared import Declared, Step, TensorDefinition
from ...transforms.recipe.operations import OPS, arguments, dtypes, tensors
from .pydantic_models import (
    Key,
    Location,
    ShortForm,
    Text,
    choice_type,
    descriptions,
    model,
    one_or_more,
    pydantic_type,
    values_by_key,
)

__all__ = ["FEATURES", "VALUES", "ValueSource", "declared", "sources"]

_NAME = re.compile(r"(?<=`)[^`]+(?=`)|\w+")
_SHOWN = 10
_FILE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_. -]*")


def _arguments_type(name: str) -> Any:
    """Return the pydantic type of the arguments of an operation."""
    parameters, hints = arguments(OPS[name])
    first, texts = arguments(OPS[name]).first, descriptions(OPS[name])
    keys = {}
    for key, parameter in parameters.items():
        # Without `classes` the domain of the column counts, so a recipe need not give them.
        default = None if key == "classes" else parameter.default
        default = MISSING if default is parameter.empty else default
        keys[key] = Key(pydantic_type(hints[key]), default, texts.get(key, ""))
    mapping = model(name, keys, title="argument")
    if first is None:
        return mapping

    def expanded(value: Any) -> Any:
        return value if isinstance(value, dict) else {first: value}

    return Annotated[mapping, ShortForm(expanded, lambda longer: longer["properties"][first])]


def _step(name: str, mapping: Any) -> Step:
    return Step(name, values_by_key(mapping))


_STEP = choice_type({name: _arguments_type(name) for name in OPS}, _step, title="operation")

_FEATURE_KEYS = {
    "of": Key(one_or_more(Text), None, "Columns and values to use; by default that of its name."),
    "steps": Key(one_or_more(_STEP), None, "Operations in order; by default none."),
}
_VALUE_KEYS = _FEATURE_KEYS | {
    "expression": Key(
        Text, None, "Expression over columns and values, such as net - gross; instead of `of`."
    )
}


def _steps_alone(value: Any) -> Any:
    is_longer = isinstance(value, dict) and not value.keys().isdisjoint(_VALUE_KEYS)
    return value if is_longer or value == {} else {"steps": value}


_SHORT_FORM = ShortForm(_steps_alone, lambda longer: longer["properties"]["steps"])

FEATURES: Any = dict[str, Annotated[model("feature", _FEATURE_KEYS), _SHORT_FORM]]  # type: ignore[misc]
"""Pydantic type of `transforms`."""

VALUES: Any = dict[str, Annotated[model("value", _VALUE_KEYS), _SHORT_FORM]]  # type: ignore[misc]
"""Pydantic type of `values`."""


@dataclass(frozen=True)
class ValueSource:
    """Column or value to compute features from.

    Attributes:
      classes: Default classes of the operations on it.
      type: Its type, or "" where only tracing shows it.
      problem: Reason why no feature can use it, or "".
    """

    classes: tuple[str, ...] = ()
    type: str = ""
    problem: str = ""


def sources(schema: Schema | ImageSchema) -> dict[str, ValueSource]:
    """Return the columns and raw tensors of a schema by name, also those that are no inputs."""
    if isinstance(schema, Schema):
        inputs = schema.inputs
        return {
            column.name: ValueSource(column.domain, column.type)
            if column in inputs
            else ValueSource(problem=f'the column has the role "{column.role}" and is no input')
            for column in schema
        }
    further = {column.name: ValueSource(column.domain, column.type) for column in schema.further}
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
) -> tuple[Declared, dict[Location, str]]:
    """Return the `preprocessing_fn` that a recipe declares.

    Args:
      schema: Schema of the columns.
      values: Validated `VALUES`.
      transforms: Validated `FEATURES`.
      broken: Names of the values that did not validate.
      time_zone: Zone of dates and times for steps that name none; None for the default.

    Returns:
      The function, and its problems by location in the recipe.
    """
    usable = sources(schema) | dict.fromkeys(broken, ValueSource())
    problems: dict[Location, str] = {}
    definitions: dict[str, list[TensorDefinition]] = {"values": [], "transforms": []}
    for section, mappings in (("values", values), ("transforms", transforms)):
        for name, mapping in mappings.items():
            definition = _definition(name, values_by_key(mapping), usable, time_zone)
            by_key = _expression_problem(definition, schema, values)
            by_key |= _problems(definition, usable, later=set(values) - set(usable))
            if section == "values" and name in sources(schema):
                by_key |= {(): "a column has this name; give the value one of its own"}
            problems |= {(section, name, *key): problem for key, problem in by_key.items()}
            definitions[section].append(definition)
            if section == "values":
                usable[name] = ValueSource()
    features = [*definitions["transforms"], *_label(schema, set(transforms))]
    columns = schema.inputs if isinstance(schema, Schema) else schema.further
    return Declared(columns, tuple(definitions["values"]), tuple(features)), problems


def _label(schema: Schema | ImageSchema, names: set[str]) -> list[TensorDefinition]:
    """Return the default definition of the label, if there is a label and no transform for it."""
    label = schema.label
    if label is None or label.name in names:
        return []
    steps = (Step("label_ids", {"classes": label.domain}),) if label.domain else ()
    return [TensorDefinition(label.name, (label.name,), steps)]


def _definition(
    name: str, values: Mapping[str, Any], usable: Mapping[str, ValueSource], time_zone: str | None
) -> TensorDefinition:
    """Return the definition of a tensor, with the arguments that its name and column imply."""
    expression = values.get("expression", "")
    of = values.get("of", () if expression else (name,))
    classes = usable[of[0]].classes if len(of) == 1 and of[0] in usable else ()
    files = 0
    steps = []
    for step in values.get("steps", ()):
        parameters = arguments(OPS[step.op]).parameters
        implied: dict[str, Any] = {}
        if classes and "classes" in parameters:
            implied["classes"] = classes
        if time_zone and "time_zone" in parameters:
            implied["time_zone"] = time_zone
        if "vocab_filename" in parameters and _FILE_NAME.fullmatch(name):
            files += 1
            implied["vocab_filename"] = name if files == 1 else f"{name}_{files}"
        steps.append(Step(step.op, implied | dict(step.arguments)))
    return TensorDefinition(name, tuple(of), tuple(steps), expression)


def _problems(
    definition: TensorDefinition, usable: Mapping[str, ValueSource], later: set[str]
) -> dict[Location, str]:
    """Return the problems of a definition, by location below it."""
    problems: dict[Location, str] = {}
    if definition.expression and definition.of:
        problems[("expression",)] = "expected either this or `of`, got both"
    for index, name in enumerate(definition.of):
        if name not in usable:
            problems[("of", index)] = _unknown(name, usable, later)
        elif usable[name].problem:
            problems[("of", index)] = f'"{name}": {usable[name].problem}'
    operands = [usable.get(name, ValueSource()) for name in definition.of] or [ValueSource()]
    for index, step in enumerate(definition.steps):
        problem = _step_problem(step, operands)
        if problem:
            problems[("steps", index)] = f"{step.op}: {problem}"
        operands = [ValueSource()]
    if not definition.steps and len(operands) > 1:
        problems[("of",)] = f"expected a step that takes {len(operands)} columns, got none"
    return problems


def _step_problem(step: Step, operands: Sequence[ValueSource]) -> str:
    """Return the reason why an operation cannot take the operands, or "" if there is none yet."""
    op = OPS[step.op]
    least, most = tensors(op)
    if not least <= len(operands) <= (most or len(operands)):
        expected = f"{least}" if least == most else f"{least} or more"
        return f"expected {expected} in `of` or from the step before, got {len(operands)}"
    if "classes" in arguments(op).parameters:
        if "classes" not in step.arguments:
            return "no classes: give them here, or give the column a domain"
        classes = step.arguments["classes"]
        missing = [value for value in operands[0].classes if value not in classes]
        if missing:
            return f"no class for {_enumeration(missing)}, which the domain has"
    for index, operand in enumerate(operands):
        names = [dtype.name for dtype in dtypes(op, index)]
        if operand.type and names and operand.type not in names:
            return f"expected a column of {' or '.join(names)}, got one of {operand.type}"
    return ""


def _enumeration(values: Sequence[str]) -> str:
    """Return the first few values in quotes, for a message."""
    more = len(values) - _SHOWN
    shown = ", ".join(f'"{value}"' for value in values[:_SHOWN])
    return shown + (f" and {more:,} more" if more > 0 else "")


def _expression_problem(
    definition: TensorDefinition, schema: Schema | ImageSchema, values: Mapping[str, Any]
) -> dict[Location, str]:
    """Return the problem of an expression over columns; tracing checks one that uses values."""
    columns = schema.inputs if isinstance(schema, Schema) else schema.further
    expression = definition.expression
    if not expression or any(name in values for name in _NAME.findall(expression)):
        return {}
    try:
        parse(expression, columns)
    except RecipeError as error:
        return {("expression",): str(error)}
    return {}


def _unknown(name: str, usable: Mapping[str, ValueSource], later: set[str]) -> str:
    """Return the message for a name that is neither a column nor a value defined above."""
    if name in later:
        return f'the value "{name}" is made further down, or of itself; put it above'
    if hint := did_you_mean(name, usable):
        return f'no column or value "{name}"{hint}'
    names = [name for name, source in usable.items() if not source.problem]
    more = len(names) - _SHOWN
    shown = ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
    return f'no column or value "{name}"; there are {shown}'
