"""`ModelFunction` calls a model as in training, and as it is served."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from ..dataset.keras_mapping import features_by_name
from .outputs import OutputKind, named_outputs

__all__ = ["TOLERANCE", "ModelFunction", "largest_difference"]

TOLERANCE = 1e-4
"""Largest difference of predictions for equal features, as a share of the largest prediction.

Sums in another order, and features that differ in the last place, cause far smaller differences;
one feature in the place of another causes far larger ones.
"""

Predictions: TypeAlias = "Mapping[str, Any]"


@dataclass(frozen=True)
class ModelFunction:
    """Model over features, with named outputs.

    Attributes:
      model: Callable model, which takes features and, if it has it, the keyword `training`.
      output_kind: Kind of its output; see `named_outputs`.
      classes: Names of the classes of the label.
    """

    model: Any
    output_kind: OutputKind
    classes: Sequence[str]

    @cached_property
    def _called(self) -> Callable[[Any], Any]:
        """Model as a function that is not inlined into signatures.

        Inlined, it would be optimized together with its surroundings, with sums in another order:
        signatures would differ in the last bits.
        """
        return tf.function(  # type: ignore[no-any-return]
            self._call,
            autograph=False,
            experimental_attributes={"_noinline": True},
        )

    def output(self, features: Any) -> Any:
        """Return the output of the model itself for features, mapped by name."""
        return self._call(features_by_name(self.model, features))

    def serve(self, features: Any) -> Predictions:
        """Predict for features of the transform graph, mapped by name; for use in a graph."""
        return self._named(self._called(features_by_name(self.model, features)))

    def predict(self, batch: Any) -> Predictions:
        """Predict for a batch in the structure that Keras trains on; for use in a graph."""
        return self._named(self._called(batch))

    def predict_eagerly(self, features: Any, *, by_name: bool) -> Predictions:
        """Predict as `serve` does if `by_name`, else as `predict` does, in eager execution."""
        inputs = features_by_name(self.model, features) if by_name else features
        return self._named(self._call(inputs))

    def _call(self, features: Any) -> Any:
        return self.model(features, **self._keywords)

    @cached_property
    def _keywords(self) -> Mapping[str, bool]:
        """`training=False`, for a model that takes the keyword; models of Keras do."""
        try:
            parameters = inspect.signature(self.model).parameters
        except (TypeError, ValueError):  # some callables in C have no signature
            return {"training": False}
        takes_any = any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters.values())
        return {"training": False} if takes_any or "training" in parameters else {}

    def _named(self, output: Any) -> Predictions:
        return named_outputs(output, kind=self.output_kind, classes=self.classes)


def largest_difference(
    left: Predictions, right: Predictions
) -> tuple[float, tuple[str, int, str, str] | None]:
    """Return the largest difference between predictions for the same rows.

    Floats are compared, and other outputs only where there are no floats: a class follows from
    its probability. NaN equals NaN.

    Args:
      left: Tensors or arrays [rows, …] by name; dense, ragged or sparse.
      right: Tensors or arrays [rows, …] by name; outputs in only one of the two are ignored.

    Returns:
      The difference as a share of the largest finite value of its output, infinity where only one
      value is finite, shapes differ, or values that are no floats differ; and (output, row, left
      value, right value), None where nothing was compared.
    """
    pairs = {name: (_dense(left[name]), _dense(right[name])) for name in left if name in right}
    floats = {name: pair for name, pair in pairs.items() if pair[0].dtype.kind == "f"}
    worst = 0.0
    position: tuple[str, int, str, str] | None = None
    for name, (first, second) in (floats or pairs).items():
        if first.shape != second.shape:
            return np.inf, (name, 0, f"values of shape {first.shape}", f"of {second.shape}")
        shares = _shares(first, second)
        if shares.size and (position is None or shares.max() > worst):
            index = np.unravel_index(shares.argmax(), shares.shape)
            worst = float(shares[index])
            position = (name, int(index[0]), _shown(first[index]), _shown(second[index]))
    return worst, position


def _dense(values: Any) -> npt.NDArray[Any]:
    """Return predictions as an array; absent values of ragged and sparse floats are NaN."""
    if isinstance(values, tf.RaggedTensor | tf.SparseTensor):
        absent = tf.constant(np.nan, values.dtype) if values.dtype.is_floating else None
        if isinstance(values, tf.RaggedTensor):
            values = values.to_tensor(absent)
        else:
            values = tf.sparse.to_dense(values, absent)
    return np.asarray(values)


def _shares(first: npt.NDArray[Any], second: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Return the differences of values as a share of the largest one, in the shape of both."""
    if first.dtype.kind != "f":
        return np.where(first == second, 0.0, np.inf)
    finite = np.isfinite(first) & np.isfinite(second)
    largest = max(np.abs(side[finite]).max(initial=0.0) for side in (first, second))
    with np.errstate(invalid="ignore"):
        shares = np.abs(first.astype(np.float64) - second) / (float(largest) or 1.0)
    same = (first == second) | (np.isnan(first) & np.isnan(second))
    return np.where(same, 0.0, np.where(finite, shares, np.inf))


def _shown(value: Any) -> str:
    """Return a value as a short text.

    >>> _shown(np.float32(0.1)), _shown(b"yes")
    ('0.1', "b'yes'")
    """
    return f"{value:.6g}" if isinstance(value, (float, np.floating)) else str(value)
