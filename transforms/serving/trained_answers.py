"""Comparison of a model on records, fed as in training, with the same model as it is served."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import tensorflow as tf

from ...schemas.errors import DataError, RecipeError
from ..dataset.batches import image_parser, row_parser
from ..dataset.open import AGAIN
from .graph import ServingGraph
from .model_function import TOLERANCE, ModelFunction, largest_difference
from .trained_on import TrainingDataset

__all__ = ["trained_answers"]

_LOG = logging.getLogger(__name__)
_COMPARED = 64
"""Number of records to compare."""

_NOT_COMPARED = "the model was not compared with itself as it was trained: %s"


def trained_answers(
    data: TrainingDataset, function: ModelFunction, graph: ServingGraph
) -> Callable[[tf.Tensor], Mapping[str, Any]] | None:
    """Return the model over serialized records, after a comparison with the served model.

    Args:
      data: The dataset of the model's training.
      function: The model.
      graph: The graph in front of it, with the features that it takes.

    Returns:
      A function from records of the dataset, string [rows], to predictions. None where the two
      cannot be compared: records differ from the served features, as tiles of pictures do; the
      model does not take batches of the dataset, or predicts otherwise in each call; or there are
      no records. A warning names the reason.

    Raises:
      DataError: A record cannot be read.
      RecipeError: The served model predicts otherwise than the model in training.
    """
    names = list(graph.features) if graph.named else None
    if any(data.features[name] != spec for name, spec in graph.specs.items()):
        _LOG.info(_NOT_COMPARED, "it is served other pixels of a picture than records have")
        return None
    reason = _compare(data, function, names)
    if reason:
        _LOG.warning(_NOT_COMPARED, reason)
        return None
    parse = _parser(data, graph, names)
    return lambda records: function.predict(parse(records))


def _parser(
    data: TrainingDataset, graph: ServingGraph, names: Sequence[str] | None
) -> Callable[[tf.Tensor], Any]:
    if data.manifest.images:
        return image_parser(data.manifest.images, graph.specs, names)
    return row_parser(data.feature_spec, list(graph.features), None)


def _compare(
    data: TrainingDataset, function: ModelFunction, names: Sequence[str] | None
) -> str | None:
    """Compare the model in training with the served one.

    Returns:
      The reason why they cannot be compared; None after a comparison.

    Raises:
      DataError: A record cannot be read.
      RecipeError: Their predictions differ.
    """
    splits = data.manifest.splits
    split = next((name for name in splits if splits[name].records), None)
    if split is None:
        return "the dataset has no records"
    try:
        dataset = data.dataset(split, _COMPARED, shuffle=False, features=names)
    except DataError as error:
        return str(error)
    try:
        element = next(iter(dataset))
    except tf.errors.OpError as error:
        raise DataError(
            f"{split}: expected {_COMPARED} records to compare the model on, but a shard is "
            f"damaged ({_reason(error)}). Nothing was written. {AGAIN}"
        ) from error
    batch = element[0] if isinstance(element, tuple) else element
    served = function.predict_eagerly(batch, by_name=True)
    try:
        trained = function.predict_eagerly(batch, by_name=False)
    except (ValueError, TypeError, KeyError, AttributeError, tf.errors.OpError) as error:
        return f"it takes no batch of dataset(...): {str(error).splitlines()[0]}"
    # A model with random outputs, such as dropout that ignores `training`, cannot be compared.
    if largest_difference(served, function.predict_eagerly(batch, by_name=True))[0] > TOLERANCE:
        return "its predictions differ from call to call"
    difference, position = largest_difference(trained, served)
    if position is not None and difference > TOLERANCE:
        raise RecipeError(_difference(split, *position))
    return None


def _reason(error: tf.errors.OpError) -> str:
    """Return TensorFlow's message without the node that failed.

    >>> _reason(tf.errors.DataLossError(None, None, "{{function_node x}} corrupted record at 0"))
    'corrupted record at 0'
    """
    return re.sub(r"^\{\{.*?\}\} | \[Op:.*", "", error.message)


def _difference(split: str, name: str, row: int, trained: str, served: str) -> str:
    return (
        f'the served model predicts otherwise than in training: record {row} of {split}, "{name}": '
        f"{trained} for a batch of dataset(...), as in training, and {served} for the features by "
        "their names. So it was trained on other features than it names. Nothing was written. "
        "Train it on dataset(..., features=[...]) over keras_inputs(features=[...]) of the same "
        "names"
    )
