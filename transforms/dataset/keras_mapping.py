"""Features to the inputs of a functional Keras model: by name, never by position.

A functional model over some features can be given batches of all of them. Keras 3.6 and later then
flatten the dict and take its first tensors, whatever their names; any Keras does so where it finds
no names, as in nested inputs. So that a model gets the features it names, `map_batches_by_name`
puts `model_features` in front of the `call` of all functional models.

Subclassed models take what they need out of the dict, and are left alone.
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
"""The names in the batches of all datasets that were opened; other dicts are none of ours."""


def map_batches_by_name(features: Iterable[str]) -> None:
    """Make functional models take batches of these features by name.

    Which Keras is loaded makes no difference: TensorFlow 2.15 to 2.21 load it, with themselves or
    at the first look at `tf.keras`. Of a Keras that is built otherwise there is a warning.

    Args:
      features: The names in a batch.
    """
    _batches.add(frozenset(features))
    with suppress(ImportError, AttributeError):
        _ = tf.keras.Model  # loads it
    classes = _functional_classes()
    if not classes:
        _warn_of_unknown_keras()
    for functional in classes:
        for name in _METHODS:
            method = vars(functional).get(name)
            if method is not None and not hasattr(method, "takes_features_by_name"):
                setattr(functional, name, _by_name(method))


def _functional_classes() -> list[Any]:
    """Return the class of functional models of every Keras that is loaded."""
    modules: list[Any] = [sys.modules.get(path) for path in _FUNCTIONAL]
    return [module.Functional for module in modules if hasattr(module, "Functional")]


@functools.cache
def _warn_of_unknown_keras() -> None:
    _LOG.warning(
        "this Keras has no functional models that are known here: one over some features would "
        "get those of other names from a batch of all; %s",
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
    """Return what a functional model takes of its inputs; other structures stay as they are.

    Raises:
      ValueError: The inputs are a batch of ours, and it does not show which feature is which
        input.
    """
    if not isinstance(inputs, dict) or any(
        isinstance(x, (dict, list, tuple)) for x in inputs.values()
    ):
        return inputs
    features = model_features(model, inputs)
    if features is not None:
        return features
    if len(inputs) == len(model.inputs) == 1 or frozenset(inputs) not in _batches:
        return inputs
    names = ", ".join(f'"{one.name}"' for one in model.inputs)
    raise ValueError(
        f'the model "{model.name}" has the inputs {names}, and the batch has the features '
        f"{', '.join(sorted(inputs))}. Features are mapped to inputs by name, and these names do "
        f"not tell which is which: call each input as keras_inputs() does, and {_CURE}"
    )


def model_features(model: Any, features: Mapping[str, Any]) -> Any:
    """Return the features that a functional model takes, by the names of its inputs.

    Args:
      model: A functional Keras model: its `input` is a dict, whose keys are the names of features;
        or a list, or a single input, which are named as `keras_inputs` names them.
      features: Whatever stands for each feature, by its name.

    Returns:
      Features in the structure of the model's inputs. None where their names do not tell, as those
      of nested inputs do not.
    """
    structure = model.input
    if isinstance(structure, Mapping):
        if all(hasattr(one, "name") and key in features for key, one in structure.items()):
            return {key: features[key] for key in structure}
        return None
    inputs = list(structure) if isinstance(structure, (list, tuple)) else [structure]
    names = [_feature(getattr(one, "name", ""), features) for one in inputs]
    if None in names:
        return None
    return [features[str(name)] for name in names]


def features_by_name(model: Any, features: Any) -> Any:
    """Return what a model is fed of features: of a functional model, those it names.

    Args:
      model: Any model.
      features: A dict of features by name; or the pixels of images alone.

    Returns:
      The features that `model_features` finds; `features` itself for any other model.
    """
    if not isinstance(features, Mapping) or not isinstance(model, tuple(_functional_classes())):
        return features
    named = model_features(model, features)
    return features if named is None else named


def _feature(name: str, features: Mapping[str, Any]) -> str | None:
    """Return the feature of which an input has the name, as `keras_inputs` gives it."""
    named = [feature for feature in features if name in (feature, feature.replace("/", "_"))]
    return named[0] if len(named) == 1 else None
