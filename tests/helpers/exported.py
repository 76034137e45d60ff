"""Exported models, written by hand: the signatures and assets that `export` gives one."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf

from recordmill.transforms.serving.json_instances import served_name
from recordmill.transforms.serving.raw_columns import missing_value, raw_tensors
from recordmill.transforms.serving.transform_graph import TransformGraph, load_module

Columns = Mapping[str, Any]


def write_model(
    folder: Path,
    columns: Mapping[str, tf.TensorSpec],
    model: Callable[[Columns], Columns],
    *,
    transform: Callable[[Columns], Columns] | None = None,
    defaults: Mapping[str, Any] | None = None,
    **info: Any,
) -> Path:
    """Save a model.

    Args:
      folder: Where to.
      columns: The raw columns it takes.
      model: From raw columns to predictions.
      transform: From raw columns to features, for the signature "transform".
      defaults: The missing values of the columns, for the signature "examples"; None for none.
      info: What `recordmill.json` says besides the columns.
    """
    module = tf.Module()
    module.signatures = {"serving_default": _over_columns(columns, model)}
    if transform:
        module.signatures["transform"] = _over_columns(columns, transform)
    if "image" in columns:
        module.signatures["image_bytes"] = _over_columns({"image": columns["image"]}, model)
    if defaults:
        module.signatures["examples"] = _over_examples(columns, model, defaults)
    # What the functions use must hang on the module.
    module.used = [getattr(one, "used", None) for one in (model, transform)]
    signatures = dict(module.signatures)
    del module.signatures
    tf.saved_model.save(module, str(folder), signatures=signatures)
    (folder / "assets.extra").mkdir()
    text = json.dumps({"columns": [{"name": name} for name in columns], **info})
    (folder / "assets.extra" / "recordmill.json").write_text(text)
    return folder


def _over_columns(columns: Mapping[str, tf.TensorSpec], function: Any) -> Any:
    names = {served_name(name): name for name in columns}

    @tf.function(autograph=False)
    def over_columns(**given: tf.Tensor) -> Columns:
        return function({names[name]: value for name, value in given.items()})

    specs = {name: columns[own] for name, own in names.items()}
    return over_columns.get_concrete_function(
        **{name: tf.TensorSpec(spec.shape, spec.dtype, name=name) for name, spec in specs.items()}
    )


def _over_examples(
    columns: Mapping[str, tf.TensorSpec], function: Any, defaults: Mapping[str, Any]
) -> Any:
    spec = {
        name: tf.io.FixedLenFeature([], one.dtype, defaults[name]) for name, one in columns.items()
    }

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
    def over_examples(examples: tf.Tensor) -> Columns:
        return function(tf.io.parse_example(examples, spec))

    return over_examples.get_concrete_function()


def export_graph(
    folder: Path,
    directory: Path,
    *,
    label: str | None,
    predictions: Callable[[Columns], Columns],
    features: Callable[[dict[str, Any]], Columns] = dict,
    without: Sequence[str] = (),
) -> Path:
    """A model over the transform graph of a prepared dataset.

    Args:
      folder: Where to.
      directory: The prepared dataset.
      label: Its label, which the model does not take.
      predictions: From features to predictions.
      features: Changes what the graph gives; to write a model that is wrong.
      without: Further raw columns that it does not take, such as boxes.
    """
    graph = TransformGraph(str(directory / "transform_fn"))
    columns = {name: spec for name, spec in graph.inputs.items() if name not in (label, *without)}

    def transform(raw: Columns) -> Columns:
        made = graph(raw_tensors(raw, graph.inputs))
        return features({name: value for name, value in made.items() if name != label})

    transform.used = load_module(str(directory / "transform_fn"))  # type: ignore[attr-defined]

    def model(raw: Columns) -> Columns:
        return predictions(transform(raw))

    return write_model(
        folder,
        columns,
        model,
        transform=transform,
        defaults={name: missing_value(spec) for name, spec in columns.items()},
        label=label,
    )


def by_position(model: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The model, fed as by a Keras that takes the first tensors of a batch."""

    def call(self: Any, inputs: Any, training: Any = None, mask: Any = None) -> Any:
        if isinstance(inputs, dict):
            first = [inputs[name] for name in sorted(inputs)][: len(self.inputs)]
            inputs = dict(zip(sorted(self.input), first, strict=True))
        return original(self, inputs, training=training, mask=mask)

    original = type(model).call.__wrapped__
    call.takes_features_by_name = True  # type: ignore[attr-defined]
    monkeypatch.setattr(type(model), "call", call)
    return model
