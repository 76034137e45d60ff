"""Answers of an exported model to stored records, fed as in training, and to what is served.

The signature "records" feeds records to the model as `dataset` and Keras do. Its answers are
compared with those of "serving_default" to the rows, or the images, that the records were made of.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from .comparison import Comparison

__all__ = ["JPEG_TOLERANCE", "compare_trained"]

JPEG_TOLERANCE = 0.1
"""The largest difference of answers to a picture and to the JPEG that is stored of it, as a share
of the largest answer."""


def compare_trained(
    served: Any,
    records: Sequence[bytes],
    predicted: Mapping[str, Any],
    *,
    places: Sequence[str],
    found: Comparison,
    tolerance: float | None = None,
) -> None:
    """Compare the model as it was trained with the model as it is served; add what differs.

    Args:
      served: The exported model, a `ServedModel`; one without the signature is passed over.
      records: Serialized, one a row.
      predicted: The answers of "serving_default" to the same rows, arrays [rows, …].
      places: Where each row is from.
      found: What is added to.
      tolerance: The largest good difference, as a share of the largest answer; None for that of
        equal features.
    """
    from ...transforms.serving.model import RECORDS
    from ...transforms.serving.model_function import TOLERANCE, largest_difference

    if RECORDS not in served.signatures or not records:
        return
    (name,) = served.columns(RECORDS)
    trained = served(RECORDS, {name: np.array(records, object)})
    difference, where = largest_difference(trained, predicted)
    found.ways[RECORDS] = None
    if where is None:
        found.notes["the model has no answers that can be compared with those in training"] = None
        return
    if difference <= (TOLERANCE if tolerance is None else tolerance):
        found.answers = max(found.answers, difference)
        return
    output, row, one, other = where
    found.problems.append(
        f'{places[row]}: prediction "{output}": trained {one}, served {other}; the model is fed '
        "other features in training than when it is served. Train it on dataset(..., "
        "features=[...]) over keras_inputs(features=[...]) of the same names, and export it again"
    )
