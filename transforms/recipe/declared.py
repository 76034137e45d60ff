"""`Declared`: a `preprocessing_fn` of named operations, as recipes without Python code have.

It is data, so it can be pickled and compared; the operations are the functions of `OPS`.
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

__all__ = ["Declared", "Step", "TensorDefinition"]


@dataclass(frozen=True)
class Step:
    """One operation with its arguments.

    Attributes:
      op: Name of the operation in `OPS`.
      arguments: Keyword arguments besides the tensors.
    """

    op: str
    arguments: Mapping[str, Any] = field(default_factory=dict)

    def __call__(self, xs: Sequence[Any]) -> Any:
        """Apply the operation to tensors.

        Args:
          xs: The tensors.

        Returns:
          The result of the operation.

        Raises:
          RecipeError: The number or the dtypes of the tensors are wrong, or the operation itself
            fails.
        """
        op = OPS[self.op]
        least, most = tensors(op)
        if not least <= len(xs) <= (len(xs) if most is None else most):
            raise RecipeError(f"{self.op}: expected {_count(least, most)}, got {len(xs)}")
        for index, x in enumerate(xs):
            expected = dtypes(op, index)
            if expected and x.dtype not in expected:
                *more, last = (dtype.name for dtype in expected)
                names = f"{', '.join(more)} or {last}" if more else last
                raise RecipeError(f"{self.op}: expected {names}, got {x.dtype.name}")
        try:
            return op(list(xs), **self.arguments) if most is None else op(*xs, **self.arguments)
        except Exception as error:
            raise RecipeError(f"{self.op}: {_first_line(error)}") from error


@dataclass(frozen=True)
class TensorDefinition:
    """Definition of one tensor, a value or a feature.

    Attributes:
      name: Name of the tensor.
      of: Names of the columns and values that the first step takes.
      steps: Operations in order; the first is applied to all of `of`, each further one to the
        result before. Without steps the tensor stays unchanged.
      expression: Expression over columns and values, instead of `of`.
    """

    name: str
    of: tuple[str, ...] = ()
    steps: tuple[Step, ...] = ()
    expression: str = ""

    def __call__(self, tensors: Mapping[str, Any], columns: Sequence[Column]) -> Any:
        """Compute the tensor.

        Args:
          tensors: The tensors of the columns, and of the values defined before, by name.
          columns: The columns, for the expression.

        Returns:
          The tensor.

        Raises:
          RecipeError: An operation or the expression fails.
        """
        operands = [tensors[name] for name in self.of]
        if self.expression:
            operands = [evaluate(self.expression, tensors, columns)]
        for step in self.steps:
            operands = [step(operands)]
        return operands[0]


@dataclass(frozen=True)
class Declared:
    """Callable `preprocessing_fn`: raw tensors by column -> features by name.

    Attributes:
      columns: Columns to clean first, by the rules of their `Column`.
      values: Definitions of intermediate tensors, of columns and of values before.
      features: Definitions of the results, in order, of columns and values.
    """

    columns: tuple[Column, ...]
    values: tuple[TensorDefinition, ...]
    features: tuple[TensorDefinition, ...]

    def __call__(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Compute the features.

        Args:
          inputs: Dense tensors of the columns; other tensors, of images, stay unchanged.

        Returns:
          A tensor for each of `features`, by name.

        Raises:
          RecipeError: An operation fails; the message names the feature or value, and the
            operation.
        """
        names = {column.name for column in self.columns}
        raw = {name: x for name, x in inputs.items() if name in names}
        tensors = dict(inputs) | (clean(raw, Schema(self.columns)) if raw else {})
        for value in self.values:
            tensors[value.name] = self._compute("values", value, tensors)
        return {
            feature.name: self._compute("transforms", feature, tensors) for feature in self.features
        }

    def _compute(
        self, section: str, definition: TensorDefinition, tensors: Mapping[str, Any]
    ) -> Any:
        try:
            return definition(tensors, self.columns)
        except RecipeError as error:
            raise RecipeError(f"{section}.{definition.name}: {error}") from error


def _count(least: int, most: int | None) -> str:
    if most is None:
        return f"{least} or more columns"
    return f"{least} column{'s' * (least != 1)}" if least == most else f"{least} to {most} columns"


def _first_line(error: Exception) -> str:
    """Return the message of an error without the graph's traceback that TensorFlow adds."""
    text = str(error).strip().split("\n\n")[0].splitlines()
    return text[0] if text else type(error).__name__
