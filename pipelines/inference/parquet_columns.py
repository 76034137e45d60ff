"""Which columns of a Parquet file have values that a recipe can read, and which have none."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq

from ...schemas.errors import DataError
from ...schemas.inference.facts import shown
from ..readers.arrow_text import text_problem
from ..readers.parquet import is_parquet
from ..runtime.decompress import open_decompressed

__all__ = ["ReadableColumns", "readable_columns"]

_HEAD = 16
_BUFFER = 1 << 20
_VALUES = 100
"""Of a column of bytes, so many are looked at to see whether they are text."""


@dataclass(frozen=True)
class ReadableColumns:
    """The columns of Parquet files.

    Attributes:
      names: Those whose values have a text, in order.
      left_out: The name of each other one, and why it is left out.
    """

    names: tuple[str, ...]
    left_out: tuple[tuple[str, str], ...]


def readable_columns(paths: Sequence[str]) -> ReadableColumns | None:
    """Return the columns of Parquet files; None where the first one is another file.

    Args:
      paths: The first files; the columns are those of the first of them, and what others have
        beside them is left out.

    Raises:
      DataError: A file cannot be read, or the first one has no column whose values have a text.
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
                f"{path}: is no whole Parquet file ({error}). Copy it again."
            ) from error
    return ReadableColumns(names, tuple(left_out.items()))


def _left_out(file: pq.ParquetFile) -> Iterator[tuple[str, str]]:
    """Yield the columns whose values have no text, and why."""
    for field in file.schema_arrow:
        if problem := text_problem(field.type):
            yield field.name, problem
        elif _is_bytes(field.type) and not _are_text(_first_values(file, field.name)):
            yield field.name, "bytes that are no UTF-8 text; decode them first"


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
