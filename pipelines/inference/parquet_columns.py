"""Columns of Parquet files that a recipe can read, and those that it must leave out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq

from ...schemas.column import RESERVED
from ...schemas.errors import DataError
from ...schemas.inference.facts import shown
from ..readers.arrow_text import text_problem
from ..readers.parquet import is_parquet
from ..runtime.decompress import open_decompressed

__all__ = ["ReadableColumns", "readable_columns"]

_HEAD = 16
_BUFFER = 1 << 20
_VALUES = 100
"""Number of values of a binary column to check for text."""


@dataclass(frozen=True)
class ReadableColumns:
    """Columns of Parquet files, readable or not.

    Attributes:
      names: Names of the columns whose values can be written as text, in order.
      left_out: Name of each other column, and the reason it is left out.
    """

    names: tuple[str, ...]
    left_out: tuple[tuple[str, str], ...]


def readable_columns(paths: Sequence[str]) -> ReadableColumns | None:
    """Return the columns of Parquet files; None where the first file is not Parquet.

    Args:
      paths: Paths of the first few files. The columns of the first one count; further columns of
        the others are left out.

    Raises:
      DataError: A file cannot be read, or the first one has no readable column.
    """
    first = _columns_of(paths[0])
    if first is None:
        return None
    if not first.names:
        reasons = "; ".join(f"{shown(name)}: {reason}" for name, reason in first.left_out)
        raise DataError(f"{paths[0]}: no column can be read: {reasons}")
    left_out = dict(first.left_out)
    for path in paths[1:]:
        more = _columns_of(path)
        for name in (*more.names, *dict(more.left_out)) if more else ():
            if name not in first.names:
                left_out.setdefault(name, f"not in {paths[0]}, the first of the files")
    return ReadableColumns(first.names, tuple(left_out.items()))


def _columns_of(path: str) -> ReadableColumns | None:
    with open_decompressed(path) as stored:
        if not is_parquet(stored.read(_HEAD)):
            return None
    with open_decompressed(path) as stored:
        try:
            file = pq.ParquetFile(stored, buffer_size=_BUFFER, pre_buffer=False)
            left_out = dict(_left_out(file))
            names = tuple(name for name in file.schema_arrow.names if name not in left_out)
        except (pa.ArrowException, OSError) as error:
            raise DataError(
                f"{path}: is not a complete Parquet file ({error}). Copy it again."
            ) from error
    return ReadableColumns(names, tuple(left_out.items()))


def _left_out(file: pq.ParquetFile) -> Iterator[tuple[str, str]]:
    """Yield the name of each unreadable column, and the reason."""
    names = file.schema_arrow.names
    for field in file.schema_arrow:
        if problem := _name_problem(field.name, names) or text_problem(field.type):
            yield field.name, problem
        elif _is_bytes(field.type) and not _are_text(_first_values(file, field.name)):
            yield field.name, "bytes that are not UTF-8 text; decode them first"


def _name_problem(name: str, names: Sequence[str]) -> str:
    """Return the reason why a recipe cannot name a column so; "" where it can."""
    if not name:
        return "the name is empty; rename it in the file"
    if name.startswith(RESERVED):
        return f"names that begin with {' or '.join(RESERVED)} are reserved; rename it in the file"
    if names.count(name) > 1:
        return f"{names.count(name)} columns have this name; rename the others in the file"
    return ""


def _is_bytes(kind: pa.DataType) -> bool:
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


def _first_values(file: pq.ParquetFile, name: str) -> Iterable[bytes | None]:
    batch = next(file.iter_batches(_VALUES, columns=[name], use_threads=False), None)
    return [] if batch is None else batch.column(0).to_pylist()


def _are_text(values: Iterable[bytes | None]) -> bool:
    try:
        return all(value is None or "\0" not in value.decode() for value in values)
    except UnicodeDecodeError:
        return False
