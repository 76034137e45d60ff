"""Parity of an exported model with the dataset it was trained on, for `verify --parity`.

Rows are read again from the inputs of the dataset, and each is computed by every route:

    (a) stored     the record that the pipeline wrote
    (b) graph      the dataset's transform graph
    (c) signatures of the model: "transform" for the features; "serving_default" and "examples"
                   for the predictions
    (d) JSON       the same signatures, on JSON lines as `recordmill predict` reads them
    (e) records    the records, fed to the model as in training

Features of (b), (c) and (d) are compared with (a); predictions with those of "serving_default".
Integers and strings must be equal, floats at most one unit in the last place apart. Predictions of
(e) are computed in another batch, so the tolerance of `compare_trained` applies.
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
from .comparison import JSON, Comparison, ModelParity, compare_predictions, difference, rows_of
from .examples import serialized
from .input_rows import Rows, read_input_rows
from .tables import request_values, stored_records
from .trained import compare_trained

__all__ = ["check_model"]

_MOST_NAMES = 5


def check_model(directory: str, model: str, manifest: Manifest) -> ModelParity:
    """Compare an exported model with the dataset it was trained on.

    Args:
      directory: Path of the dataset.
      model: Path of the exported model.
      manifest: Manifest of the dataset.

    Raises:
      DataError: An input is missing or has changed, or the model cannot be loaded or fails.
      RecipeError: The model has no signature `serving_default`.
    """
    from ...transforms.serving.model import ServedModel

    served = ServedModel(model)
    if manifest.images:
        from .image_models import check_image_model

        return check_image_model(directory, served, manifest)
    schema = Schema.from_proto(read_schema(directory))
    rows = read_input_rows(manifest, schema)
    comparison = Comparison(dict.fromkeys(manifest.splits, 0))
    for split, content in manifest.splits.items():
        if split in rows:
            stored = stored_records(directory, content.shards, manifest.compression)
            _check_split(_Split(directory, split, schema, rows[split]), served, stored, comparison)
    return comparison.finish(served, manifest)


@dataclass(frozen=True)
class _Split:
    """The rows of a split to compare."""

    directory: str
    name: str
    schema: Schema
    rows: Rows

    def values(self, columns: Sequence[str], rows: Sequence[int]) -> dict[str, list[Any]]:
        """Return the values of requests for rows, by column."""
        texts = self.rows.texts.take(pa.array(rows, pa.int64()))
        return {
            name: request_values(self.schema[name], texts.column(name).to_pylist())
            for name in columns
        }


def _check_split(
    split: _Split, served: Any, stored: Iterator[bytes], comparison: Comparison
) -> None:
    """Compare the first records of a split with the values of their rows by each route."""
    import tensorflow as tf

    from ...transforms.serving.raw_columns import raw_tensors
    from ...transforms.serving.transform_graph import TransformGraph

    graph = TransformGraph(f"{split.directory.rstrip('/')}/transform_fn")
    records = list(islice(stored, split.rows.records))
    if not records:
        return
    expected = tf.io.parse_example(tf.constant(records, tf.string), graph.feature_spec)
    all_rows = range(split.rows.texts.num_rows)
    outputs = graph(raw_tensors(split.values([*graph.inputs], all_rows), graph.inputs))
    rows = range(len(records))
    chosen = _align(expected, outputs, len(records)) if split.rows.filtered else list(rows)
    sources = [f"{split.rows.sources[row]} ({split.name})" for row in chosen]
    actual = {name: _gather_rows(tensor, chosen) for name, tensor in outputs.items()}
    comparison.rows[split.name] = len(records)
    comparison.features |= dict.fromkeys(expected)
    comparison.routes["graph"] = None
    sides = ("stored", "graph:")
    comparison.add(expected, actual, sources=sources, kind="feature", sides=sides)
    predicted = _check_signatures(split, served, expected, chosen, sources, comparison)
    compare_trained(served, records, predicted, sources=sources, comparison=comparison)


def _gather_rows(tensor: Any, rows: Sequence[int]) -> Any:
    """Return rows of a dense, ragged or sparse tensor; TensorFlow cannot gather sparse ones."""
    import tensorflow as tf

    if isinstance(tensor, tf.SparseTensor):
        slices = [
            tf.sparse.slice(
                tensor,
                [row] + [0] * (tensor.shape.rank - 1),
                [1, *tensor.dense_shape[1:].numpy().tolist()],
            )
            for row in rows
        ]
        return tf.sparse.concat(0, slices)
    return tf.gather(tensor, list(rows))


def _align(expected: Mapping[str, Any], actual: Mapping[str, Any], records: int) -> list[int]:
    """Return the row of each record, where filters dropped rows in between.

    Records and rows are in the same order, so the row of a record is the next one with equal
    features. A record that equals no row gets the next row, whose differences are then reported.
    """
    sides = [(rows_of(expected[name]), rows_of(actual[name])) for name in expected]
    rows = len(sides[0][1])
    chosen: list[int] = []
    start = 0
    for record in range(records):
        equal = (
            row
            for row in range(start, rows)
            if all(difference(left[record], right[row])[1] is None for left, right in sides)
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
    sources: Sequence[str],
    comparison: Comparison,
) -> Mapping[str, Any]:
    """Compare the signatures of the model, on raw columns, tf.Examples and JSON lines.

    Returns:
      The predictions of "serving_default".
    """
    from ...transforms.serving.model import DEFAULT, EXAMPLES, TRANSFORM
    from ...transforms.serving.raw_columns import raw_tensors

    specs = served.columns(DEFAULT)
    raw = split.values([*specs], chosen)
    columns = {name: np.asarray(tensor) for name, tensor in raw_tensors(raw, specs).items()}
    as_json = _parse_json(specs, raw)
    if TRANSFORM in served.signatures:
        for route, inputs in ((TRANSFORM, columns), (JSON, as_json)):
            actual = served.features(inputs)
            sides = ("stored", f"{route}:")
            comparison.add(expected, actual, sources=sources, kind="feature", sides=sides)
            comparison.routes[route] = None
        omitted = [name for name in expected if name not in (*actual, served.label)]
        if omitted:
            names = ", ".join(omitted[:_MOST_NAMES])
            more = len(omitted) - _MOST_NAMES
            names += f" and {more:,} more" if more > 0 else ""
            comparison.notes[f'the signature "{TRANSFORM}" leaves out {names}'] = None
    examples = {EXAMPLES: [*serialized(raw)]}
    return compare_predictions(
        served, columns, as_json, examples, sources=sources, comparison=comparison
    )


def _parse_json(specs: Any, raw: Mapping[str, Sequence[Any]]) -> dict[str, Any]:
    """Write a JSON line for each row, and parse the lines as `recordmill predict` does."""
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
