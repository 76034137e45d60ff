"""What a person needs of a failure inside the graph: the op, its columns and features, the rows.

TensorFlow names the op that failed, and dumps the batch. Here the op is followed through the graph
to the raw columns it reads and the features it makes, and the rows are those that fail alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from typing import Any

import pyarrow as pa
import tensorflow as tf

from ..shuffle.layout import FILE, LINE

__all__ = ["explained", "failing_rows"]

_NODE = re.compile(r"\{\{node ([^}]+)\}\}")
_LONGEST_MESSAGE = 500
_SHOWN_ROWS = 3


def explained(
    error: tf.errors.OpError,
    function: Any,
    batch: pa.RecordBatch,
    run: Callable[[pa.RecordBatch], Any],
) -> str:
    """What failed and why, on one line.

    Args:
      error: What TensorFlow raised.
      function: The concrete function, from a mapping of raw columns to one of features, that was
        run or that what was run is a part of.
      batch: The rows it was run on.
      run: Runs it on some rows.
    """
    node = _NODE.search(error.message)
    reason = re.sub(r"(?s).*<stack traces unavailable>|\[\[\{\{node .*", "", error.message)
    reason = " ".join(reason.split())[:_LONGEST_MESSAGE]
    place = f" at {_place(node[1], function)}" if node else ""
    return f"the transform graph failed{place}: {reason}{_rows(batch, run)}"


def failing_rows(
    batch: pa.RecordBatch, fails: Callable[[pa.RecordBatch], bool], *, limit: int
) -> list[int]:
    """The first rows that a batch fails on, found by halving it.

    Args:
      batch: Some rows.
      fails: Whether some of them fail.
      limit: How many rows to look for.

    Returns:
      Their places, at most `limit`; none where no row fails by itself.
    """
    found: list[int] = []

    def search(start: int, stop: int) -> None:
        if start == stop or len(found) == limit or not fails(batch.slice(start, stop - start)):
            return
        if stop - start == 1:
            found.append(start)
            return
        middle = (start + stop) // 2
        search(start, middle)
        search(middle, stop)

    search(0, batch.num_rows)
    return found


def _rows(batch: pa.RecordBatch, run: Callable[[pa.RecordBatch], Any]) -> str:
    """Where the rows that fail are from, as the end of a sentence."""

    def fails(rows: pa.RecordBatch) -> bool:
        try:
            run(rows)
        except tf.errors.OpError:
            return True
        return False

    if FILE not in batch.schema.names:
        return ""
    places = failing_rows(batch, fails, limit=_SHOWN_ROWS + 1)
    files, lines = (batch.column(name) for name in (FILE, LINE))
    shown = [f"{files[place].as_py()}:{lines[place].as_py()}" for place in places[:_SHOWN_ROWS]]
    if not shown:
        return ""
    more = ", and more" if len(places) > _SHOWN_ROWS else ""
    return f"; it fails on {', '.join(shown)}{more}"


def _place(node: str, function: Any) -> str:
    """The op, what it reads and what it makes."""
    ops = {op.name: op for op in function.graph.get_operations()}
    op = _outer(node, ops) or _outer(node.removeprefix("import/"), ops)
    words = [f'"{node.removeprefix("import/")}"']
    if op:
        columns = _column_ops(function)
        reads = {columns[name] for name in _before(ops, [op]) if name in columns}
        makes = {name for name, ends in _output_ops(function).items() if op in _before(ops, ends)}
        words += [
            f"{verb} {', '.join(map(_quoted, sorted(names)))}"
            for verb, names in (("reads", reads), ("makes", makes))
            if names
        ]
    return words[0] + (f", which {' and '.join(words[1:])}" if words[1:] else "")


def _outer(node: str, ops: Collection[str]) -> str:
    """The op itself, or the one that runs the inner graph it stands in; "" where there is none."""
    while node and node not in ops:
        node = node.rpartition("/")[0]
    return node


def _quoted(name: str) -> str:
    return f'"{name}"'


def _before(ops: Mapping[str, Any], ends: Collection[str]) -> set[str]:
    """The ops that some depend on, and these themselves."""
    waiting, seen = list(ends), set(ends)
    while waiting:
        op = ops[waiting.pop()]
        sources = {t.op.name for t in op.inputs} | {o.name for o in op.control_inputs}
        waiting.extend(sources - seen)
        seen |= sources
    return seen


def _column_ops(function: Any) -> dict[str, str]:
    """The raw column of each op that feeds one; captures come after the columns."""
    (specs,), _ = function.structured_input_signature
    names = [
        name for name in sorted(specs) for _ in tf.nest.flatten(specs[name], expand_composites=True)
    ]
    return {tensor.op.name: name for tensor, name in zip(function.inputs, names, strict=False)}


def _output_ops(function: Any) -> dict[str, set[str]]:
    """The ops that give each feature."""
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
