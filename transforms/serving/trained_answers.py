"""A model on records, fed as in training, compared with the same model as it is served."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import tensorflow as tf

from ...schemas.errors import DataError, RecipeError
from ..dataset.batches import image_parser, row_parser
from .graph import ServingGraph
from .model_function import TOLERANCE, ModelFunction, largest_difference
from .trained_on import TrainedOn

__all__ = ["trained_answers"]

_LOG = logging.getLogger(__name__)
_COMPARED = 64
"""Records that are compared."""

_NOT_COMPARED = "the model was not compared with itself as it was trained: %s"


def trained_answers(
    data: TrainedOn, function: ModelFunction, graph: ServingGraph
) -> Callable[[tf.Tensor], Mapping[str, Any]] | None:
    """Return the model over serialized records, once it was found to answer as it is served.

    Args:
      data: The dataset it was trained on.
      function: The model.
      graph: The graph in front of it, with the features that it takes.

    Returns:
      A function of strings [rows], records of the dataset, to answers. None where the model
      cannot be compared: its records are not what is served, as tiles of pictures are not; it
      takes no batches of the dataset, answers otherwise each time; or there are no records. A
      warning tells why.

    Raises:
      RecipeError: It answers otherwise when it is served.
    """
    names = list(graph.features) if graph.named else None
    if any(data.features[name] != spec for name, spec in graph.specs.items()):
        _LOG.info(_NOT_COMPARED, "what is served of a picture is not what a record has")
        return None
    reason = _compare(data, function, names)
    if reason:
        _LOG.warning(_NOT_COMPARED, reason)
        return None
    parse = _parser(data, graph, names)
    return lambda records: function.trained(parse(records))


def _parser(
    data: TrainedOn, graph: ServingGraph, names: Sequence[str] | None
) -> Callable[[tf.Tensor], Any]:
    if data.manifest.images:
        return image_parser(data.manifest.images, graph.specs, names)
    return row_parser(data.feature_spec, list(graph.features), None)


def _compare(data: TrainedOn, function: ModelFunction, names: Sequence[str] | None) -> str | None:
    """Return why the model cannot be compared; None where it was, and answers as it is served."""
    split = next((name for name, one in data.manifest.splits.items() if one.records), None)
    if split is None:
        return "the dataset has no records"
    try:
        dataset = data.dataset(split, _COMPARED, shuffle=False, features=names)
    except DataError as error:
        return str(error)
    element = next(iter(dataset))
    batch = element[0] if isinstance(element, tuple) else element
    served = function.eagerly(batch, by_name=True)
    try:
        trained = function.eagerly(batch, by_name=False)
    except (ValueError, TypeError, KeyError, AttributeError, tf.errors.OpError) as error:
        return f"it takes no batch of dataset(...): {str(error).splitlines()[0]}"
    if largest_difference(served, function.eagerly(batch, by_name=True))[0] > TOLERANCE:
        return "it answers otherwise each time"
    difference, where = largest_difference(trained, served)
    if where is not None and difference > TOLERANCE:
        raise RecipeError(_told(split, *where))
    return None


def _told(split: str, name: str, row: int, trained: str, served: str) -> str:
    return (
        f'the model answers otherwise when it is served: record {row} of {split}, "{name}": '
        f"{trained} of a batch of dataset(...), as in training, and {served} of the features by "
        "their names. So it was trained on other features than it names. Nothing was written. "
        "Train it on dataset(..., features=[...]) over keras_inputs(features=[...]) of the same "
        "names"
    )
