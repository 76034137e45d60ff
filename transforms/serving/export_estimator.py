"""Export of a trained `tf.estimator` with the signatures and outputs of all exported models."""

from __future__ import annotations

from typing import Any

import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from ..dataset.estimators import as_estimator_features, receiver_fn
from .graph import ServingGraph
from .outputs import named_outputs
from .trained_on import TrainingDataset
from .transform_graph import ancestor_ops

__all__ = ["export_estimator"]

_DEFAULT, _EXAMPLES = "serving_default", "examples"


def export_estimator(data: TrainingDataset, estimator: Any, folder: str) -> ServingGraph:
    """Write an estimator with the signatures `serving_default` and `examples`.

    Args:
      data: The dataset of the estimator's training.
      estimator: A trained `tf.estimator.Estimator`.
      folder: The folder to write; `<folder>-estimator` serves as a temporary one.

    Returns:
      The transform graph in front of the estimator, over the columns of the features it uses.

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
    graph = data.serving_graph
    receive = receiver_fn(graph)  # fails first, where there are no estimators
    used = _used_features(estimator, graph)
    if len(used) < len(graph.features):
        graph = graph.over(graph.features, used=used)
        receive = receiver_fn(graph)
    try:
        written = named.export_saved_model(base, receive)
        tf.io.gfile.rename(written.decode() if isinstance(written, bytes) else written, folder)
    finally:
        if tf.io.gfile.exists(base):
            tf.io.gfile.rmtree(base)
    _rename_signature(f"{folder}/saved_model.pb", f"{_EXAMPLES}:{_DEFAULT}", _EXAMPLES)
    return graph


def _used_features(estimator: Any, graph: ServingGraph) -> list[str]:
    """Return the features that the predictions of an estimator depend on."""
    with tf.Graph().as_default():
        features = {name: _placeholder(spec) for name, spec in graph.specs.items()}
        ops = {
            tensor.op.name: name
            for name, feature in features.items()
            for tensor in tf.nest.flatten(feature, expand_composites=True)
        }
        fed = as_estimator_features(features)
        spec = estimator.model_fn(fed, None, tf.estimator.ModeKeys.PREDICT, estimator.config)
        predictions = tf.nest.flatten(spec.predictions, expand_composites=True)
        used = {ops[op] for op in ancestor_ops(predictions) if op in ops}
    return [name for name in graph.features if name in used]


def _placeholder(spec: tf.TypeSpec) -> Any:
    """Return a placeholder of a feature, for a composite one of several components."""
    parts = [
        tf.compat.v1.placeholder(part.dtype, part.shape)
        for part in tf.nest.flatten(spec, expand_composites=True)
    ]
    return tf.nest.pack_sequence_as(spec, parts, expand_composites=True)


def _named(predictions: Any, classes: tuple[str, ...]) -> dict[str, tf.Tensor]:
    if not isinstance(predictions, dict):
        return named_outputs(predictions, kind="values", classes=())
    if "logits" in predictions:
        return named_outputs(predictions["logits"], kind="logits", classes=classes)
    if set(predictions) == {"predictions"}:
        return named_outputs(predictions["predictions"], kind="values", classes=())
    return dict(predictions)


def _rename_signature(path: str, old: str, new: str) -> None:
    with tf.io.gfile.GFile(path, "rb") as file:
        model = saved_model_pb2.SavedModel.FromString(file.read())
    for graph in model.meta_graphs:
        if old in graph.signature_def:
            graph.signature_def[new].CopyFrom(graph.signature_def.pop(old))
    with tf.io.gfile.GFile(path, "wb") as file:
        file.write(model.SerializeToString(deterministic=True))
