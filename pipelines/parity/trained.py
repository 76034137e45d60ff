"""Comparison of the predictions of an exported model as trained and as served.

The signature "records" feeds stored records to the model as `dataset` and Keras do in training. Its
predictions are compared with those of "serving_default" for the rows, or images, of the records.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from .comparison import Comparison

__all__ = ["JPEG_TOLERANCE", "compare_trained"]

JPEG_TOLERANCE = 0.1
"""Largest difference between predictions of an image and of the JPEG stored of it, as a share of
the largest prediction."""


def compare_trained(
    served: Any,
    records: Sequence[bytes],
    predicted: Mapping[str, Any],
    *,
    sources: Sequence[str],
    comparison: Comparison,
    tolerance: float | None = None,
) -> None:
    """Compare predictions of records with those of their rows.

    Args:
      served: The exported model, a `ServedModel`; nothing is compared if it lacks the signature.
      records: Serialized records, one for each row.
      predicted: Predictions of "serving_default" for the same rows, arrays [rows, …].
      sources: Source of each row, for messages.
      comparison: Comparison to add to.
      tolerance: Largest allowed difference, as a share of the largest prediction; None for that of
        equal features.
    """
    from ...transforms.serving.model import RECORDS
    from ...transforms.serving.model_function import TOLERANCE, largest_difference

    if RECORDS not in served.signatures or not records:
        return
    (name,) = served.columns(RECORDS)
    trained = served(RECORDS, {name: np.array(records, object)})
    difference, largest = largest_difference(trained, predicted)
    comparison.routes[RECORDS] = None
    if largest is None:
        note = "the model has no predictions that can be compared with those in training"
        comparison.notes[note] = None
        return
    if difference <= (TOLERANCE if tolerance is None else tolerance):
        comparison.prediction_difference = max(comparison.prediction_difference, difference)
        return
    output, row, in_training, in_serving = largest
    comparison.problems.append(
        f'{sources[row]}: prediction "{output}": trained {in_training}, served {in_serving}; the '
        "model gets other features in training than in serving. Train it on dataset(..., "
        "features=[...]) over keras_inputs(features=[...]) of the same names, and export it again"
    )
