"""Mapping of features to the inputs of a functional Keras model by name, never by position.

Training can call a functional model over some features with batches of all of them. Keras 3.6 and
later then flatten the dict and take its first tensors, regardless of their names; any Keras does
so where inputs have no names, as nested inputs do. `map_batches_by_name` puts `model_features` in
front of the `call` of all functional models, so that a model gets the features that it names.

Subclassed models select features from the dict themselves, and stay unchanged.
"""

from __future__ import annotations

import functools
import logging
import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any

import tensorflow as tf

__all__ = ["features_by_name", "map_batches_by_name", "model_features"]

_LOG = logging.getLogger(__name__)
_FUNCTIONAL = (
    "keras.src.models.functional",  # Keras 3
    "keras.src.engine.functional",  # Keras 2.15
    "tf_keras.src.engine.functional",  # Keras 2 beside Keras 3
)
_METHODS = ("call", "compute_output_spec")
_CURE = (
    "give the model these alone, by dataset(..., features=[...]) and keras_inputs(features=[...])"
)

_batches: set[frozenset[str]] = set()
"""Feature names of the batches of all opened datasets; dicts of other names are not mapped."""


def map_batches_by_name(features: Iterable[str]) -> None:
    """Make functional models take batches of these features by name.

    This covers every Keras that TensorFlow 2.15 to 2.21 load, with themselves or at the first
    access to `tf.keras`. A Keras of unknown structure is logged as a warning.

    Args:
      features: The names of the features of a batch.
    """
    _batches.add(frozenset(features))
    with suppress(ImportError, AttributeError):
        _ = tf.keras.Model  # loads Keras
    classes = _functional_classes()
    if not classes:
        _warn_of_unknown_keras()
    for functional in classes:
        for name in _METHODS:
            method = vars(functional).get(name)
            if method is not None and not hasattr(method, "takes_features_by_name"):
                setattr(functional, name, _by_name(method))


def _functional_classes() -> list[Any]:
    """Return the class of functional models of every loaded Keras."""
    modules: list[Any] = [sys.modules.get(path) for path in _FUNCTIONAL]
    return [module.Functional for module in modules if hasattr(module, "Functional")]


@functools.cache
def _warn_of_unknown_keras() -> None:
    _LOG.warning(
        "the functional models of this Keras cannot be adapted: a model over some features would "
        "get features of other names from a batch of all; %s",
        _CURE,
    )


def _by_name(method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    def with_features_by_name(
        self: Any, inputs: Any, training: Any = None, mask: Any = None, **options: Any
    ) -> Any:
        return method(self, _mapped(self, inputs), training=training, mask=mask, **options)

    with_features_by_name.takes_features_by_name = True  # type: ignore[attr-defined]
    return with_features_by_name


def _mapped(model: Any, inputs: Any) -> Any:
    """Select the inputs of a functional model from a batch; other structures stay unchanged.

    Raises:
      ValueError: The inputs are a batch of a dataset, and the names of the model's inputs do not
        identify its features.
    """
    if not isinstance(inputs, dict) or any(
        isinstance(x, (dict, list, tuple)) for x in inputs.values()
    ):
        return inputs
    features = model_features(model, inputs)
    if features is not None:
        return features
    # A single feature for a single input needs no name, and a dict of other names than those of
    # our batches is the caller's own.
    if len(inputs) == len(model.inputs) == 1 or frozenset(inputs) not in _batches:
        return inputs
    names = ", ".join(f'"{tensor.name}"' for tensor in model.inputs)
    raise ValueError(
        f'the model "{model.name}" has the inputs {names}, and the batch has the features '
        f"{', '.join(sorted(inputs))}. Features are mapped to inputs by name, and these names do "
        f"not match: name each input as keras_inputs() does, and {_CURE}"
    )


def model_features(model: Any, features: Mapping[str, Any]) -> Any:
    """Return the features that a functional model takes, by the names of its inputs.

    Args:
      model: A functional Keras model: its `input` is a dict, whose keys are the names of features;
        or a list, or a single input, with names as in `keras_inputs`.
      features: A value for each feature, by its name.

    Returns:
      Values in the structure of the model's inputs. None where the names of the inputs do not
      identify features, as those of nested inputs do not.
    """
    structure = model.input
    if isinstance(structure, Mapping):
        # A nested input is a dict or a list, which has no name.
        if all(hasattr(tensor, "name") and key in features for key, tensor in structure.items()):
            return {key: features[key] for key in structure}
        return None
    inputs = list(structure) if isinstance(structure, (list, tuple)) else [structure]
    names = [_feature(getattr(tensor, "name", ""), features) for tensor in inputs]
    if None in names:
        return None
    return [features[str(name)] for name in names]


def features_by_name(model: Any, features: Any) -> Any:
    """Return the features to call a model with: for a functional model, those that it names.

    Args:
      model: Any model.
      features: A dict of features by name; or the pixels of images alone.

    Returns:
      The result of `model_features` for a functional model; else, or where that is None,
      `features` itself.
    """
    if not isinstance(features, Mapping) or not isinstance(model, tuple(_functional_classes())):
        return features
    named = model_features(model, features)
    return features if named is None else named


def _feature(name: str, features: Mapping[str, Any]) -> str | None:
    """Return the feature whose input has that name in `keras_inputs`; None if ambiguous."""
    matches = [feature for feature in features if name in (feature, feature.replace("/", "_"))]
    return matches[0] if len(matches) == 1 else None
