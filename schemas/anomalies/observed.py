"""`InputSummary`: statistics and bad values of data, the input of `find_anomalies`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tensorflow_metadata.proto.v0.statistics_pb2 import DatasetFeatureStatistics

__all__ = ["BadValues", "InputSummary", "list_files"]

_SHOWN_FILES = 5
_MAX_TEXTS = 100
_MAX_CHARACTERS = 100


@dataclass
class BadValues:
    """Bad values of a column, or bad records, with one reason.

    Attributes:
      count: Exact number of values.
      values: (count, location of the first, or "") by text, of the first 100 distinct texts, which
        are cut to 100 characters.
    """

    count: int = 0
    values: dict[str, tuple[int, str]] = field(default_factory=dict)

    def add(self, text: str, count: int, location: str) -> None:
        """Add a text that occurs `count` times, first at `location`."""
        self.count += count
        if len(text) > _MAX_CHARACTERS:
            text = text[:_MAX_CHARACTERS] + "…"
        self._add(text, count, location)

    def absorb(self, other: BadValues) -> None:
        """Add the values of another summary, of data that follows."""
        self.count += other.count
        for text, (count, location) in other.values.items():
            self._add(text, count, location)

    def describe(self, most: int = 3) -> str:
        """Return the most common values in words, with counts and locations.

        >>> bad = BadValues()
        >>> bad.add("x", 2, "a.csv:7"); bad.add("?", 5, "a.csv:9"); bad.add("", 1, "b.csv:2")
        >>> bad.describe(2)
        '"?" (5, the first at a.csv:9), "x" (2, the first at a.csv:7) and others'
        """
        ranked = sorted(self.values.items(), key=lambda item: -item[1][0])[:most]
        words = [
            f"{json.dumps(text, ensure_ascii=False)} ({_occurrences(count, location)})"
            for text, (count, location) in ranked
        ]
        others = self.count > sum(count for _, (count, _) in ranked)
        return ", ".join(words) + (" and others" if others else "")

    def _add(self, text: str, count: int, location: str) -> None:
        if text in self.values:
            before, first = self.values[text]
            self.values[text] = (before + count, first)
        elif len(self.values) < _MAX_TEXTS:
            self.values[text] = (count, location)


def list_files(files: Sequence[str]) -> str:
    """List the first five files, for messages."""
    return ", ".join(files[:_SHOWN_FILES]) + (" and others" if len(files) > _SHOWN_FILES else "")


def _occurrences(count: int, location: str) -> str:
    if not location:
        return f"{count:,}"
    return f"{count:,}, the first at {location}" if count > 1 else f"at {location}"


@dataclass(frozen=True)
class InputSummary:
    """Summary of data to validate.

    Attributes:
      statistics: Statistics of the values that have their column's type, whether in its range and
        domain or not, and clipped or missing by its `bad_value`; also of a column that the schema
        lacks; none of a column that the data lacks.
      bad: The bad values by column and reason: "not_an_integer", "not_a_number", "fraction" (a
        number where an integer is expected), "integer_overflow", "nan", "infinite",
        "below_minimum", "above_maximum", "not_in_domain" and "missing_required". Empty where only
        statistics are available.
      records: The records that are not rows, by reason; their texts are messages.
      files: Names of the files read; empty where only statistics are available.
      absent: By column of the schema, the files that lack it; a file of requests lacks a column
        where no request has it.
      columns: Columns of the first file, in its order; empty where only statistics are available.
      reordered: Files whose header has the columns in another order.
      requests: Whether the data are requests to a model: they have no label and no weight, and an
        absent column is a missing value.
    """

    statistics: DatasetFeatureStatistics
    bad: Mapping[str, Mapping[str, BadValues]] = field(default_factory=dict)
    records: Mapping[str, BadValues] = field(default_factory=dict)
    files: tuple[str, ...] = ()
    absent: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    columns: tuple[str, ...] = ()
    reordered: tuple[str, ...] = ()
    requests: bool = False

    @property
    def rows(self) -> int:
        """The number of rows."""
        return int(self.statistics.num_examples)
