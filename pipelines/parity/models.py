"""The proof that an exported model sees the numbers it was trained on, for `verify --parity`.

Rows are read again from the dataset's inputs, and each is taken along every way there is:

    (a) stored     the record that the pipeline wrote
    (b) graph      the dataset's transform graph
    (c) signatures the model's own: "transform" for the features; "serving_default" and
                   "examples" for the predictions
    (d) JSON       the same signatures, on JSON lines as `recordmill predict` reads them
    (e) records    the records, fed to the model as in training

Features of (b), (c) and (d) are held against (a); predictions against those of "serving_default".
Integers and strings must be equal, floats at most one unit in the last place apart; predictions of
(e), which another batch computes, by the tolerance of `compare_trained`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import numpy as np
import pyarrow as pa

from ...schemas.manifest import Manifest
from ...schemas.schema import Schema
from ..validation.validate import read_schema
from .examples import serialized
from .input_rows import Rows, read_input_rows
from .tables import request_values, stored_records, ulp_distance
from .trained import compare_trained

__all__ = [
    "JSON",
    "Comparison",
    "ModelParity",
    "absent_signatures",
    "check_model",
    "graph_problems",
]

JSON = "JSON lines"
"""What the way of JSON is called."""

_MOST_PROBLEMS = 20
_MOST_NAMES = 5


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


def check_model(directory: str, model: str, manifest: Manifest) -> ModelParity:
    """Compares an exported model with the dataset it was trained on.

    Args:
      directory: The dataset.
      model: The folder of the exported model.
      manifest: The dataset's.

    Raises:
      DataError: An input is gone or is another one now, or the model cannot be loaded or fails.
      RecipeError: The model has no signature `serving_default`.
    """
    from ...transforms.serving.model import ServedModel

    served = ServedModel(model)
    if manifest.images:
        from .image_models import check_image_model

        return check_image_model(directory, served, manifest)
    schema = Schema.from_proto(read_schema(directory))
    rows = read_input_rows(manifest, schema)
    found = Comparison(list(graph_problems(served, manifest)))
    for split, content in manifest.splits.items():
        if split in rows:
            stored = stored_records(directory, content.shards, manifest.compression)
            _check_split(_Split(directory, split, schema, rows[split]), served, stored, found)
    return ModelParity(
        rows={split: found.rows.get(split, 0) for split in manifest.splits},
        features=len(found.features),
        ways=tuple(found.ways),
        units=found.units,
        answers=found.answers,
        problems=tuple(found.problems),
        notes=(*absent_signatures(served), *found.notes),
    )


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
        """Compares tensors [rows, …] by name: those that both have.

        Args:
          expected: The one side.
          got: The other.
          places: Where each row is from.
          what: What the values are, such as "feature".
          words: What each side is, such as ("stored", "graph:").
        """
        for name in expected:
            if name in got:
                pairs = zip(places, _rows(expected[name]), _rows(got[name]), strict=True)
                self._compare(f'{what} "{name}"', pairs, words)

    def _compare(self, name: str, pairs: Any, words: tuple[str, str]) -> None:
        bad: list[str] = []
        for place, one, other in pairs:
            units, told = _difference(one, other)
            if told is None:
                self.units = max(self.units, units)
            else:
                values = f"{words[0]} {told[0]}, {words[1]} {told[1]}"
                apart = f" ({units:,} units in the last place)" if units > 2 else ""
                bad.append(f"{place}: {name}: {values}{apart}")
        if bad and len(self.problems) < _MOST_PROBLEMS:
            more = f"; and {len(bad) - 1:,} more rows" if len(bad) > 1 else ""
            self.problems.append(bad[0] + more)


def _rows(tensor: Any) -> list[tuple[np.ndarray[Any, Any], ...]]:
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


def _difference(
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


@dataclass(frozen=True)
class _Split:
    """The rows of a split that are compared."""

    directory: str
    name: str
    schema: Schema
    rows: Rows

    def values(self, columns: Sequence[str], places: Sequence[int]) -> dict[str, list[Any]]:
        """What requests for some rows carry."""
        taken = self.rows.texts.take(pa.array(places, pa.int64()))
        return {
            name: request_values(self.schema[name], taken.column(name).to_pylist())
            for name in columns
        }


def _check_split(split: _Split, served: Any, stored: Iterator[bytes], found: Comparison) -> None:
    """Compares the first records of a split with what each way gives of their rows."""
    import tensorflow as tf

    from ...transforms.serving.raw_columns import raw_tensors
    from ...transforms.serving.transform_graph import TransformGraph

    graph = TransformGraph(f"{split.directory.rstrip('/')}/transform_fn")
    records = list(islice(stored, split.rows.records))
    if not records:
        return
    expected = tf.io.parse_example(tf.constant(records, tf.string), graph.feature_spec)
    everything = range(split.rows.texts.num_rows)
    given = graph(raw_tensors(split.values([*graph.inputs], everything), graph.inputs))
    chosen = _aligned(expected, given, len(records)) if split.rows.filtered else None
    chosen = list(range(len(records))) if chosen is None else chosen
    places = [f"{split.rows.places[row]} ({split.name})" for row in chosen]
    got = {name: _gathered(tensor, chosen) for name, tensor in given.items()}
    found.rows[split.name] = len(records)
    found.features |= dict.fromkeys(expected)
    found.ways["graph"] = None
    words = ("stored", "graph:")
    found.add(expected, got, places=places, what="feature", words=words)
    predicted = _check_signatures(split, served, expected, chosen, places, found)
    compare_trained(served, records, predicted, places=places, found=found)


def _gathered(tensor: Any, rows: Sequence[int]) -> Any:
    import tensorflow as tf

    if isinstance(tensor, tf.SparseTensor):
        parts = [
            tf.sparse.slice(
                tensor,
                [r] + [0] * (tensor.shape.rank - 1),
                [1, *tensor.dense_shape[1:].numpy().tolist()],
            )
            for r in rows
        ]
        return tf.sparse.concat(0, parts)
    return tf.gather(tensor, list(rows))


def _aligned(expected: Mapping[str, Any], given: Mapping[str, Any], records: int) -> list[int]:
    """The row of each record, where filters left out rows in between: in order, those equal.

    A record that equals no row is given the next one, which then tells what differs.
    """
    sides = [(_rows(expected[name]), _rows(given[name])) for name in expected]
    rows = len(sides[0][1])
    chosen: list[int] = []
    start = 0
    for record in range(records):
        equal = (
            row
            for row in range(start, rows)
            if all(_difference(one[record], other[row])[1] is None for one, other in sides)
        )
        row = next(equal, min(start, rows - 1))
        chosen.append(row)
        start = row + 1
    return chosen


def _check_signatures(
    split: _Split,
    served: Any,
    expected: Mapping[str, Any],
    chosen: Sequence[int],
    places: Sequence[str],
    found: Comparison,
) -> Mapping[str, Any]:
    """Compares the signatures of the model, on raw columns, tf.Examples and JSON lines.

    Returns:
      The predictions of "serving_default".
    """
    from ...transforms.serving.model import DEFAULT, EXAMPLES, TRANSFORM
    from ...transforms.serving.raw_columns import raw_tensors

    specs = served.columns(DEFAULT)
    raw = split.values([*specs], chosen)
    columns = {name: np.asarray(one) for name, one in raw_tensors(raw, specs).items()}
    as_json = _through_json(specs, raw)
    if TRANSFORM in served.signatures:
        for way, given in ((TRANSFORM, columns), (JSON, as_json)):
            got = served.features(given)
            found.add(expected, got, places=places, what="feature", words=("stored", f"{way}:"))
            found.ways[way] = None
        left_out = [name for name in expected if name not in (*got, served.label)]
        if left_out:
            names = ", ".join(left_out[:_MOST_NAMES])
            more = len(left_out) - _MOST_NAMES
            names += f" and {more:,} more" if more > 0 else ""
            found.notes[f'the signature "{TRANSFORM}" leaves out {names}'] = None
    others = {JSON: served(DEFAULT, as_json)}
    if EXAMPLES in served.signatures:
        (name,) = served.columns(EXAMPLES)
        others[EXAMPLES] = served(EXAMPLES, {name: np.array([*serialized(raw)], object)})
    predicted: dict[str, Any] = served(DEFAULT, columns)
    for way, got in others.items():
        words = (f"{DEFAULT}:", f"{way}:")
        found.add(predicted, got, places=places, what="prediction", words=words)
        found.ways[way] = None
    return predicted


def _through_json(specs: Any, raw: Mapping[str, Sequence[Any]]) -> dict[str, Any]:
    """The columns as `recordmill predict` reads them from a line a row."""
    from ...transforms.serving.json_instances import JsonInstances

    rows = [dict(zip(raw, row, strict=True)) for row in zip(*raw.values(), strict=True)]
    lines = [
        json.dumps({name: value for name, value in row.items() if value is not None}).encode()
        for row in rows
    ]
    instances = JsonInstances(specs=specs, source=JSON)
    instances.check(lines)
    batches = list(instances.batches(lines))
    return {
        name: np.concatenate([batch.columns[name] for batch in batches])
        for name in batches[0].columns
    }
