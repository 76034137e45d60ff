"""Comparison of stored records with the values of an exported model, row by row."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ...schemas.manifest import Manifest
from .tables import largest_distance

__all__ = [
    "JSON",
    "Comparison",
    "ModelParity",
    "compare_predictions",
    "difference",
    "rows_of",
]

JSON = "JSON lines"
"""Name of the route of JSON requests."""

_MOST_PROBLEMS = 20


@dataclass(frozen=True)
class ModelParity:
    """The result of a comparison.

    Attributes:
      rows: Number of compared rows, or images, by split.
      features: Number of features that were compared with the stored ones.
      routes: Routes of requests that were compared with the records.
      max_ulps: Largest difference of a float, in units in the last place.
      problems: Differences, one a line: the source of the row, the feature and both values.
      notes: Comparisons that could not be made.
      largest_pixel_difference: For images, the largest difference of a sample, 0-255; 0 where
        storage is exact. None for tables.
      prediction_difference: Largest difference between predictions as trained and as served, as a
        share of the largest one.
    """

    rows: Mapping[str, int]
    features: int
    routes: tuple[str, ...]
    max_ulps: int = 0
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    largest_pixel_difference: int | None = None
    prediction_difference: float = 0.0

    @property
    def compared(self) -> str:
        """Description of the compared rows, features and routes."""
        counts = ", ".join(f"{count:,} of {split}" for split, count in self.rows.items())
        noun = "rows" if self.largest_pixel_difference is None else "images"
        routes = ", ".join(self.routes)
        features = f"{self.features:,} feature{'s' * (self.features != 1)}"
        return f"{counts} {noun}, {features}, by {routes}"

    @property
    def result(self) -> str:
        """Description of the largest difference."""
        from ...transforms.serving.model_function import TOLERANCE

        if self.largest_pixel_difference:
            text = f"a sample of a pixel differs by {self.largest_pixel_difference} at most"
        elif self.max_ulps:
            text = f"floats are at most {self.max_ulps} unit in the last place apart"
        else:
            text = "all values are equal"
        if self.prediction_difference > TOLERANCE:
            largest = f"{self.prediction_difference:.1g}"
            text += f"; predictions as trained and as served differ by {largest} at most"
        return text


@dataclass
class Comparison:
    """Differences between named values of the same rows, collected step by step.

    Attributes:
      rows: Number of compared rows, or images, by split.
      problems, features, routes, max_ulps, notes, prediction_difference: As in `ModelParity`; the
        keys of a dict are a set in order.
    """

    rows: dict[str, int] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    features: dict[str, None] = field(default_factory=dict)
    routes: dict[str, None] = field(default_factory=dict)
    max_ulps: int = 0
    notes: dict[str, None] = field(default_factory=dict)
    prediction_difference: float = 0.0

    def add(
        self,
        expected: Mapping[str, Any],
        actual: Mapping[str, Any],
        *,
        sources: Sequence[str],
        kind: str,
        sides: tuple[str, str],
    ) -> None:
        """Compare tensors [rows, …] by name; a name that one side lacks is skipped.

        Args:
          expected: Tensors of the one side.
          actual: Tensors of the other side.
          sources: Source of each row, such as "adult.data:132", for messages.
          kind: Kind of the values, such as "feature".
          sides: Name of each side, such as ("stored", "graph:").
        """
        for name in expected:
            if name in actual:
                rows = zip(sources, rows_of(expected[name]), rows_of(actual[name]), strict=True)
                self._compare(f'{kind} "{name}"', rows, sides)

    def _compare(self, name: str, rows: Any, sides: tuple[str, str]) -> None:
        """Compare the rows of a value; report the first that differs and the number of others."""
        problems: list[str] = []
        for source, left, right in rows:
            ulps, values = difference(left, right)
            if values is None:
                self.max_ulps = max(self.max_ulps, ulps)
            else:
                both = f"{sides[0]} {values[0]}, {sides[1]} {values[1]}"
                distance = f" ({ulps:,} units in the last place)" if ulps > 2 else ""
                problems.append(f"{source}: {name}: {both}{distance}")
        if problems and len(self.problems) < _MOST_PROBLEMS:
            more = f"; and {len(problems) - 1:,} more rows" if len(problems) > 1 else ""
            self.problems.append(problems[0] + more)

    def finish(
        self, served: Any, manifest: Manifest, *, largest_pixel_difference: int | None = None
    ) -> ModelParity:
        """Return the result for a `ServedModel`, with the limits of the model itself."""
        return ModelParity(
            rows=self.rows,
            features=len(self.features),
            routes=tuple(self.routes),
            max_ulps=self.max_ulps,
            problems=(*_graph_problems(served, manifest), *self.problems),
            notes=(*_missing_signatures(served), *self.notes),
            largest_pixel_difference=largest_pixel_difference,
            prediction_difference=self.prediction_difference,
        )


def _graph_problems(served: Any, manifest: Manifest) -> Iterator[str]:
    """Yield a problem where the model was exported over another transform graph."""
    info = served.info.get("transform_fn")
    expected = manifest.transform_fn.get("sha256")
    if isinstance(info, Mapping) and info.get("sha256", expected) != expected:
        yield f"{served.path}: the model was exported over the transform graph of another dataset"


def _missing_signatures(served: Any) -> Iterator[str]:
    """Yield a note for each comparison that the model has no signature for."""
    from ...transforms.serving.model import EXAMPLES, RECORDS, TRANSFORM

    values = {
        TRANSFORM: "its features",
        EXAMPLES: "predictions of tf.Examples",
        RECORDS: "its predictions as it was trained",
    }
    for name, noun in values.items():
        if name not in served.signatures:
            yield f'the model has no signature "{name}", so {noun} were not compared'


def compare_predictions(
    served: Any,
    columns: Mapping[str, Any],
    as_json: Mapping[str, Any],
    serialized: Mapping[str, Sequence[bytes]],
    *,
    sources: Sequence[str],
    comparison: Comparison,
) -> Mapping[str, Any]:
    """Compare predictions of the same rows by several routes, and return those of columns.

    Args:
      served: The exported model, a `ServedModel`.
      columns: Columns of "serving_default", arrays [rows].
      as_json: The same columns, parsed from JSON requests.
      serialized: Rows as bytes, by the signature that takes them; skipped if the model lacks it.
      sources: Source of each row, for messages.
      comparison: Comparison to add to.
    """
    from ...transforms.serving.model import DEFAULT

    expected: Mapping[str, Any] = served(DEFAULT, columns)
    predictions = {JSON: served(DEFAULT, as_json)}
    for signature, rows in serialized.items():
        if signature in served.signatures:
            (name,) = served.columns(signature)
            predictions[signature] = served(signature, {name: np.array([*rows], object)})
    for route, actual in predictions.items():
        sides = (f"{DEFAULT}:", f"{route}:")
        comparison.add(expected, actual, sources=sources, kind="prediction", sides=sides)
        comparison.routes[route] = None
    return expected


def rows_of(tensor: Any) -> list[tuple[np.ndarray[Any, Any], ...]]:
    """Return the arrays of each row: values, and the row splits or indices if it has any."""
    if hasattr(tensor, "nested_row_splits"):
        rows = [tensor[row] for row in range(int(tensor.nrows()))]
        return [
            tuple(np.asarray(part) for part in (row.flat_values, *row.nested_row_splits))
            if hasattr(row, "nested_row_splits")
            else (np.asarray(row),)
            for row in rows
        ]
    if hasattr(tensor, "indices"):
        indices, values = np.asarray(tensor.indices), np.asarray(tensor.values)
        masks = [indices[:, 0] == row for row in range(int(tensor.dense_shape[0]))]
        return [(values[mask], indices[mask, 1:]) for mask in masks]
    return [(row,) for row in np.asarray(tensor)[:, np.newaxis]]


def difference(
    left: tuple[np.ndarray[Any, Any], ...], right: tuple[np.ndarray[Any, Any], ...]
) -> tuple[int, tuple[str, str] | None]:
    """Return the largest distance of two rows, in ULPs, and the two values if it is too large."""
    shapes = [tuple(array.shape for array in row) for row in (left, right)]
    if shapes[0] != shapes[1]:
        return 0, (f"values of shape {shapes[0][0]}", f"of shape {shapes[1][0]}")
    largest = 0
    for array, counterpart in zip(left, right, strict=True):
        ulps, index = largest_distance(array, counterpart)
        if index is not None:
            return ulps, (_shown(array[index]), _shown(counterpart[index]))
        largest = max(largest, ulps)
    return largest, None


def _shown(value: Any) -> str:
    if isinstance(value, bytes):
        return json.dumps(value.decode("utf-8", "backslashreplace"), ensure_ascii=False)
    return str(value)
