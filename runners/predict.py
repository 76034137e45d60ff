"""`recordmill predict`: what an exported model says of JSON instances; needs only tensorflow."""

from __future__ import annotations

import base64
import json
import math
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, BinaryIO

import numpy as np

from ..schemas.errors import DataError
from .logging_setup import without_notes

__all__ = ["predict", "predictions"]

_STDIN = "-"
_ROWS, _IMAGES = 1024, 32
"""The most instances a batch: of tables, and of images."""

_LONGEST_LINE = 1 << 26
_FIRST = ("classes", "probabilities", "logits")
_FEW = 5
_DIGITS = 6


def predict(model: str, *, json_instances: str, as_json: bool) -> int:
    """Print a line for each instance: its line in the file, and what the model says."""
    with without_notes():
        import tensorflow as tf

        tf.config.list_logical_devices()
    from ..transforms.serving.model import ServedModel

    served = ServedModel(model)
    rows = predictions(served, json_instances)
    if as_json:
        for line, outputs in rows:
            one = {name: _plain(value) for name, value in outputs.items()}
            print(json.dumps({"line": line, **one}, ensure_ascii=False, allow_nan=False))
    else:
        _print_table(rows, served.classes)
    return 0


def predictions(model: Any, path: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """What a model says of the instances in a file, once all of them are found to be good.

    Args:
      model: A `ServedModel`.
      path: The file; "-" for standard input, which is copied to a temporary file first.

    Returns:
      (line, output by name) for each instance; those of the module's `_FIRST` come first.

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
    with _opened(path) as file:
        instances.check(_lines(file, instances.source))
        file.seek(0)
        lines = _lines(file, instances.source)
        for batch in instances.batches(lines, rows=_IMAGES if model.images else _ROWS):
            outputs = model(DEFAULT, batch.columns)
            names = sorted(outputs, key=lambda one: (_place(one), one))
            for row, line in enumerate(batch.lines):
                yield line, {name: outputs[name][row] for name in names}


@contextmanager
def _opened(path: str) -> Iterator[BinaryIO]:
    """The file, to be read twice."""
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
    while line := file.readline(_LONGEST_LINE):
        number += 1
        if len(line) == _LONGEST_LINE and not line.endswith(b"\n"):
            raise DataError(f"{source}:{number}: the line is longer than {_LONGEST_LINE:,} bytes")
        yield line


def _place(name: str) -> int:
    return _FIRST.index(name) if name in _FIRST else len(_FIRST)


def _plain(value: Any) -> Any:
    """An output as JSON: floats with as many digits as they have, null for what is not finite."""
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return {"b64": base64.b64encode(value).decode()}
    if getattr(value, "ndim", 0):
        return [_plain(part) for part in value]
    if value.dtype.kind == "f":
        return float(str(value)) if math.isfinite(value) else None
    return _plain(value.item()) if value.dtype.kind == "O" else value.item()


def _print_table(rows: Iterator[tuple[int, Mapping[str, Any]]], classes: Sequence[str]) -> None:
    """Print a table; its columns are as wide as those of the first lines need."""
    widths: list[int] = []
    for head in _chunks(rows):
        names = [name for name in head[0][1] if name in _FIRST] or list(head[0][1])
        table = [
            [str(line), *(_cell(name, outputs[name], classes) for name in names)]
            for line, outputs in head
        ]
        if not widths:
            table.insert(0, ["line", *names])
            widths = [max(len(row[place]) for row in table) for place in range(len(names) + 1)]
        for first, *others in table:
            cells = [f"{cell:<{width}}" for cell, width in zip(others, widths[1:], strict=True)]
            print("  ".join([f"{first:>{widths[0]}}", *cells]).rstrip())


def _chunks(rows: Iterator[Any]) -> Iterator[list[Any]]:
    held: list[Any] = []
    for row in rows:
        held.append(row)
        if len(held) == _ROWS:
            yield held
            held = []
    if held:
        yield held


def _cell(name: str, value: Any, classes: Sequence[str]) -> str:
    """An output for the table: a class by its name, and probabilities with theirs."""
    parts = [value] if not getattr(value, "ndim", 0) else value.ravel().tolist()
    numbers = [_number(part) for part in parts[: _FEW + 1]]
    if name == "classes" and len(parts) == 1:
        return _class(parts[0], classes)
    if name == "probabilities" and classes:
        return _probabilities(parts, classes)
    shown = numbers[:_FEW] + ["…"] * (len(parts) > _FEW)
    return ", ".join(shown)


def _class(value: Any, classes: Sequence[str]) -> str:
    if isinstance(value, (int, np.integer)) and 0 <= value < len(classes):
        return classes[int(value)]
    return _number(value)


def _probabilities(values: Sequence[Any], classes: Sequence[str]) -> str:
    """The probabilities of the classes; of many, the highest.

    >>> _probabilities([0.25, 0.75], ["no", "yes"]), _probabilities([0.75], ["no", "yes"])
    ('no 0.25, yes 0.75', 'yes 0.75')
    """
    if len(values) == 1 and len(classes) == 2:
        classes = classes[1:]
    if len(values) != len(classes):
        return ", ".join(map(_number, values))
    pairs = list(zip(values, classes, strict=True))
    if len(pairs) > _FEW:
        pairs = sorted(pairs, key=lambda pair: -pair[0])[:_FEW]
    return ", ".join(f"{name} {_number(value)}" for value, name in pairs)


def _number(value: Any) -> str:
    """A value in a few characters.

    >>> _number(0.123456789), _number(b"no"), _number(3)
    ('0.123457', 'no', '3')
    """
    if isinstance(value, bytes):
        text = value.decode("utf-8", "backslashreplace")
        return "".join(one if one.isprintable() else repr(one)[1:-1] for one in text)
    return f"{value:.{_DIGITS}g}" if isinstance(value, (float, np.floating)) else str(value)
