"""`StatisticsFold`: statistics of every column in one pass over the rows, in bounded memory.

Exact for any number of rows: counts of rows, missing values, zeros; minimum, maximum; the mean of
integers (correctly rounded) and string lengths. The mean of floats and the standard deviations are
float64 sums, with a relative error of about 1e-15 of the largest numbers.

Exact while a column has at most 8,192 distinct values, and 2 MB of distinct strings; beyond that
within an error that the statistics report:

    median, quantiles, histograms   ranks are wrong by at most `rank_error`, a bound; about
                                    0.05 % of the rows for millions of them, less for fewer
    top values, rank histogram      at most `top_values_error` too low, a bound; at most 1 / 8,193
                                    of the rows, more only where strings are longer than 256 bytes
    unique                          `unique_error` is its relative standard error, 1.6 %

Where the schema has a label, `recordmill.schemas.statistics.association` measures the association
of each column with it.

A column takes at most 3.3 MB, whatever its values.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from ..schema import Schema
from .association import Association, association_of, values_of
from .columns import Numbers, Strings

if TYPE_CHECKING:
    from tensorflow_metadata.proto.v0 import statistics_pb2

__all__ = ["Profile", "StatisticsFold"]


@dataclass
class Profile:
    """Statistics of rows.

    Attributes:
      rows: Number of rows.
      columns: Accumulator of each column, in the order of the schema.
      associations: Association with the label of each other column, by name, in the same order;
        empty without a label.
    """

    rows: int
    columns: list[Numbers | Strings]
    associations: dict[str, Association] = field(default_factory=dict)


@dataclass(frozen=True)
class StatisticsFold:
    """Fold of clean rows into a `Profile`; a `recordmill.pipelines.runtime.elements.Fold`.

    The numbers depend only on the sequence of batches and merges, and exact ones only on the rows.

    Attributes:
      schema: Schema of the rows. Every column has statistics, whatever its role.
    """

    schema: Schema

    def setup(self) -> None:
        """Do nothing: there is nothing to load."""

    def start(self) -> Profile:
        """Return the profile of no rows."""
        kinds = {"int64": np.int64, "float32": np.float32}
        label = self.schema.label
        others = [column for column in self.schema if label and column != label]
        return Profile(
            0,
            [
                Strings() if column.type == "string" else Numbers(kinds[column.type])
                for column in self.schema
            ],
            {column.name: association_of(column, label) for column in others if label},
        )

    def add(self, accumulator: Profile, batch: pa.RecordBatch) -> Profile:
        """Add a batch of `Schema.arrow_schema()` to a profile, which is changed and returned."""
        accumulator.rows += batch.num_rows
        for column, total in zip(self.schema, accumulator.columns, strict=True):
            total.add(batch.column(column.name))
        if self.schema.label:
            label = values_of(batch.column(self.schema.label.name))
            for name, association in accumulator.associations.items():
                association.add(values_of(batch.column(name)), label)
        return accumulator

    def merge(self, accumulators: list[Profile]) -> Profile:
        """Merge profiles into a new one; the accumulators are unchanged."""
        merged = deepcopy(accumulators[0]) if accumulators else self.start()
        for accumulator in accumulators[1:]:
            merged.rows += accumulator.rows
            for total, column in zip(merged.columns, accumulator.columns, strict=True):
                total.absorb(column)  # type: ignore[arg-type]  # of one class
            for name, association in accumulator.associations.items():
                merged.associations[name].absorb(association)  # type: ignore[arg-type]
        return merged

    def unseen(self, profile: Profile, training: Profile) -> dict[str, int | None]:
        """Count the rows of each string column whose value training lacks.

        A vocabulary has no entry for such a value, here or in a request.

        Args:
          profile: Profile of another split than train.
          training: Profile of train.

        Returns:
          The number of rows by column; None where either profile has too many distinct values to
          list them all.
        """
        pairs = zip(self.schema.names, profile.columns, training.columns, strict=True)
        return {
            name: column.unseen_in(trained)
            for name, column, trained in pairs
            if isinstance(column, Strings) and isinstance(trained, Strings)
        }

    def to_proto(
        self, profiles: Mapping[str, Profile]
    ) -> statistics_pb2.DatasetFeatureStatisticsList:
        """Return the statistics as TensorFlow Data Validation and Facets read them.

        Args:
          profiles: Profiles by the name of the split.

        Returns:
          One dataset a split, in the order of `profiles`, with the name of the split; in it one
          feature a column, in the order of the schema. See `recordmill.schemas.statistics.proto`
          for its `custom_stats`.
        """
        from tensorflow_metadata.proto.v0 import statistics_pb2

        from .proto import feature_proto

        proto = statistics_pb2.DatasetFeatureStatisticsList()
        for split, profile in profiles.items():
            dataset = proto.datasets.add(name=split, num_examples=profile.rows)
            for column, values in zip(self.schema, profile.columns, strict=True):
                association = profile.associations.get(column.name)
                dataset.features.append(feature_proto(column, values, association))
        return proto
