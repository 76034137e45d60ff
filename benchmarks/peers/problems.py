"""Columns and features of the comparisons, the same for every contender."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import tensorflow_transform as tft

from recordmill.schemas.census import CENSUS
from recordmill.schemas.column import Column
from recordmill.schemas.schema import Schema
from recordmill.transforms import census

from ..data import WIDE_CATEGORIES, WIDE_NUMBERS

__all__ = ["PROBLEMS", "Problem"]


@dataclass(frozen=True)
class Problem:
    """Table and features.

    Attributes:
      schema: Columns, in the order of the file.
      preprocessing_fn: Function from raw tensors [batch] by column to features by name.
      header_lines: Number of lines to skip at the top of the file of each split.
    """

    schema: Schema
    preprocessing_fn: Callable[[Mapping[str, Any]], dict[str, Any]]
    header_lines: Mapping[str, int]


def _wide_features(inputs: Mapping[str, Any]) -> dict[str, Any]:
    numbers = {name: tft.scale_to_z_score(inputs[name]) for name in WIDE_NUMBERS}
    categories = {
        name: tft.compute_and_apply_vocabulary(inputs[name], num_oov_buckets=1, vocab_filename=name)
        for name in WIDE_CATEGORIES
    }
    return numbers | categories


PROBLEMS = {
    "adult": Problem(CENSUS, census.preprocessing_fn, {"train": 0, "eval": 1}),
    "wide": Problem(
        Schema(
            tuple(Column(name, "float32") for name in WIDE_NUMBERS)
            + tuple(Column(name, "string") for name in WIDE_CATEGORIES)
        ),
        _wide_features,
        {"train": 1},
    ),
}
"""The problems by name. "wide" calls tensorflow_transform directly: any `preprocessing_fn` will."""
