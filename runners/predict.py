"""`recordmill predict`: runs an exported model on JSON instances; needs only TensorFlow."""

from __future__ import annotations

import base64
import json
import math
import os
import shutil
import sys
import tempfile
from argparse import ArgumentParser
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, BinaryIO

from ..schemas.errors import DataError
from .logging_setup import without_notes

if TYPE_CHECKING:
    from ..transforms.serving.model import ServedModel

__all__ = ["add_arguments", "predict", "predictions"]

_STDIN = "-"
_BATCH_ROWS, _BATCH_IMAGES = 1024, 32
"""Largest number of instances in a batch, of tables and of images."""

_MAX_LINE_BYTES = 1 << 26
_FIRST_OUTPUTS = ("classes", "probabilities", "logits")
_MAX_VALUES = 5
_DIGITS = 6


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of `recordmill predict`."""
    parser.set_defaults(function=predict)
    parser.add_argument("model", metavar="MODEL", help="folder of the SavedModel")
    parser.add_argument(
        "--json-instances",
        metavar="FILE",
        required=True,
        help="file with one JSON object a line; - for standard input",
    )
    parser.add_argument(
        "--json", dest="as_json", action="store_true", help="print one JSON object a line"
    )


def predict(model: str, *, json_instances: str, as_json: bool) -> int:
    """Print one line for each instance: its line number in the file, and the outputs.

    Args:
      model: Folder of the SavedModel.
      json_instances: Path of the instances; "-" for standard input.
      as_json: Whether to print JSON objects with all outputs, instead of a table.

    Raises:
      DataError: Instances are bad, or the model fails on them; nothing was printed.
    """
    with without_notes():
        import tensorflow as tf

        tf.config.list_logical_devices()
    from ..transforms.serving.model import ServedModel

    served_model = ServedModel(model)
    rows = predictions(served_model, json_instances)
    if as_json:
        for line, outputs in rows:
            values = {name: _json_value(output) for name, output in outputs.items()}
            print(json.dumps({"line": line, **values}, ensure_ascii=False, allow_nan=False))
    else:
        _print_table(rows, served_model.classes)
    return 0


def predictions(model: ServedModel, path: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the outputs of a model for the instances in a file, after checking all of them.

    Args:
      model: An exported model.
      path: Path of the instances; "-" for standard input, which is copied to a temporary file
        first.

    Yields:
      (line, output by name) for each instance: classes, probabilities and logits first, the others
      by name.

    Raises:
      DataError: Instances are bad, each with a line of the message, or the model fails on them.
    """
    from ..transforms.serving.json_instances import JsonInstances
    from ..transforms.serving.model import DEFAULT

    instances = JsonInstances(
        specs=model.columns(DEFAULT),
        source="standard input" if path == _STDIN else path,
        folder=os.path.dirname(path) or ".",
        images=model.images,
        label=model.label,
        unused=model.unused,
    )
    with _open_seekable(path) as file:
        instances.check(_lines(file, instances.source))
        file.seek(0)
        lines = _lines(file, instances.source)
        for batch in instances.batches(lines, rows=_BATCH_IMAGES if model.images else _BATCH_ROWS):
            outputs = model(DEFAULT, batch.columns)
            names = sorted(outputs, key=lambda name: (_rank(name), name))
            for row, line in enumerate(batch.lines):
                yield line, {name: outputs[name][row] for name in names}


@contextmanager
def _open_seekable(path: str) -> Iterator[BinaryIO]:
    """Open a file, or a copy of standard input, that can be read twice."""
    if path == _STDIN:
        with tempfile.TemporaryFile() as copy:
            shutil.copyfileobj(sys.stdin.buffer, copy)
            copy.seek(0)
            yield copy
        return
    try:
        with open(path, "rb") as file:
            yield file
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be read: {error}") from error


def _lines(file: BinaryIO, source: str) -> Iterator[bytes]:
    number = 0
    while line := file.readline(_MAX_LINE_BYTES):
        number += 1
        if len(line) == _MAX_LINE_BYTES and not line.endswith(b"\n"):
            raise DataError(f"{source}:{number}: the line is longer than {_MAX_LINE_BYTES:,} bytes")
        yield line


def _rank(name: str) -> int:
    return _FIRST_OUTPUTS.index(name) if name in _FIRST_OUTPUTS else len(_FIRST_OUTPUTS)


def _json_value(value: Any) -> Any:
    """Convert an output to a JSON value: floats by their shortest digits, null for NaN and inf."""
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return {"b64": base64.b64encode(value).decode()}
    if getattr(value, "ndim", 0):
        return [_json_value(part) for part in value]
    if value.dtype.kind == "f":
        return float(str(value)) if math.isfinite(value) else None
    return _json_value(value.item()) if value.dtype.kind == "O" else value.item()


def _print_table(rows: Iterator[tuple[int, Mapping[str, Any]]], classes: Sequence[str]) -> None:
    """Print a table whose columns are as wide as the first chunk of rows needs."""
    widths: list[int] = []
    for chunk in _chunks(rows):
        names = [name for name in chunk[0][1] if name in _FIRST_OUTPUTS] or list(chunk[0][1])
        table = [
            [str(line), *(_cell(name, outputs[name], classes) for name in names)]
            for line, outputs in chunk
        ]
        if not widths:
            table.insert(0, ["line", *names])
            widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        for first, *others in table:
            cells = [f"{cell:<{width}}" for cell, width in zip(others, widths[1:], strict=True)]
            print("  ".join([f"{first:>{widths[0]}}", *cells]).rstrip())


def _chunks(rows: Iterator[Any]) -> Iterator[list[Any]]:
    while chunk := list(islice(rows, _BATCH_ROWS)):
        yield chunk


def _cell(name: str, value: Any, classes: Sequence[str]) -> str:
    """Format an output for the table: a class as its name, probabilities with class names."""
    parts = [value] if not getattr(value, "ndim", 0) else value.ravel().tolist()
    numbers = [_number(part) for part in parts[:_MAX_VALUES]]
    if name == "classes" and len(parts) == 1:
        return _class(parts[0], classes)
    if name == "probabilities" and classes:
        return _probabilities(parts, classes)
    return ", ".join(numbers + ["…"] * (len(parts) > _MAX_VALUES))


def _class(value: Any, classes: Sequence[str]) -> str:
    if isinstance(value, Integral) and 0 <= int(value) < len(classes):
        return classes[int(value)]
    return _number(value)


def _probabilities(values: Sequence[Any], classes: Sequence[str]) -> str:
    """Format the probabilities of the classes; of more than five, the highest.

    >>> _probabilities([0.25, 0.75], ["no", "yes"]), _probabilities([0.75], ["no", "yes"])
    ('no 0.25, yes 0.75', 'yes 0.75')
    """
    if len(values) == 1 and len(classes) == 2:
        classes = classes[1:]
    if len(values) != len(classes):
        return ", ".join(map(_number, values))
    pairs = list(zip(values, classes, strict=True))
    if len(pairs) > _MAX_VALUES:
        pairs = sorted(pairs, key=lambda pair: -pair[0])[:_MAX_VALUES]
    return ", ".join(f"{name} {_number(value)}" for value, name in pairs)


def _number(value: Any) -> str:
    """Format a value in a few characters.

    >>> _number(0.123456789), _number(b"no"), _number(3)
    ('0.123457', 'no', '3')
    """
    if isinstance(value, bytes):
        text = value.decode("utf-8", "backslashreplace")
        return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
    if isinstance(value, Real) and not isinstance(value, Integral):
        return f"{value:.{_DIGITS}g}"
    return str(value)
