"""`export`: a model with the transform graph in front of it, as one SavedModel.

    serving_default   raw columns, a tensor [rows] each; those of a JSON request
    examples          serialized tf.train.Examples of raw columns
    image_bytes       the bytes of image files, of a dataset of images
    transform         raw columns to what the model sees of them, for a parity check

A signature has no optional inputs: `serving_default` takes every raw column that a feature is
made of, and who calls it fills what is missing with "", NaN or the smallest int64, as `recordmill
predict` does. In an Example a column can really be absent. `assets.extra/recordmill.json` tells
the columns, the classes and the graph.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

import tensorflow as tf

from ..schemas.errors import RecipeError
from ..schemas.images import IMAGE
from .instances import served_name
from .serving_estimator import export_estimator
from .serving_graph import ServingGraph
from .serving_outputs import Gives, named_outputs, what_it_gives

if TYPE_CHECKING:
    from .loader import PreparedDataset

__all__ = ["export"]

_INFO = "assets.extra/recordmill.json"
_FORMAT = 1

Columns: TypeAlias = "Mapping[str, tf.Tensor]"


def export(
    data: PreparedDataset,
    model: Any,
    path: str | os.PathLike[str],
    *,
    gives: Gives | None = None,
) -> None:
    """Writes a model with the transform graph in front of it.

    Args:
      data: The dataset it was trained on.
      model: A Keras model over `keras_inputs()`, or anything that takes a dict of features (of
        images alone, the pixels) and gives a tensor [rows, …], or a dict of them; or a trained
        `tf.estimator`.
      path: The folder to write, which must not exist. It appears only when it is complete.
      gives: "logits", "probabilities" or "values"; see `named_outputs`. None for what
        `what_it_gives` finds. An estimator knows it itself.

    Raises:
      RecipeError: The folder exists; or the model gives another number of logits or
        probabilities than there are classes.
    """
    folder = os.fspath(path).rstrip("/")
    if tf.io.gfile.exists(folder):
        raise RecipeError(f"{folder}: exists already; export to a new folder, such as …/2")
    unfinished = f"{folder}.unfinished-{secrets.token_hex(8)}"
    tf.io.gfile.makedirs(os.path.dirname(unfinished) or ".")
    try:
        if hasattr(model, "export_saved_model"):
            export_estimator(data, model, unfinished)
        else:
            _export_function(data, model, unfinished, gives)
        _write_info(data, unfinished)
        tf.io.gfile.rename(unfinished, folder)
    finally:
        if tf.io.gfile.exists(unfinished):
            tf.io.gfile.rmtree(unfinished)


def _export_function(data: PreparedDataset, model: Any, folder: str, gives: Gives | None) -> None:
    graph = data.serving_graph
    classes = data.manifest.classes
    gives = gives or what_it_gives(model, classes)
    names = {one.name for one in getattr(model, "inputs", None) or ()}

    def features(columns: Columns) -> Columns:
        made = graph(columns)
        return made if isinstance(made, Mapping) else {IMAGE: made}

    called = _as_one_function(model)

    def answers(columns: Columns) -> Columns:
        output = called(_taken(graph(columns), names))
        return named_outputs(output, gives=gives, classes=classes)

    module = tf.Module()
    module.graph, module.model = graph.module, model
    tf.saved_model.save(module, folder, signatures=_signatures(graph, features, answers))


def _as_one_function(model: Any) -> Callable[[Any], Any]:
    """The model as a function that no signature takes apart.

    Inlined into each signature, it would be optimized with what is around it, and sums could be
    added up in another order: signatures would differ in the last bits.
    """
    return tf.function(  # type: ignore[no-any-return]
        lambda features: model(features, training=False),
        autograph=False,
        experimental_attributes={"_noinline": True},
    )


def _taken(features: Any, names: set[str]) -> Any:
    """Of the features those that the model has inputs for, where it tells their names."""
    if not isinstance(features, Mapping):
        return features
    taken = {name: one for name, one in features.items() if name.replace("/", "_") in names}
    return taken if names and len(taken) == len(names) else features


def _signatures(
    graph: ServingGraph,
    features: Callable[[Columns], Columns],
    answers: Callable[[Columns], Columns],
) -> dict[str, Any]:
    spec = graph.raw_spec

    def of_examples(given: Columns) -> Columns:
        return answers(tf.io.parse_example(given["examples"], spec))

    def of_images(given: Columns) -> Columns:
        return answers({IMAGE: given["image_bytes"]})

    text = tf.TensorSpec([None], tf.string)
    found = {
        "serving_default": _signature(answers, graph.columns),
        "examples": _signature(of_examples, {"examples": text}),
    }
    if IMAGE in graph.columns and IMAGE in graph.features:
        found["image_bytes"] = _signature(of_images, {"image_bytes": text})
    if graph.dense:
        found["transform"] = _signature(features, graph.columns)
    return found


def _signature(function: Callable[[Columns], Columns], specs: Mapping[str, tf.TensorSpec]) -> Any:
    """A function of a dict as one of keyword arguments, under names that a server takes."""
    names = {served_name(name): name for name in specs}

    def over_columns(**given: tf.Tensor) -> Columns:
        return function({names[name]: tensor for name, tensor in given.items()})

    return tf.function(over_columns, autograph=False).get_concrete_function(
        **{
            name: tf.TensorSpec(specs[own].shape, specs[own].dtype, name)
            for name, own in names.items()
        }
    )


def _write_info(data: PreparedDataset, folder: str) -> None:
    manifest = data.manifest
    columns = data.serving_graph.columns
    info = {
        "format": _FORMAT,
        "dataset": manifest.name,
        "transform_fn": dict(manifest.transform_fn),
        "columns": [
            {"name": name, "type": spec.dtype.name, "shape": spec.shape[1:].as_list()}
            for name, spec in columns.items()
        ],
        "label": manifest.label,
        "classes": list(manifest.classes),
        "images": bool(manifest.images),
        "versions": {**manifest.versions, "tensorflow": tf.__version__},
    }
    path = f"{folder}/{_INFO}"
    tf.io.gfile.makedirs(os.path.dirname(path))
    with tf.io.gfile.GFile(path, "w") as file:
        file.write(json.dumps(info, indent=2, ensure_ascii=False) + "\n")
