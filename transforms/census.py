"""Features of the US Census (Adult) data for a wide-and-deep model.

Deep: z-scores of the five numbers, and vocabulary ids of the eight categories, to embed. Wide:
the same ids, the age in buckets, and two crosses. The features follow the classic wide-and-deep
tutorial; Cheng et al., "Wide & Deep Learning for Recommender Systems", 2016.
"""

from __future__ import annotations

from collections.abc import Mapping

import tensorflow as tf

from ..schemas.census import CENSUS
from .categorical import cross, label_ids, vocabulary_ids
from .cleaning import clean
from .missing import fill_missing
from .numeric import bucketize_by_boundaries, z_score

__all__ = ["AGE_BOUNDARIES", "CROSS_BUCKETS", "UNKNOWN", "preprocessing_fn"]

AGE_BOUNDARIES = (18, 25, 30, 35, 40, 45, 50, 55, 60, 65)
"""Boundaries of the age buckets in years; each is the first age of the bucket above."""

CROSS_BUCKETS = 1000
"""Number of hash buckets of each cross."""

UNKNOWN = "?"
"""Category of missing values, in vocabularies and crosses; the survey's own spelling."""


def preprocessing_fn(inputs: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    """Transform raw census columns into features and the label.

    Args:
      inputs: The columns of `CENSUS.inputs`, dense tensors [batch], cleaned or not.

    Returns:
      Tensors [batch]:
      each number ("age", …): float32, its z-score; 0 for missing.
      each category ("workclass", …): int64, its id in the vocabulary of that name. A missing
        value has the id of `UNKNOWN`; all values outside the vocabulary share the last id.
      "age_bucket": int64 in [0, 11], by `AGE_BOUNDARIES`; 11 for missing.
      "education_x_occupation", "age_bucket_x_education_x_occupation": int64 in
        [0, CROSS_BUCKETS).
      "income": int64, 1 above 50,000 USD a year, 0 up to it, -1 for missing, as in a served
        request.
    """
    columns = clean(inputs, CENSUS)
    features = {}
    categories = {}
    for column in CENSUS.inputs:
        x = columns[column.name]
        if column.role == "label":
            features[column.name] = label_ids(x, classes=column.domain)
        elif column.type == "string":
            categories[column.name] = fill_missing(x, UNKNOWN)
            features[column.name] = vocabulary_ids(
                categories[column.name], vocab_filename=column.name
            )
        else:
            features[column.name] = z_score(x)
    age_bucket = bucketize_by_boundaries(columns["age"], boundaries=AGE_BOUNDARIES)
    work = [categories["education"], categories["occupation"]]
    return features | {
        "age_bucket": age_bucket,
        "education_x_occupation": cross(work, num_buckets=CROSS_BUCKETS),
        "age_bucket_x_education_x_occupation": cross(
            [age_bucket, *work], num_buckets=CROSS_BUCKETS
        ),
    }
