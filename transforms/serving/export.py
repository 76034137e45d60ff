"""`export` writes a model with the transform graph in front of it as one SavedModel.

    serving_default   raw columns, a tensor [rows] each; those of a JSON request
    examples          serialized tf.train.Examples of raw columns
    image_bytes       the bytes of image files, for a dataset of images
    transform         raw columns to the features of the model, for a parity check
    records           records of the dataset, fed to the model as in training, for a parity check

A signature has no optional inputs: `serving_default` takes every raw column that a used feature
depends on, and its caller fills missing values with "", NaN or the smallest int64, as `recordmill
predict` does. In an Example a column can really be absent. `assets.extra/recordmill.json`
describes the columns, the classes and the graph.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import tensorflow as tf

from ...schemas.errors import RecipeError
from ...schemas.images import IMAGE
from ...schemas.request_names import served_name
from ..dataset.feature_names import choose_features
from .export_estimator import export_estimator
from .graph import ServingGraph
from .model_function import ModelFunction
from .outputs import OutputKind, infer_output_kind
from .trained_answers import trained_answers
from .trained_on import TrainingDataset
from .used_features import used_features

__all__ = ["export"]

_INFO = "assets.extra/recordmill.json"
_FORMAT = 1

Columns: TypeAlias = "Mapping[str, tf.Tensor]"


def export(
    data: TrainingDataset,
    model: Any,
    path: str | os.PathLike[str],
    *,
    output_kind: OutputKind | None = None,
    features: Sequence[str] | None = None,
) -> None:
    """Write a model with the transform graph in front of it.

    The predictions for the first records, fed to the model as in training, are compared with those
    of the served model. A model with other predictions in each call is not compared, nor is one
    that does not take such batches; a warning names the reason.

    Args:
      data: The dataset of the model's training.
      model: A Keras model over `keras_inputs()`, or any callable from a dict of features (for
        images alone, from the pixels) to a tensor [rows, …] or a dict of tensors, which is called
        with `training=False` if it takes that keyword; or a trained `tf.estimator`.
      path: The folder to write, which must not exist. It appears only when it is complete.
      output_kind: "logits", "probabilities" or "values"; see `named_outputs`. None to infer it, see
        `infer_output_kind`. Ignored for an estimator, which names its outputs.
      features: The names of the features of the model's training, if not all; only for a model
        that does not name its inputs, such as a subclassed one.

    Raises:
      DataError: A record of the dataset cannot be read.
      RecipeError: The folder exists; the number of logits or probabilities is not that of the
        classes; the model predicts otherwise when served than in training; a signature would have
        two columns of one name; or the dataset has no such feature.
    """
    folder = os.fspath(path).rstrip("/")
    if tf.io.gfile.exists(folder):
        raise RecipeError(f"{folder}: exists already; export to a new folder, such as …/2")
    unfinished = f"{folder}.unfinished-{secrets.token_hex(8)}"
    tf.io.gfile.makedirs(os.path.dirname(unfinished) or ".")
    try:
        if hasattr(model, "export_saved_model"):
            graph = export_estimator(data, model, unfinished)
        else:
            graph = data.serving_graph
            if features is not None:
                graph = graph.over(choose_features(features, data.features))
            graph = _export_function(data, model, unfinished, output_kind, graph)
        _write_info(data, graph, unfinished)
        tf.io.gfile.rename(unfinished, folder)
    finally:
        if tf.io.gfile.exists(unfinished):
            tf.io.gfile.rmtree(unfinished)


def _export_function(
    data: TrainingDataset,
    model: Any,
    folder: str,
    output_kind: OutputKind | None,
    graph: ServingGraph,
) -> ServingGraph:
    """Write a callable model; return the graph in front of it."""
    classes = data.manifest.classes
    function = ModelFunction(model, output_kind or infer_output_kind(model, classes), classes)
    of_records = trained_answers(data, function, graph)
    if len(graph.features) > 1:
        graph = graph.over(graph.features, used=used_features(function.output, graph.specs))
    _check_names(graph.columns)
    module = tf.Module()
    module.graph, module.model = graph.module, model
    tf.saved_model.save(module, folder, signatures=_signatures(graph, function, of_records))
    return graph


def _check_names(columns: Iterable[str]) -> None:
    """Raise RecipeError where a signature would have two columns of one name."""
    names: dict[str, str] = {}
    for column in columns:
        other = names.setdefault(served_name(column), column)
        if other != column:
            raise RecipeError(
                f'a signature spells the columns "{other}" and "{column}" alike, '
                f'"{served_name(column)}"; rename one of them in the recipe'
            )


def _signatures(
    graph: ServingGraph,
    function: ModelFunction,
    of_records: Callable[[tf.Tensor], Columns] | None,
) -> dict[str, Any]:
    spec = graph.raw_spec

    def answers(columns: Columns) -> Columns:
        return function.serve(graph(columns))

    def of_examples(inputs: Columns) -> Columns:
        return answers(tf.io.parse_example(inputs["examples"], spec))

    def of_images(inputs: Columns) -> Columns:
        return answers({IMAGE: inputs["image_bytes"]})

    def features(columns: Columns) -> Columns:
        outputs = graph(columns)
        named = outputs if isinstance(outputs, Mapping) else {IMAGE: outputs}
        return {name: named[name] for name in graph.used}

    text = tf.TensorSpec([None], tf.string)
    signatures = {
        "serving_default": _signature(answers, graph.columns),
        "examples": _signature(of_examples, {"examples": text}),
    }
    if IMAGE in graph.columns and IMAGE in graph.features:
        signatures["image_bytes"] = _signature(of_images, {"image_bytes": text})
    if graph.dense:
        signatures["transform"] = _signature(features, graph.columns)
    if of_records is not None:
        signatures["records"] = _signature(
            lambda inputs: of_records(inputs["records"]), {"records": text}
        )
    return signatures


def _signature(function: Callable[[Columns], Columns], specs: Mapping[str, tf.TensorSpec]) -> Any:
    """Convert a function of a dict to one of keyword arguments, with names valid for a server."""
    names = {served_name(name): name for name in specs}

    def over_columns(**inputs: tf.Tensor) -> Columns:
        return function({names[name]: tensor for name, tensor in inputs.items()})

    return tf.function(over_columns, autograph=False).get_concrete_function(
        **{
            name: tf.TensorSpec(specs[column].shape, specs[column].dtype, name)
            for name, column in names.items()
        }
    )


def _write_info(data: TrainingDataset, graph: ServingGraph, folder: str) -> None:
    manifest = data.manifest
    columns = graph.columns
    info = {
        "format": _FORMAT,
        "dataset": manifest.name,
        "transform_fn": dict(manifest.transform_fn),
        "columns": [
            {"name": name, "type": spec.dtype.name, "shape": spec.shape[1:].as_list()}
            for name, spec in columns.items()
        ],
        "unused": [name for name in data.raw_spec if name not in (*columns, manifest.label)],
        "label": manifest.label,
        "classes": list(manifest.classes),
        "images": bool(manifest.images),
        "versions": {**manifest.versions, "tensorflow": tf.__version__},
    }
    path = f"{folder}/{_INFO}"
    tf.io.gfile.makedirs(os.path.dirname(path))
    with tf.io.gfile.GFile(path, "w") as file:
        file.write(json.dumps(info, indent=2, ensure_ascii=False) + "\n")
