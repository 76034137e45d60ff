"""`FeaturesFold`: what a pass over transformed features tells of each.

The features are those of the records: numbers or strings, one a row, several of a fixed number,
or any number of them. Their values are described as a column's are
(`recordmill.schemas.statistics.fold` says what is exact), and how many a row has as TensorFlow Data
Validation does: a row without a value is "missing". A NaN is a value, as it is in the record.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from .columns import Numbers, Strings

if TYPE_CHECKING:
    from tensorflow_metadata.proto.v0 import statistics_pb2

__all__ = ["FeaturesFold", "FeaturesProfile"]


@dataclass
class Feature:
    """What is known of one feature.

    Attributes:
      values: Of all rows, one after the other.
      lengths: How many values each row has.
    """

    values: Numbers | Strings
    lengths: Numbers = field(default_factory=lambda: Numbers(np.int64))


@dataclass
class FeaturesProfile:
    """What was found in some rows.

    Attributes:
      rows: How many there were.
      features: By name; empty where there was no batch.
    """

    rows: int = 0
    features: dict[str, Feature] = field(default_factory=dict)


class FeaturesFold:
    """Folds batches of features into a `FeaturesProfile`.

    The numbers depend on the sequence of batches and merges alone, and what is exact on the rows
    alone.
    """

    def start(self) -> FeaturesProfile:
        """The profile of no rows."""
        return FeaturesProfile()

    def add(
        self, accumulator: FeaturesProfile, features: Mapping[str, npt.NDArray[Any] | pa.Array]
    ) -> FeaturesProfile:
        """The profile with a batch added; it is changed and returned.

        Args:
          accumulator: The profile.
          features: At least one; all of as many rows. An array [rows, ...] of int64, float32 or
            bytes (dtype object), or an Arrow large_list, [rows], of int64, float32 or binary.
        """
        accumulator.rows += len(next(iter(features.values())))
        for name, feature in features.items():
            values, lengths = _flat(feature)
            if name not in accumulator.features:
                accumulator.features[name] = Feature(_start(values.type))
            found = accumulator.features[name]
            found.lengths.add(lengths)
            found.values.add(_encoded(values) if isinstance(found.values, Strings) else values)
        return accumulator

    def merge(self, accumulators: list[FeaturesProfile]) -> FeaturesProfile:
        """A new profile of all the rows; the given ones stay as they are."""
        merged = deepcopy(accumulators[0]) if accumulators else self.start()
        for accumulator in accumulators[1:]:
            merged.rows += accumulator.rows
            for name, feature in accumulator.features.items():
                if name not in merged.features:
                    merged.features[name] = Feature(_like(feature.values))
                merged.features[name].values.absorb(feature.values)  # type: ignore[arg-type]
                merged.features[name].lengths.absorb(feature.lengths)
        return merged

    def to_proto(
        self, profiles: Mapping[str, FeaturesProfile]
    ) -> statistics_pb2.DatasetFeatureStatisticsList:
        """The statistics as TensorFlow Data Validation and Facets read them.

        Args:
          profiles: The profile of each split, by the split's name.

        Returns:
          One dataset a split, in the order given, with its features in the order of their names;
          see `statistics_proto` for their `custom_stats`.
        """
        from tensorflow_metadata.proto.v0 import statistics_pb2

        from .proto import values_proto

        proto = statistics_pb2.DatasetFeatureStatisticsList()
        for split, profile in profiles.items():
            dataset = proto.datasets.add(name=split, num_examples=profile.rows)
            for name, feature in sorted(profile.features.items()):
                dataset.features.append(values_proto(name, feature.values, feature.lengths))
        return proto


def _flat(feature: npt.NDArray[Any] | pa.Array) -> tuple[pa.Array, pa.Array]:
    """The values of all rows, and how many each row has."""
    if isinstance(feature, np.ndarray):
        kind = pa.binary() if feature.dtype == object else None
        width = prod(feature.shape[1:])
        return pa.array(feature.reshape(-1), kind), pa.array(np.full(len(feature), width))
    return feature.flatten(), pc.fill_null(pc.cast(pc.list_value_length(feature), pa.int64()), 0)


def _start(kind: pa.DataType) -> Numbers | Strings:
    if pa.types.is_integer(kind):
        return Numbers(np.int64)
    return Numbers(np.float32) if pa.types.is_floating(kind) else Strings()


def _like(values: Numbers | Strings) -> Numbers | Strings:
    return Strings() if isinstance(values, Strings) else Numbers(values.dtype)


def _encoded(values: pa.Array) -> pa.DictionaryArray:
    """Bytes as text; bytes that are no UTF-8 are written as `\\xNN`."""
    encoded = values.cast(pa.binary()).dictionary_encode()
    try:
        texts = encoded.dictionary.cast(pa.string())
    except pa.ArrowInvalid:
        decoded = [
            one.decode("utf-8", "backslashreplace") for one in encoded.dictionary.to_pylist()
        ]
        texts = pa.array(decoded, pa.string())
    return pa.DictionaryArray.from_arrays(encoded.indices, texts)
