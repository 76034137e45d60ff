"""`InputSummary`: what data turned out to be, for `find_anomalies` to hold against a schema."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from tensorflow_metadata.proto.v0.statistics_pb2 import DatasetFeatureStatistics

__all__ = ["BadValues", "InputSummary"]

_KEPT = 100
_CHARACTERS = 100


@dataclass
class BadValues:
    """Values of one column, or records, with one thing wrong.

    Attributes:
      count: How many there are; exact.
      values: (how many, where the first one is, or "") by text, of the first 100 different texts;
        texts are cut to 100 characters.
    """

    count: int = 0
    values: dict[str, tuple[int, str]] = field(default_factory=dict)

    def add(self, text: str, count: int, place: str) -> None:
        """Add a text that occurs `count` times, first at `place`."""
        self.count += count
        self._keep(text if len(text) <= _CHARACTERS else text[:_CHARACTERS] + "…", count, place)

    def absorb(self, other: BadValues) -> None:
        """Add all that another one, of data that comes later, was given."""
        self.count += other.count
        for text, (count, place) in other.values.items():
            self._keep(text, count, place)

    def shown(self, most: int = 3) -> str:
        """The most common ones, in words.

        >>> bad = BadValues()
        >>> bad.add("x", 2, "a.csv:7"); bad.add("?", 5, "a.csv:9"); bad.add("", 1, "b.csv:2")
        >>> bad.shown(2)
        '"?" (5, the first at a.csv:9), "x" (2, the first at a.csv:7) and others'
        """
        ranked = sorted(self.values.items(), key=lambda item: -item[1][0])[:most]
        words = [
            f"{json.dumps(text, ensure_ascii=False)} ({_told(count, place)})"
            for text, (count, place) in ranked
        ]
        others = self.count > sum(count for _, (count, _) in ranked)
        return ", ".join(words) + (" and others" if others else "")

    def _keep(self, text: str, count: int, place: str) -> None:
        if text in self.values:
            before, first = self.values[text]
            self.values[text] = (before + count, first)
        elif len(self.values) < _KEPT:
            self.values[text] = (count, place)


def _told(count: int, place: str) -> str:
    if not place:
        return f"{count:,}"
    return f"{count:,}, the first at {place}" if count > 1 else f"at {place}"


@dataclass(frozen=True)
class InputSummary:
    """What data turned out to be.

    Attributes:
      statistics: Of the values that are of their column's type, in its range and domain or not,
        but clipped or missing where its `bad_value` says so; of a column that the schema lacks
        too; none of a column that the data lacks.
      bad: By column and by what is wrong with them, the values that are bad: "not_an_integer",
        "not_a_number", "fraction" (a number where an integer is expected), "integer_overflow",
        "nan", "infinite", "below_minimum", "above_maximum", "not_in_domain" and
        "missing_required". Empty where only statistics are known.
      records: The records that are no row, by reason; their texts are messages.
      files: The names of the files read; empty where only statistics are known.
      absent: Of a column of the schema, the files that lack it; of a file of requests, those
        without it in any request.
      columns: Those of the first file, in its order; empty where only statistics are known.
      reordered: The files whose header names the columns in another order.
      requests: Whether the data is what is sent to a model: it has no label and no weight, and
        what a request lacks is missing.
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
        """How many rows there are."""
        return int(self.statistics.num_examples)
