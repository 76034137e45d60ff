"""`ModelFunction`: a model as it answers in training and as it answers when it is served."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from ..dataset.keras_mapping import features_by_name
from .outputs import Gives, named_outputs

__all__ = ["TOLERANCE", "ModelFunction", "largest_difference"]

TOLERANCE = 1e-4
"""The largest difference of answers to equal features, as a share of the largest answer.

Sums of other order and features that are a unit in the last place off come to far less, and a
feature in the place of another to far more.
"""

Answers: TypeAlias = "Mapping[str, Any]"


@dataclass(frozen=True)
class ModelFunction:
    """A model over features.

    Attributes:
      model: The model.
      gives: What it gives; see `named_outputs`.
      classes: The names of the classes of the label.
    """

    model: Any
    gives: Gives
    classes: Sequence[str]

    @cached_property
    def _called(self) -> Callable[[Any], Any]:
        """The model as a function that no signature takes apart.

        Inlined into each signature, it would be optimized with what is around it, and sums could be
        added up in another order: signatures would differ in the last bits.
        """
        return tf.function(  # type: ignore[no-any-return]
            lambda features: self.model(features, training=False),
            autograph=False,
            experimental_attributes={"_noinline": True},
        )

    def output(self, features: Any) -> Any:
        """Return what the model itself gives of features, mapped by name."""
        return self.model(features_by_name(self.model, features), training=False)

    def served(self, features: Any) -> Answers:
        """Return the answers to features of the transform graph, mapped by name; for a graph."""
        return self._named(self._called(features_by_name(self.model, features)))

    def trained(self, batch: Any) -> Answers:
        """Return the answers to a batch fed as Keras feeds it to train or predict; for a graph."""
        return self._named(self._called(batch))

    def eagerly(self, features: Any, *, by_name: bool) -> Answers:
        """Return the answers of `served`, or else of `trained`, computed right away."""
        fed = features_by_name(self.model, features) if by_name else features
        return self._named(self.model(fed, training=False))

    def _named(self, output: Any) -> Answers:
        return named_outputs(output, gives=self.gives, classes=self.classes)


def largest_difference(
    one: Answers, other: Answers
) -> tuple[float, tuple[str, int, str, str] | None]:
    """Return the largest difference between answers to the same rows.

    Args:
      one: Tensors or arrays [rows, …] by name.
      other: The same of the other side. Floats are compared, and others only where there are no
        floats: a class follows from its probability.

    Returns:
      The difference as a share of the largest finite value of its output, infinity where one side
      is not finite or values that are no floats differ; and (output, row, value of the one side,
      value of the other), None where nothing was compared. NaN equals NaN.
    """
    pairs = {
        name: (np.asarray(one[name]), np.asarray(other[name])) for name in one if name in other
    }
    floats = {name: pair for name, pair in pairs.items() if pair[0].dtype.kind == "f"}
    worst = 0.0
    where: tuple[str, int, str, str] | None = None
    for name, (first, second) in (floats or pairs).items():
        if first.shape != second.shape:
            return np.inf, (name, 0, f"values of shape {first.shape}", f"of {second.shape}")
        shares = _shares(first, second)
        if shares.size and (where is None or shares.max() > worst):
            index = np.unravel_index(shares.argmax(), shares.shape)
            worst = float(shares[index])
            where = (name, int(index[0]), _shown(first[index]), _shown(second[index]))
    return worst, where


def _shares(first: npt.NDArray[Any], second: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Return how far values are apart, as a share of the largest one, in the shape of both."""
    if first.dtype.kind != "f":
        return np.where(first == second, 0.0, np.inf)
    finite = np.isfinite(first) & np.isfinite(second)
    largest = max(np.abs(side[finite]).max(initial=0.0) for side in (first, second))
    with np.errstate(invalid="ignore"):
        apart = np.abs(first.astype(np.float64) - second) / (float(largest) or 1.0)
    same = (first == second) | (np.isnan(first) & np.isnan(second))
    return np.where(same, 0.0, np.where(finite, apart, np.inf))


def _shown(value: Any) -> str:
    """Return a value in a few characters.

    >>> _shown(np.float32(0.1)), _shown(b"yes")
    ('0.1', "b'yes'")
    """
    return f"{value:.6g}" if isinstance(value, (float, np.floating)) else str(value)
