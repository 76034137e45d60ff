"""`Declared`: the `preprocessing_fn` of a recipe that names operations instead of writing Python.

It is data, so it pickles, compares and stands in the manifest as it is; what it calls are the
functions of `OPS`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ...schemas.column import Column
from ...schemas.errors import RecipeError
from ...schemas.schema import Schema
from ..cleaning import clean
from .expressions import evaluate
from .operations import OPS, dtypes, tensors

__all__ = ["Declared", "Made", "Step"]


@dataclass(frozen=True)
class Step:
    """One operation.

    Attributes:
      op: Its name in `OPS`.
      arguments: What it is called with, besides tensors.
    """

    op: str
    arguments: Mapping[str, Any] = field(default_factory=dict)

    def __call__(self, xs: Sequence[Any]) -> Any:
        """Apply the operation to tensors.

        Raises:
          RecipeError: It does not take so many, or not of these dtypes, or refuses them itself.
        """
        op = OPS[self.op]
        least, most = tensors(op)
        if not least <= len(xs) <= (len(xs) if most is None else most):
            raise RecipeError(f"{self.op}: expected {_count(least, most)}, got {len(xs)}")
        for place, x in enumerate(xs):
            expected = dtypes(op, place)
            if expected and x.dtype not in expected:
                *more, last = (dtype.name for dtype in expected)
                names = f"{', '.join(more)} or {last}" if more else last
                raise RecipeError(f"{self.op}: expected {names}, got {x.dtype.name}")
        try:
            return op(list(xs), **self.arguments) if most is None else op(*xs, **self.arguments)
        except Exception as error:
            raise RecipeError(f"{self.op}: {_first_line(error)}") from error


@dataclass(frozen=True)
class Made:
    """How one tensor is made.

    Attributes:
      name: Its name.
      of: The columns and values it is made of.
      steps: The operations, one after the other; the first is applied to all of `of`. Without any
        the tensor is passed on.
      expression: An expression over columns and values, instead of `of`.
    """

    name: str
    of: tuple[str, ...] = ()
    steps: tuple[Step, ...] = ()
    expression: str = ""

    def __call__(self, known: Mapping[str, Any], columns: Sequence[Column]) -> Any:
        """Make it of the tensors that are known by now."""
        made = [known[name] for name in self.of]
        if self.expression:
            made = [evaluate(self.expression, known, columns)]
        for step in self.steps:
            made = [step(made)]
        return made[0]


@dataclass(frozen=True)
class Declared:
    """A `preprocessing_fn`: raw tensors by column -> features by name.

    Attributes:
      columns: The columns that are cleaned first, as their `Column` says.
      values: Tensors that others are made of; a value is made of columns and of values before it.
      features: What is returned, in order; made of columns and values.
    """

    columns: tuple[Column, ...]
    values: tuple[Made, ...]
    features: tuple[Made, ...]

    def __call__(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Make the features.

        Args:
          inputs: Dense tensors of the columns; other tensors, of images, are left as they are.

        Returns:
          A tensor of each of `features`.

        Raises:
          RecipeError: An operation refuses what it is applied to; the message names the feature
            or value, and the operation.
        """
        names = {column.name for column in self.columns}
        raw = {name: x for name, x in inputs.items() if name in names}
        known = dict(inputs) | (clean(raw, Schema(self.columns)) if raw else {})
        for value in self.values:
            known[value.name] = self._made("values", value, known)
        return {one.name: self._made("transforms", one, known) for one in self.features}

    def _made(self, section: str, one: Made, known: Mapping[str, Any]) -> Any:
        try:
            return one(known, self.columns)
        except RecipeError as error:
            raise RecipeError(f"{section}.{one.name}: {error}") from error


def _count(least: int, most: int | None) -> str:
    if most is None:
        return f"{least} or more columns"
    return f"{least} column{'s' * (least != 1)}" if least == most else f"{least} to {most} columns"


def _first_line(error: Exception) -> str:
    """What an error says, without the graph's traceback that TensorFlow adds."""
    text = str(error).strip().split("\n\n")[0].splitlines()
    return text[0] if text else type(error).__name__
