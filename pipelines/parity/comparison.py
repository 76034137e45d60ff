"""Differences between stored records and an exported model's values, collected row by row."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ...schemas.manifest import Manifest
from .tables import ulp_distance

__all__ = [
    "JSON",
    "Comparison",
    "ModelParity",
    "absent_signatures",
    "difference",
    "graph_problems",
    "rows_of",
]

JSON = "JSON lines"
"""What the way of JSON is called."""

_MOST_PROBLEMS = 20


@dataclass(frozen=True)
class ModelParity:
    """What was compared, and what differs.

    Attributes:
      rows: The rows, or images, of each split.
      features: How many features were compared with the stored ones.
      ways: The ways that were compared with what is stored.
      units: The largest difference of a float, in units in the last place.
      problems: What differs: a line each, with the row's place, the feature and both values.
      notes: What could not be compared.
      largest_pixel_difference: Of images: of a sample, 0-255; 0 where storage is exact.
      answers: The largest difference between predictions as trained and as served, as a share of
        the largest one.
    """

    rows: Mapping[str, int]
    features: int
    ways: tuple[str, ...]
    units: int = 0
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    largest_pixel_difference: int | None = None
    answers: float = 0.0

    @property
    def compared(self) -> str:
        """What was compared, in words."""
        counts = ", ".join(f"{count:,} of {split}" for split, count in self.rows.items())
        noun = "rows" if self.largest_pixel_difference is None else "images"
        ways = ", ".join(self.ways)
        features = f"{self.features:,} feature{'s' * (self.features != 1)}"
        return f"{counts} {noun}, {features}, by {ways}"

    @property
    def result(self) -> str:
        """How near the values are, in words."""
        from ...transforms.serving.model_function import TOLERANCE

        if self.largest_pixel_difference:
            told = f"a sample of a pixel differs by {self.largest_pixel_difference} at most"
        elif self.units:
            told = f"floats are at most {self.units} unit in the last place apart"
        else:
            told = "all values are equal"
        if self.answers > TOLERANCE:
            told += f"; predictions as trained and as served differ by {self.answers:.1g} at most"
        return told


def graph_problems(served: Any, manifest: Manifest) -> Iterator[str]:
    """Whether the model says that it was exported over another transform graph."""
    told = served.info.get("transform_fn")
    expected = manifest.transform_fn.get("sha256")
    if isinstance(told, Mapping) and told.get("sha256", expected) != expected:
        yield f"{served.path}: the model was exported over the transform graph of another dataset"


def absent_signatures(served: Any) -> Iterator[str]:
    """What cannot be compared, since the model has no such signature."""
    from ...transforms.serving.model import EXAMPLES, RECORDS, TRANSFORM

    absent = {
        TRANSFORM: "its features",
        EXAMPLES: "predictions of tf.Examples",
        RECORDS: "its predictions as it was trained",
    }
    for name, what in absent.items():
        if name not in served.signatures:
            yield f'the model has no signature "{name}", so {what} were not compared'


@dataclass
class Comparison:
    """Differences between named values of the same rows, as they are found."""

    problems: list[str] = field(default_factory=list)
    units: int = 0
    rows: dict[str, int] = field(default_factory=dict)
    features: dict[str, None] = field(default_factory=dict)
    ways: dict[str, None] = field(default_factory=dict)
    answers: float = 0.0
    notes: dict[str, None] = field(default_factory=dict)

    def add(
        self,
        expected: Mapping[str, Any],
        got: Mapping[str, Any],
        *,
        places: Sequence[str],
        what: str,
        words: tuple[str, str],
    ) -> None:
        """Compare tensors [rows, …] by name: those that both have.

        Args:
          expected: The one side.
          got: The other.
          places: Where each row is from.
          what: What the values are, such as "feature".
          words: What each side is, such as ("stored", "graph:").
        """
        for name in expected:
            if name in got:
                pairs = zip(places, rows_of(expected[name]), rows_of(got[name]), strict=True)
                self._compare(f'{what} "{name}"', pairs, words)

    def _compare(self, name: str, pairs: Any, words: tuple[str, str]) -> None:
        bad: list[str] = []
        for place, one, other in pairs:
            units, told = difference(one, other)
            if told is None:
                self.units = max(self.units, units)
            else:
                values = f"{words[0]} {told[0]}, {words[1]} {told[1]}"
                apart = f" ({units:,} units in the last place)" if units > 2 else ""
                bad.append(f"{place}: {name}: {values}{apart}")
        if bad and len(self.problems) < _MOST_PROBLEMS:
            more = f"; and {len(bad) - 1:,} more rows" if len(bad) > 1 else ""
            self.problems.append(bad[0] + more)


def rows_of(tensor: Any) -> list[tuple[np.ndarray[Any, Any], ...]]:
    """What each row has: its values, and of a ragged or sparse tensor where they stand."""
    if hasattr(tensor, "nested_row_splits"):
        rows = [tensor[row] for row in range(int(tensor.nrows()))]
        return [
            tuple(np.asarray(part) for part in (one.flat_values, *one.nested_row_splits))
            if hasattr(one, "nested_row_splits")
            else (np.asarray(one),)
            for one in rows
        ]
    if hasattr(tensor, "indices"):
        indices, values = np.asarray(tensor.indices), np.asarray(tensor.values)
        of_row = [indices[:, 0] == row for row in range(int(tensor.dense_shape[0]))]
        return [(values[mask], indices[mask, 1:]) for mask in of_row]
    return [(row,) for row in np.asarray(tensor)[:, np.newaxis]]


def difference(
    one: tuple[np.ndarray[Any, Any], ...], other: tuple[np.ndarray[Any, Any], ...]
) -> tuple[int, tuple[str, str] | None]:
    """Units in the last place between two rows, and the values where that is too many."""
    shapes = [tuple(part.shape for part in side) for side in (one, other)]
    if shapes[0] != shapes[1]:
        return 0, (f"values of shape {shapes[0][0]}", f"of shape {shapes[1][0]}")
    worst = 0
    for part, counterpart in zip(one, other, strict=True):
        units = ulp_distance(part, counterpart)
        worst = max(worst, int(units.max(initial=0)))
        if units.size and units.max() > (1 if part.dtype.kind == "f" else 0):
            place = np.unravel_index(units.argmax(), units.shape)
            return int(units.max()), (_shown(part[place]), _shown(counterpart[place]))
    return worst, None


def _shown(value: Any) -> str:
    if isinstance(value, bytes):
        return json.dumps(value.decode("utf-8", "backslashreplace"), ensure_ascii=False)
    return str(value)
