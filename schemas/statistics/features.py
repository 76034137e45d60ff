"""`FeaturesFold`: statistics of transformed features in one pass, in bounded memory.

The features of the records are numbers or strings: one a row, several of a fixed number, or any
number of them. Their values have the statistics of a column (`recordmill.schemas.statistics.fold`
says which are exact), and the number of values a row those of TensorFlow Data Validation: a row
without a value is "missing". A NaN is a value, as it is in the record.
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
    """Accumulators of one feature.

    Attributes:
      values: Values of all rows, concatenated.
      lengths: Number of values of each row.
    """

    values: Numbers | Strings
    lengths: Numbers = field(default_factory=lambda: Numbers(np.int64))


@dataclass
class FeaturesProfile:
    """Statistics of the features of rows.

    Attributes:
      rows: Number of rows.
      features: Accumulators by name; empty before the first batch.
    """

    rows: int = 0
    features: dict[str, Feature] = field(default_factory=dict)


class FeaturesFold:
    """Fold of batches of features into a `FeaturesProfile`.

    The numbers depend only on the sequence of batches and merges, and exact ones only on the rows.
    """

    def start(self) -> FeaturesProfile:
        """Return the profile of no rows."""
        return FeaturesProfile()

    def add(
        self, accumulator: FeaturesProfile, features: Mapping[str, npt.NDArray[Any] | pa.Array]
    ) -> FeaturesProfile:
        """Add a batch to a profile, which is changed and returned.

        Args:
          accumulator: The profile.
          features: At least one feature, all with the same number of rows: an array [rows, ...] of
            int64, float32 or bytes (dtype object), or an Arrow large_list, [rows], of int64,
            float32 or binary.
        """
        accumulator.rows += len(next(iter(features.values())))
        for name, feature in features.items():
            values, lengths = _flat(feature)
            if name not in accumulator.features:
                accumulator.features[name] = Feature(_start(values.type))
            total = accumulator.features[name]
            total.lengths.add(lengths)
            total.values.add(_encode(values) if isinstance(total.values, Strings) else values)
        return accumulator

    def merge(self, accumulators: list[FeaturesProfile]) -> FeaturesProfile:
        """Merge profiles into a new one; the accumulators are unchanged."""
        merged = deepcopy(accumulators[0]) if accumulators else self.start()
        for accumulator in accumulators[1:]:
            merged.rows += accumulator.rows
            for name, feature in accumulator.features.items():
                if name not in merged.features:
                    merged.features[name] = Feature(_empty(feature.values))
                merged.features[name].values.absorb(feature.values)  # type: ignore[arg-type]
                merged.features[name].lengths.absorb(feature.lengths)
        return merged

    def to_proto(
        self, profiles: Mapping[str, FeaturesProfile]
    ) -> statistics_pb2.DatasetFeatureStatisticsList:
        """Return the statistics as TensorFlow Data Validation and Facets read them.

        Args:
          profiles: Profiles by the name of the split.

        Returns:
          One dataset a split, in the order of `profiles`, with its features in the order of their
          names; see `recordmill.schemas.statistics.proto` for their `custom_stats`.
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
    """Return the values of all rows, concatenated, and the number of values of each row."""
    if isinstance(feature, np.ndarray):
        kind = pa.binary() if feature.dtype == object else None
        width = prod(feature.shape[1:])
        return pa.array(feature.reshape(-1), kind), pa.array(np.full(len(feature), width))
    return feature.flatten(), pc.fill_null(pc.cast(pc.list_value_length(feature), pa.int64()), 0)


def _start(kind: pa.DataType) -> Numbers | Strings:
    if pa.types.is_integer(kind):
        return Numbers(np.int64)
    return Numbers(np.float32) if pa.types.is_floating(kind) else Strings()


def _empty(values: Numbers | Strings) -> Numbers | Strings:
    return Strings() if isinstance(values, Strings) else Numbers(values.dtype)


def _encode(values: pa.Array) -> pa.DictionaryArray:
    r"""Decode bytes to dictionary-encoded text; write bytes that are no UTF-8 as `\xNN`."""
    encoded = values.cast(pa.binary()).dictionary_encode()
    try:
        texts = encoded.dictionary.cast(pa.string())
    except pa.ArrowInvalid:
        decoded = (
            value.decode("utf-8", "backslashreplace") for value in encoded.dictionary.to_pylist()
        )
        texts = pa.array(decoded, pa.string())
    return pa.DictionaryArray.from_arrays(encoded.indices, texts)
