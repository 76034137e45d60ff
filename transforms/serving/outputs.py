"""What a served model answers, by name: logits, probabilities and classes, or predictions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeAlias

import tensorflow as tf

from ...schemas.errors import RecipeError

__all__ = ["Gives", "named_outputs", "what_it_gives"]

Gives: TypeAlias = Literal["logits", "probabilities", "values"]
"""What a model gives of each row: for classes logits or probabilities, one a class or one in all
for the second of two; or any other values, such as those of a regression."""


def what_it_gives(model: Any, classes: Sequence[str]) -> Gives:
    """What a model gives, where nobody says it: values of a dataset without classes.

    With classes these are probabilities, where the last layer ends in a sigmoid or a softmax, and
    logits otherwise.
    """
    if not classes:
        return "values"
    layers = getattr(model, "layers", None) or [None]
    activation = getattr(getattr(layers[-1], "activation", None), "__name__", "")
    return "probabilities" if activation in ("sigmoid", "softmax") else "logits"


def named_outputs(output: Any, *, gives: Gives, classes: Sequence[str]) -> dict[str, tf.Tensor]:
    """What a model gave of some rows, by name.

    Args:
      output: A tensor [rows, …]; or a dict of them, which is taken as it is.
      gives: What it is.
      classes: The names of the classes; empty where they have none, and then are called by their
        ids.

    Returns:
      Of values "predictions" [rows, …], without a last dimension of one. Else "probabilities",
      float [rows, classes], and "classes", string [rows], the most probable; and "logits", where
      that is what the model gives, as it gives them.

    Raises:
      RecipeError: There is another number of logits or probabilities than of classes.
    """
    if isinstance(output, Mapping):
        return dict(output)
    if gives == "values":
        single = output.shape.rank is not None and output.shape.rank > 1 and output.shape[-1] == 1
        return {"predictions": tf.squeeze(output, -1) if single else output}
    output = output[:, tf.newaxis] if output.shape.rank == 1 else output
    width = output.shape[-1]
    expected = len(classes) or max(width, 2)
    if width != expected and (width, expected) != (1, 2):
        raise RecipeError(
            f"expected a model that gives {expected} {gives} a row, one a class, got {width}"
        )
    probabilities = _probabilities(output, gives)
    names = list(classes) or [str(id_) for id_ in range(expected)]
    named = {
        "probabilities": probabilities,
        "classes": tf.gather(tf.constant(names), tf.argmax(probabilities, axis=-1)),
    }
    return {"logits": output, **named} if gives == "logits" else named


def _probabilities(output: tf.Tensor, gives: Gives) -> tf.Tensor:
    """One probability a class, of one a class or of one in all."""
    if output.shape[-1] != 1:
        return tf.nn.softmax(output) if gives == "logits" else output
    if gives == "logits":
        return tf.sigmoid(tf.concat([-output, output], axis=-1))
    return tf.concat([1 - output, output], axis=-1)
