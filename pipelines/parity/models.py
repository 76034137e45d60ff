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
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
import pyarrow as pa

from ...schemas.manifest import Manifest
from ...schemas.schema import Schema
from ..validation.validate import read_schema
from .comparison import (
    JSON,
    Comparison,
    ModelParity,
    absent_signatures,
    difference,
    graph_problems,
    rows_of,
)
from .examples import serialized
from .input_rows import Rows, read_input_rows
from .tables import request_values, stored_records
from .trained import compare_trained

__all__ = ["check_model"]

_MOST_NAMES = 5


def check_model(directory: str, model: str, manifest: Manifest) -> ModelParity:
    """Compare an exported model with the dataset it was trained on.

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
    """Compare the first records of a split with what each way gives of their rows."""
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
    sides = [(rows_of(expected[name]), rows_of(given[name])) for name in expected]
    rows = len(sides[0][1])
    chosen: list[int] = []
    start = 0
    for record in range(records):
        equal = (
            row
            for row in range(start, rows)
            if all(difference(one[record], other[row])[1] is None for one, other in sides)
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
    """Compare the signatures of the model, on raw columns, tf.Examples and JSON lines.

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
