"""JSON instances of requests to raw columns: one object a line.

    {"age": 25, "workclass": " Private", "education": " 11th"}
    {"image": {"b64": "/9j/4AAQSkZJRg…"}}

A field that is absent or null is missing. Text is passed on unchanged: the transform graph itself
handles blanks, missing tokens and spelling. Bytes are written as for TensorFlow Serving,
{"b64": …}; those of an image also as {"path": …}, a file in the folder of the instances.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from ...schemas.column import Column
from ...schemas.errors import DataError
from ...schemas.request_names import RequestNames, served_name
from ...schemas.suggestions import did_you_mean
from .raw_columns import missing_value

__all__ = ["Instances", "JsonInstances", "served_name"]

_ROWS = 1024
_BYTES = 1 << 24
_SHOWN = 60
_MOST_PROBLEMS = 50
_MOST_NAMES = 20
_DTYPES = {"int64": np.int64, "float32": np.float32, "string": np.object_}
_LARGEST_FLOAT = 3.4028234663852886e38


@dataclass(frozen=True)
class Instances:
    """Batch of instances.

    Attributes:
      lines: Line of each instance, from 1.
      columns: Array [instances, *shape] of every column: int64, float32, or objects (bytes).
    """

    lines: tuple[int, ...]
    columns: Mapping[str, npt.NDArray[Any]]


@dataclass(frozen=True, kw_only=True)
class JsonInstances:
    """Reader of JSON instances.

    Attributes:
      specs: Raw columns that the model takes, dense [batch, *shape], of the dtypes int64, float32
        and string.
      source: Name of the file in messages.
      folder: Folder that paths of images are relative to, and must stay inside of.
      images: Names of the columns that are the bytes of image files.
      label: Name of the label, which instances must not have; None if unknown.
      unused: Names of the other raw columns of the dataset, which the model does not take.

    Raises:
      DataError: A column is not dense or of another dtype.
    """

    specs: Mapping[str, tf.TensorSpec]
    source: str
    folder: str = "."
    images: frozenset[str] = frozenset()
    label: str | None = None
    unused: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        for name, spec in self.specs.items():
            if not isinstance(spec, tf.TensorSpec) or spec.dtype.name not in _DTYPES:
                raise DataError(
                    f'the model takes "{name}" as {spec}; JSON instances are for dense columns of '
                    f"{', '.join(_DTYPES)}"
                )

    @cached_property
    def _names(self) -> RequestNames:
        label = () if self.label is None else (self.label,)
        return RequestNames([*self.specs, *sorted(self.unused), *label])

    def check(self, lines: Iterable[bytes]) -> int:
        """Check instances.

        Args:
          lines: The lines of the file.

        Returns:
          The number of instances.

        Raises:
          DataError: Instances are invalid; the message lists the first 50 problems by line.
        """
        problems: list[str] = []
        bad = count = 0
        for number, line in _numbered(lines):
            _, row_problems = self._row(line)
            count, bad = count + 1, bad + bool(row_problems)
            room = _MOST_PROBLEMS - len(problems)
            problems += [f"{self.source}:{number}: {problem}" for problem in row_problems[:room]]
        if problems:
            summary = f"{bad:,} of {_count(count)} cannot be read, so nothing was predicted"
            if len(problems) == _MOST_PROBLEMS:
                summary += f" (these are the first {_MOST_PROBLEMS} problems)"
            raise DataError("\n".join([f"{self.source}: {summary}:", *problems]))
        return count

    def batches(self, lines: Iterable[bytes], *, rows: int = _ROWS) -> Iterator[Instances]:
        """Read checked instances in batches.

        Args:
          lines: The lines that `check` has accepted.
          rows: The largest number of instances of a batch; a batch is smaller where its lines
            and images exceed 16 MB.

        Yields:
          Batches, in the order of the lines.

        Raises:
          DataError: An instance is invalid.
        """
        numbers: list[int] = []
        batch: list[dict[str, Any]] = []
        size = 0
        for number, line in _numbered(lines):
            row, problems = self._row(line)
            if problems:
                raise DataError(f"{self.source}:{number}: {problems[0]}")
            numbers.append(number)
            batch.append(row)
            size += len(line) + sum(len(row[name]) for name in self.images)
            if len(batch) == rows or size >= _BYTES:
                yield self._instances(numbers, batch)
                numbers, batch, size = [], [], 0
        if batch:
            yield self._instances(numbers, batch)

    def _instances(self, numbers: list[int], batch: list[dict[str, Any]]) -> Instances:
        columns = {}
        for name, spec in self.specs.items():
            shape = [len(batch), *spec.shape[1:].as_list()]
            column: npt.NDArray[Any] = np.empty(shape, _DTYPES[spec.dtype.name])
            column[...] = np.array([row[name] for row in batch], column.dtype).reshape(shape)
            columns[name] = column
        return Instances(tuple(numbers), columns)

    def _row(self, line: bytes) -> tuple[dict[str, Any], list[str]]:
        """Return the values of all columns, and the problems of the instance."""
        try:
            fields = json.loads(line, object_pairs_hook=_Object, parse_constant=_refuse)
        except (ValueError, RecursionError) as error:
            return {}, [f"expected a JSON object, got text that is no JSON: {_reason(error)}"]
        if not isinstance(fields, _Object):
            return {}, [f"expected a JSON object, got {_shown(fields)}"]
        row: dict[str, Any] = {}
        problems = []
        seen: dict[str, str] = {}
        for key, value in fields:
            try:
                name = self._names.column(key)
                if name is None or name not in self.specs:
                    raise _Problem(self._unknown(key, name))
                if name in seen:
                    raise _Problem(_twice(name, key, seen[name]))
                seen[name] = key
                row[name] = self._value(name, value)
            except (_Problem, DataError) as problem:
                problems.append(f"field {json.dumps(key, ensure_ascii=False)}: {problem}")
        absent = [name for name in self.specs if name not in seen]
        problems += [f'field "{name}": it is missing' for name in absent if name in self.images]
        return row | {name: self._missing(name) for name in absent}, problems

    def _unknown(self, key: str, name: str | None) -> str:
        """Describe a field that the model does not take; `name` is its column, if any."""
        if name is not None and name == self.label:
            return "it is the label, which the model predicts; leave it out"
        if name is not None:
            return "it is a column that no feature of the model depends on; leave it out"
        if hint := did_you_mean(key, RequestNames(self.specs).spellings):
            return f"the model takes no such field{hint}"
        names = [*self.specs][:_MOST_NAMES]
        more = len(self.specs) - len(names)
        listed = ", ".join(names) + (f" and {more:,} more" if more > 0 else "")
        return f"the model takes no such field, but {listed}"

    def _value(self, name: str, value: Any) -> Any:
        spec = self.specs[name]
        if value is None and name not in self.images:
            return self._missing(name)
        return self._nested(Column(name, spec.dtype.name), value, spec.shape[1:].as_list())

    def _missing(self, name: str) -> Any:
        spec = self.specs[name]
        return np.full(spec.shape[1:], missing_value(spec)).tolist()

    def _nested(self, column: Column, value: Any, shape: list[int | None]) -> Any:
        if not shape:
            return self._cell(column, value)
        if not isinstance(value, list) or len(value) != shape[0]:
            raise _Problem(f"expected a list of {shape[0]}, got {_shown(value)}")
        return [self._nested(column, part, shape[1:]) for part in value]

    def _cell(self, column: Column, value: Any) -> Any:
        if value is None and column.name not in self.images:
            return column.missing_value
        if column.type == "string":
            return self._text(column, value)
        if type(value) in (int, float) and abs(value) <= _LARGEST_FLOAT:
            if column.type == "float32":
                return float(value)
            if value == int(value) and -(2**63) <= value < 2**63:
                return int(value)
        raise _Problem(f"expected {_EXPECTED[column.type]}, got {_shown(value)}")

    def _text(self, column: Column, value: Any) -> bytes:
        image = column.name in self.images
        if isinstance(value, _Object) and len(value) == 1:
            (key, inner) = value[0]
            if key == "b64" and isinstance(inner, str):
                return _bytes_of(inner)
            if key == "path" and isinstance(inner, str) and image:
                return self._file(inner)
        if isinstance(value, str) and not image:
            try:
                return value.encode()
            except UnicodeEncodeError:
                raise _Problem(f"expected text, got {_shown(value)}, which is no UTF-8") from None
        raise _Problem(f"expected {_EXPECTED['image' if image else 'string']}, got {_shown(value)}")

    def _file(self, path: str) -> bytes:
        # Links are followed before the comparison, so that none leads out of the folder.
        root = os.path.realpath(self.folder)
        target = os.path.realpath(os.path.join(root, path.replace("\0", "")))
        if os.path.isabs(path) or os.path.commonpath([root, target]) != root:
            raise _Problem(
                f"expected a path inside the folder of the instances, got {_shown(path)}"
            )
        if not os.path.isfile(target):
            raise _Problem(f"there is no file {_shown(path)} in the folder of the instances")
        try:
            with open(target, "rb") as file:
                return file.read()
        except OSError as error:
            raise _Problem(f"{_shown(path)} cannot be read: {error.strerror}") from None


_EXPECTED = {
    "int64": "an integer",
    "float32": "a finite number",
    "string": "text",
    "image": 'the bytes of an image file, as {"b64": "…"} or {"path": "…"}',
}


class _Problem(Exception):
    """Problem of a field."""


class _Object(list[tuple[str, Any]]):
    """Fields of a JSON object, in order, duplicates included."""


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no JSON number; a missing one is null")


def _twice(name: str, key: str, before: str) -> str:
    return "it occurs twice" if key == before else f'it is column "{name}", as "{before}" is too'


def _numbered(lines: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    """Yield the lines that are not blank, with their numbers from 1."""
    for number, line in enumerate(lines, 1):
        if number == 1:
            line = line.removeprefix(b"\xef\xbb\xbf")
        if line.strip():
            yield number, line


def _count(instances: int) -> str:
    return f"{instances:,} instance{'s' * (instances != 1)}"


def _bytes_of(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise _Problem(f"expected base64, got {_shown(text)}") from None


def _reason(error: Exception) -> str:
    if isinstance(error, UnicodeDecodeError):
        return "it is not UTF-8"
    return "too deeply nested" if isinstance(error, RecursionError) else str(error)


def _shown(value: Any) -> str:
    """Return a short description of a JSON value.

    >>> _shown("25"), _shown(True), _shown(_Object([("a", 1)]))
    ('"25"', 'true', 'an object with "a"')
    """
    if isinstance(value, _Object):
        return "an object with " + (", ".join(f'"{key}"' for key, _ in value)[:_SHOWN] or "nothing")
    if isinstance(value, list):
        return f"a list of {len(value):,}"
    text = json.dumps(value) if len(str(value)) < _SHOWN else json.dumps(str(value)[:_SHOWN] + "…")
    return text if isinstance(value, str) else text.strip('"')
