"""Errors of a user's `preprocessing_fn`, reported before any data is read.

The function is traced once, on placeholders; otherwise it would fail in the middle of a pipeline.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import tensorflow as tf

from ...schemas.errors import RecipeError
from ...schemas.suggestions import did_you_mean
from ..config.recipe import PreprocessingFn
from ..recipes.functions import describe_error

__all__ = ["CheckedFn"]

_TENSORS = (tf.Tensor, tf.SparseTensor, tf.RaggedTensor)


@dataclass(frozen=True)
class CheckedFn:
    """A `preprocessing_fn` that explains its errors and checks its outputs whenever it is traced.

    Attributes:
      recipe: Name of the recipe, for messages.
      function: The function.
    """

    recipe: str
    function: PreprocessingFn

    def __call__(self, inputs: dict[str, Any]) -> dict[str, Any]:
        """Call the function and return its features.

        Raises:
          RecipeError: The function fails, or does not return features. The message names the
            function, the line of the user's file that fails, the error and, for a missing column,
            the one with the nearest name; for a declared function, the feature and the operation.
        """
        columns = tuple(inputs)
        try:
            outputs = self.function(inputs)
        except RecipeError as error:
            raise RecipeError(self._message(str(error))) from error
        except Exception as error:
            message = describe_error(error, self._path) + _nearest(error, columns)
            raise RecipeError(self._message(message)) from error
        problem = _problem(outputs)
        if problem:
            raise RecipeError(self._message(f"{self._path}: {problem}" if self._path else problem))
        return outputs

    @property
    def _path(self) -> str:
        """Path of the file that defines the function; "" for a callable that is no function."""
        code = getattr(inspect.unwrap(self.function), "__code__", None)
        return str(code.co_filename) if code else ""

    def _message(self, problem: str) -> str:
        name = getattr(self.function, "__qualname__", "")
        return f"recipe {self.recipe}: " + (f"{name}: {problem}" if name else problem)


def _nearest(error: Exception, columns: tuple[str, ...]) -> str:
    """Return the columns near a missing key, as the end of a sentence; "" for other errors."""
    if not isinstance(error, KeyError) or not error.args or error.args[0] in columns:
        return ""
    return did_you_mean(str(error.args[0]), columns) or f"; there are {', '.join(columns)}"


def _problem(outputs: Any) -> str:
    """Return the problem with the outputs of a function, or ""."""
    if not isinstance(outputs, Mapping):
        type_name = type(outputs).__name__
        return f"expected a dict of features by name, got a value of type {type_name}"
    if not outputs:
        return "expected at least one feature, got an empty dict"
    for name, value in outputs.items():
        if not isinstance(name, str):
            return f"expected text for the name of a feature, got {name!r}"
        if not isinstance(value, _TENSORS):
            type_name = type(value).__name__
            return f'feature "{name}": expected a tensor, got a value of type {type_name}'
        if value.shape.rank == 0:
            return f'feature "{name}": expected a value for each row, got one for all of them'
    return ""
