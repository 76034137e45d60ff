"""Write pandas DataFrames as Parquet, so that they are read like any input file.

A named index becomes a column (or several), as with `reset_index`; an index without a name, or with
the name of a column, is left out. Labels of several levels, as of a pivot table, are joined with
"_". NaN, None, NaT and pd.NA are missing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from ...schemas.column import Column
from ...schemas.errors import DataError
from ...schemas.schema import Schema
from ...schemas.split_names import check_split_name
from ..config.input import Input
from ..readers.arrow_text import text_problem
from ..runtime import filesystem as files

__all__ = ["FrameInput", "flat", "frame_input", "frame_table", "write_frames"]

_ROW_GROUP_ROWS = 1 << 18

_UNIFORM = {
    "boolean",
    "bytes",
    "date",
    "datetime",
    "datetime64",
    "decimal",
    "empty",
    "floating",
    "integer",
    "mixed-integer-float",
    "string",
    "time",
}
"""Results of `pandas.api.types.infer_dtype` for object columns with values of one type."""


@dataclass(frozen=True, eq=False)
class FrameInput:
    """DataFrame as an input, in place of an `Input`.

    Attributes:
      split: Split that the rows belong to, such as "train"; None where content decides.
      frame: The rows, with at least the columns of the recipe's schema.

    Raises:
      RecipeError: `split` is not a valid name of a split.
    """

    split: str | None
    frame: pd.DataFrame = field(repr=False)

    def __post_init__(self) -> None:
        if self.split is not None:
            check_split_name(self.split, key="split", subject="FrameInput")


def write_frames(
    inputs: Iterable[Input | FrameInput], folder: str, schema: Schema
) -> tuple[Input, ...]:
    """Write the frames among inputs as files, and return the inputs in the same order.

    Args:
      inputs: Files and frames.
      folder: Folder of the run, local or remote; created if need be.
      schema: Schema whose columns are written.

    Raises:
      DataError: As in `frame_table`.
    """
    return tuple(
        source
        if isinstance(source, Input)
        else frame_input(source.split, source.frame, folder=folder, index=index, schema=schema)
        for index, source in enumerate(inputs)
    )


def frame_input(
    split: str | None, frame: pd.DataFrame, *, folder: str, index: int, schema: Schema
) -> Input:
    """Write a frame to the Parquet file `frame-INDEX.parquet` of a folder.

    Raises:
      DataError: As in `frame_table`.
    """
    name = f"frame-{index}.parquet"
    table = frame_table(frame, schema, name=f"inputs[{index}]")
    path = files.join(folder, name)
    with files.create(path, durable=False) as file:
        pq.write_table(table, file, row_group_size=_ROW_GROUP_ROWS)
    return Input(split, path)


def frame_table(frame: pd.DataFrame, schema: Schema, *, name: str) -> pa.Table:
    """Convert the columns of a schema from a frame to Arrow, with the types of the frame.

    Booleans in a column of numbers become 0 and 1.

    Args:
      frame: Frame; columns that are not in the schema are left out.
      schema: Schema that names the columns.
      name: Name of the frame in messages.

    Raises:
      DataError: A column is missing, occurs twice, contains values of several types, or values
        that have no text.
    """
    frame = flat(frame, name=name)
    missing = [column.name for column in schema if column.name not in frame.columns]
    if missing:
        raise DataError(
            f"{name}: no column {', '.join(missing)}; the frame has the columns "
            f"{', '.join(frame.columns)}"
        )
    return pa.table(
        {column.name: _array(frame[column.name], column, name=name) for column in schema}
    )


def flat(frame: pd.DataFrame, *, name: str) -> pd.DataFrame:
    """Return a frame with distinct strings as labels, and a named index as columns.

    >>> frame = pd.DataFrame({("sum", "x"): [1]}, index=pd.Index(["a"], name="key"))
    >>> flat(frame, name="frame").to_dict("records")
    [{'key': 'a', 'sum_x': 1}]

    Raises:
      DataError: Two labels are the same.
    """
    columns = [_label(label) for label in frame.columns]
    for label in columns:
        if columns.count(label) > 1:
            raise DataError(f'{name}: {columns.count(label)} columns are called "{label}"')
    frame = frame.set_axis(columns, axis=1)
    levels = [None if level is None else _label(level) for level in frame.index.names]
    frame.index = frame.index.set_names(levels)
    left_out = [i for i, level in enumerate(levels) if level is None or level in columns]
    if left_out:
        frame = frame.reset_index(level=left_out, drop=True)
    return frame if len(left_out) == len(levels) else frame.reset_index()


def _label(label: Any) -> str:
    """Join a label to one string.

    >>> _label(("sum", "")), _label(("sum", "x")), _label(3)
    ('sum', 'sum_x', '3')
    """
    parts = label if isinstance(label, tuple) else (label,)
    return "_".join(str(part) for part in parts if part != "")


def _array(values: pd.Series, column: Column, *, name: str) -> pa.Array | pa.ChunkedArray:
    """Convert a column of a frame to Arrow."""
    try:
        array = _checked(values)
    except (ValueError, TypeError, NotImplementedError) as error:  # Arrow's errors are these too
        raise DataError(f'{name}: column "{column.name}": {error}') from error
    if pa.types.is_boolean(array.type) and column.type != "string":
        array = array.cast(pa.int8())
    return array


def _checked(values: pd.Series) -> pa.Array | pa.ChunkedArray:
    """Convert values to Arrow; raise ValueError for several types, or one that has no text."""
    if values.dtype == object:
        kind = pd.api.types.infer_dtype(values, skipna=True)
        if kind not in _UNIFORM:
            types = sorted({type(value).__name__ for value in values[values.notna()]})
            raise ValueError(
                f"expected scalars of one type, got {', '.join(types)} values; convert them first"
            )
    array = pa.array(values, from_pandas=True)
    if pa.types.is_null(array.type):
        return array.cast(pa.string())
    if problem := text_problem(array.type):
        raise ValueError(problem)
    return array
