"""A trained `tf.estimator` as a SavedModel with the names that every exported model has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from .serving_outputs import named_outputs

if TYPE_CHECKING:
    from .loader import PreparedDataset

__all__ = ["export_estimator"]

_DEFAULT, _EXAMPLES = "serving_default", "examples"


def export_estimator(data: PreparedDataset, estimator: Any, folder: str) -> None:
    """Writes an estimator with the signatures `serving_default` and `examples`.

    Args:
      data: The dataset it was trained on.
      estimator: Trained; a `tf.estimator.Estimator`.
      folder: The folder to write; `<folder>-estimator` is used and removed.

    Raises:
      RecipeError: This TensorFlow has no `tf.estimator`.
    """
    classes = data.manifest.classes

    def model_fn(features: Any, labels: Any, mode: Any) -> Any:
        spec = estimator.model_fn(features, labels, mode, estimator.config)
        output = tf.estimator.export.PredictOutput(_named(spec.predictions, classes))
        return spec._replace(export_outputs={_DEFAULT: output})

    named = tf.estimator.Estimator(model_fn, estimator.model_dir, estimator.config)
    base = f"{folder}-estimator"
    try:
        written = named.export_saved_model(base, data.serving_input_receiver_fn())
        tf.io.gfile.rename(written.decode() if isinstance(written, bytes) else written, folder)
    finally:
        if tf.io.gfile.exists(base):
            tf.io.gfile.rmtree(base)
    _rename_signature(f"{folder}/saved_model.pb", f"{_EXAMPLES}:{_DEFAULT}", _EXAMPLES)


def _named(predictions: Any, classes: tuple[str, ...]) -> dict[str, tf.Tensor]:
    if not isinstance(predictions, dict):
        return named_outputs(predictions, gives="values", classes=())
    if "logits" in predictions:
        return named_outputs(predictions["logits"], gives="logits", classes=classes)
    if set(predictions) == {"predictions"}:
        return named_outputs(predictions["predictions"], gives="values", classes=())
    return dict(predictions)


def _rename_signature(path: str, old: str, new: str) -> None:
    with tf.io.gfile.GFile(path, "rb") as file:
        model = saved_model_pb2.SavedModel.FromString(file.read())
    for graph in model.meta_graphs:
        if old in graph.signature_def:
            graph.signature_def[new].CopyFrom(graph.signature_def.pop(old))
    with tf.io.gfile.GFile(path, "wb") as file:
        file.write(model.SerializeToString(deterministic=True))
