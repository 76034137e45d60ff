"""`StatisticsFold`: what a pass over the rows tells of every column, in bounded memory.

Exact, however many rows: counts of rows, missing, zeros; minimum, maximum; the mean of integers
(correctly rounded) and string lengths. The mean of floats and the standard deviations are float64
sums, of a relative error of about 1e-15 of the largest numbers.

Exact while a column has at most 8,192 different values, and 2 MB of different strings; within an
error that the statistics name once it has more:

    median, quantiles, histograms   their ranks are wrong by at most `rank_error`, a bound; about
                                    0.05 % of the rows for millions of them, less for fewer
    top values, rank histogram      at most `top_values_error` too low, a bound; at most 1 / 8,193
                                    of the rows, more only where strings are longer than 256 bytes
    unique                          `unique_error` is its relative standard error, 1.6 %

Where the schema has a label, `statistics_association` says how strongly each column goes with it.

A column takes at most 3.3 MB, whatever is in it.
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
    """What was found in some rows.

    Attributes:
      rows: How many there were.
      columns: What is known of each column, in the order of the schema.
      associations: How each column but the label goes with the label, by name, in that order.
    """

    rows: int
    columns: list[Numbers | Strings]
    associations: dict[str, Association] = field(default_factory=dict)


@dataclass(frozen=True)
class StatisticsFold:
    """Folds cleaned rows into a `Profile`; a `recordmill.pipelines.runtime.elements.Fold`.

    The numbers depend on the sequence of batches and merges alone. Those that are exact do not
    depend on that either, only on the rows.

    Attributes:
      schema: The schema of the rows. Every column is described, whatever its role.
    """

    schema: Schema

    def setup(self) -> None:
        """Do nothing: there is nothing to load."""

    def start(self) -> Profile:
        """The profile of no rows."""
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
        """Add a batch of `Schema.arrow_schema()` to the profile, which is changed and returned."""
        accumulator.rows += batch.num_rows
        for column, found in zip(self.schema, accumulator.columns, strict=True):
            found.add(batch.column(column.name))
        if self.schema.label:
            label = values_of(batch.column(self.schema.label.name))
            for name, association in accumulator.associations.items():
                association.add(values_of(batch.column(name)), label)
        return accumulator

    def merge(self, accumulators: list[Profile]) -> Profile:
        """A new profile of all the rows; the given ones stay as they are."""
        merged = deepcopy(accumulators[0]) if accumulators else self.start()
        for accumulator in accumulators[1:]:
            merged.rows += accumulator.rows
            for total, found in zip(merged.columns, accumulator.columns, strict=True):
                total.absorb(found)  # type: ignore[arg-type]  # of one class
            for name, association in accumulator.associations.items():
                merged.associations[name].absorb(association)  # type: ignore[arg-type]
        return merged

    def unseen(self, profile: Profile, training: Profile) -> dict[str, int | None]:
        """How many values of each string column were never seen in training.

        A vocabulary has no entry for such a value, here or in a request.

        Returns:
          The number of rows by column; None where one of the two has too many different values
          to know them all.
        """
        pairs = zip(self.schema.names, profile.columns, training.columns, strict=True)
        return {
            name: found.unseen_in(trained)
            for name, found, trained in pairs
            if isinstance(found, Strings) and isinstance(trained, Strings)
        }

    def to_proto(
        self, profiles: Mapping[str, Profile]
    ) -> statistics_pb2.DatasetFeatureStatisticsList:
        """The statistics as TensorFlow Data Validation and Facets read them.

        Args:
          profiles: The profile of each split, by the split's name.

        Returns:
          One dataset a split, in the order given, named as the split; in it one feature a column,
          in the order of the schema. See `statistics_proto` for its `custom_stats`.
        """
        from tensorflow_metadata.proto.v0 import statistics_pb2

        from .proto import feature_proto

        proto = statistics_pb2.DatasetFeatureStatisticsList()
        for split, profile in profiles.items():
            dataset = proto.datasets.add(name=split, num_examples=profile.rows)
            for column, found in zip(self.schema, profile.columns, strict=True):
                association = profile.associations.get(column.name)
                dataset.features.append(feature_proto(column, found, association))
        return proto
