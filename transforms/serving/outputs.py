"""Named outputs of a served model: logits, probabilities and classes, or predictions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeAlias

import tensorflow as tf

from ...schemas.errors import RecipeError

__all__ = ["OutputKind", "infer_output_kind", "named_outputs"]

OutputKind: TypeAlias = Literal["logits", "probabilities", "values"]
"""Kind of a model's output for each row: for classes, logits or probabilities, one for each class
or a single one for the second of two; or other values, such as those of a regression."""


def infer_output_kind(model: Any, classes: Sequence[str]) -> OutputKind:
    """Infer the kind of a model's output from its last layer.

    Args:
      model: Any model.
      classes: The names of the label's classes; empty for a label without classes.

    Returns:
      "values" without classes. Else "probabilities" where the last layer has the activation
      sigmoid or softmax, and "logits" otherwise.
    """
    if not classes:
        return "values"
    layers = getattr(model, "layers", None) or [None]
    activation = getattr(getattr(layers[-1], "activation", None), "__name__", "")
    return "probabilities" if activation in ("sigmoid", "softmax") else "logits"


def named_outputs(output: Any, *, kind: OutputKind, classes: Sequence[str]) -> dict[str, tf.Tensor]:
    """Return the named outputs of a served model.

    Args:
      output: The output of the model: a tensor [rows, …]; or a dict of tensors, which stays
        unchanged.
      kind: The kind of the output.
      classes: The names of the classes; if empty, their ids are their names.

    Returns:
      For values "predictions" [rows, …], without a last dimension of 1. Else "probabilities",
      float [rows, classes], and "classes", string [rows], the most probable; for logits also
      "logits", unchanged.

    Raises:
      RecipeError: The number of logits or probabilities is not that of the classes.
    """
    if isinstance(output, Mapping):
        return dict(output)
    if kind == "values":
        single = output.shape.rank is not None and output.shape.rank > 1 and output.shape[-1] == 1
        return {"predictions": tf.squeeze(output, -1) if single else output}
    output = output[:, tf.newaxis] if output.shape.rank == 1 else output
    width = output.shape[-1]
    expected = len(classes) or max(width, 2)
    if width != expected and (width, expected) != (1, 2):
        raise RecipeError(
            f"expected a model of {expected} {kind} a row, one for each class, got {width}"
        )
    probabilities = _probabilities(output, kind)
    names = list(classes) or [str(id_) for id_ in range(expected)]
    named = {
        "probabilities": probabilities,
        "classes": tf.gather(tf.constant(names), tf.argmax(probabilities, axis=-1)),
    }
    return {"logits": output, **named} if kind == "logits" else named


def _probabilities(output: tf.Tensor, kind: OutputKind) -> tf.Tensor:
    """Return a probability for each class; a single output is that of the second of two."""
    if output.shape[-1] != 1:
        return tf.nn.softmax(output) if kind == "logits" else output
    if kind == "logits":
        return tf.sigmoid(tf.concat([-output, output], axis=-1))
    return tf.concat([1 - output, output], axis=-1)
