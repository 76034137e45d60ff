"""Messages for failures inside the transform graph: the op, its columns and features, the rows.

TensorFlow names the op that failed, and dumps the batch. Here the op is traced through the graph
to the raw columns it reads and the features it makes, and the batch is searched for rows that fail
by themselves.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from typing import Any

import pyarrow as pa
import tensorflow as tf

from ..shuffle.layout import FILE, LINE

__all__ = ["explain_failure", "failing_rows"]

_NODE = re.compile(r"\{\{node ([^}]+)\}\}")
_LONGEST_MESSAGE = 500
_SHOWN_ROWS = 3


def explain_failure(
    error: tf.errors.OpError,
    function: Any,
    batch: pa.RecordBatch,
    run: Callable[[pa.RecordBatch], Any],
) -> str:
    """Explain a failure on one line.

    Args:
      error: Error that TensorFlow raised.
      function: Concrete function, from a mapping of raw columns to one of features, that failed
        or that the failed graph was cut out of.
      batch: Rows that it failed on.
      run: Runs the graph on a batch.
    """
    node = _NODE.search(error.message)
    reason = re.sub(r"(?s).*<stack traces unavailable>|\[\[\{\{node .*", "", error.message)
    reason = " ".join(reason.split())[:_LONGEST_MESSAGE]
    op = f" at {_describe_op(node[1], function)}" if node else ""
    return f"the transform graph failed{op}: {reason}{_describe_rows(batch, run)}"


def failing_rows(
    batch: pa.RecordBatch, fails: Callable[[pa.RecordBatch], bool], *, limit: int
) -> list[int]:
    """Find the first rows that make a batch fail, by bisection.

    Args:
      batch: The batch.
      fails: Returns whether a batch fails.
      limit: Number of rows to find at most.

    Returns:
      The indices of the rows, at most `limit`; none where no row fails by itself.
    """
    indices: list[int] = []

    def search(start: int, stop: int) -> None:
        if start == stop or len(indices) == limit or not fails(batch.slice(start, stop - start)):
            return
        if stop - start == 1:
            indices.append(start)
            return
        middle = (start + stop) // 2
        search(start, middle)
        search(middle, stop)

    search(0, batch.num_rows)
    return indices


def _describe_rows(batch: pa.RecordBatch, run: Callable[[pa.RecordBatch], Any]) -> str:
    """Return file and line of the rows that fail, as the end of a sentence."""

    def fails(rows: pa.RecordBatch) -> bool:
        try:
            run(rows)
        except tf.errors.OpError:
            return True
        return False

    if FILE not in batch.schema.names:
        return ""
    rows = failing_rows(batch, fails, limit=_SHOWN_ROWS + 1)
    files, lines = (batch.column(name) for name in (FILE, LINE))
    shown = [f"{files[row].as_py()}:{lines[row].as_py()}" for row in rows[:_SHOWN_ROWS]]
    if not shown:
        return ""
    more = ", and more" if len(rows) > _SHOWN_ROWS else ""
    return f"; it fails on {', '.join(shown)}{more}"


def _describe_op(node: str, function: Any) -> str:
    """Return the name of an op, with the columns it reads and the features it makes."""
    ops = {op.name: op for op in function.graph.get_operations()}
    # A graph cut out of the function prefixes its ops with the name scope of import_graph_def.
    op = _outer(node, ops) or _outer(node.removeprefix("import/"), ops)
    words = [f'"{node.removeprefix("import/")}"']
    if op:
        columns = _column_ops(function)
        reads = {columns[name] for name in _ancestors(ops, [op]) if name in columns}
        makes = {
            name for name, ends in _output_ops(function).items() if op in _ancestors(ops, ends)
        }
        words += [
            f"{verb} {', '.join(map(_quoted, sorted(names)))}"
            for verb, names in (("reads", reads), ("makes", makes))
            if names
        ]
    return words[0] + (f", which {' and '.join(words[1:])}" if words[1:] else "")


def _outer(node: str, ops: Collection[str]) -> str:
    """Return the op itself, or the op that runs the inner graph with it; "" where there is none."""
    while node and node not in ops:
        node = node.rpartition("/")[0]
    return node


def _quoted(name: str) -> str:
    return f'"{name}"'


def _ancestors(ops: Mapping[str, Any], ends: Collection[str]) -> set[str]:
    """Return the ops that `ends` depend on, including these."""
    pending, ancestors = list(ends), set(ends)
    while pending:
        op = ops[pending.pop()]
        sources = {t.op.name for t in op.inputs} | {o.name for o in op.control_inputs}
        pending.extend(sources - ancestors)
        ancestors |= sources
    return ancestors


def _column_ops(function: Any) -> dict[str, str]:
    """Return the raw column of each placeholder; captured tensors come after the columns."""
    (specs,), _ = function.structured_input_signature
    names = [
        name for name in sorted(specs) for _ in tf.nest.flatten(specs[name], expand_composites=True)
    ]
    return {tensor.op.name: name for tensor, name in zip(function.inputs, names, strict=False)}


def _output_ops(function: Any) -> dict[str, set[str]]:
    """Return the ops that compute each feature."""
    outputs = function.structured_outputs
    names = [
        name
        for name in sorted(outputs)
        for _ in tf.nest.flatten(outputs[name], expand_composites=True)
    ]
    ends: dict[str, set[str]] = {}
    for name, tensor in zip(names, function.outputs, strict=False):
        ends.setdefault(name, set()).add(tensor.op.name)
    return ends
