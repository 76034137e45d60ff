"""pandas DataFrames as inputs: written as Parquet, and read as any file is.

A named index is a column (or several), as after `reset_index`; one without a name, or with that
of a column, is left out. Labels of several levels, as a pivot makes them, are joined with "_".
NaN, None, NaT and pd.NA are missing.
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

_ROW_GROUP = 1 << 18

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
"""What `pandas.api.types.infer_dtype` says of object columns with values of one kind."""


@dataclass(frozen=True, eq=False)
class FrameInput:
    """A DataFrame to prepare, in the place of an `Input`.

    Attributes:
      split: The split it is read for, such as "train"; None where content decides.
      frame: Its rows; at least the columns of the recipe's schema.

    Raises:
      RecipeError: `split` is no name that a split may have.
    """

    split: str | None
    frame: pd.DataFrame = field(repr=False)

    def __post_init__(self) -> None:
        if self.split is not None:
            check_split_name(self.split, key="FrameInput: split")


def write_frames(
    inputs: Iterable[Input | FrameInput], folder: str, schema: Schema
) -> tuple[Input, ...]:
    """Inputs with files in the place of frames, in the same order.

    Args:
      inputs: Files and frames.
      folder: A folder of the run, local or remote; made if need be.
      schema: The columns that are written.

    Raises:
      DataError: As of `frame_table`.
    """
    return tuple(
        one
        if isinstance(one, Input)
        else frame_input(one.split, one.frame, folder=folder, index=index, schema=schema)
        for index, one in enumerate(inputs)
    )


def frame_input(
    split: str | None, frame: pd.DataFrame, *, folder: str, index: int, schema: Schema
) -> Input:
    """A frame as a Parquet file `frame-INDEX.parquet` of a folder.

    Raises:
      DataError: As of `frame_table`.
    """
    name = f"frame-{index}.parquet"
    table = frame_table(frame, schema, name=f"inputs[{index}]")
    path = files.join(folder, name)
    with files.create(path, durable=False) as file:
        pq.write_table(table, file, row_group_size=_ROW_GROUP)
    return Input(split, path)


def frame_table(frame: pd.DataFrame, schema: Schema, *, name: str) -> pa.Table:
    """The columns of a schema, of a frame, with the types they have there.

    Booleans of a column of numbers become 0 and 1.

    Args:
      frame: Its other columns are left out.
      schema: Which columns.
      name: What the frame is called in messages.

    Raises:
      DataError: A column is missing or twice there, or holds values of several kinds, or such as
        have no text.
    """
    frame = flat(frame, name=name)
    missing = [column.name for column in schema if column.name not in frame.columns]
    if missing:
        raise DataError(
            f"{name}: no column {', '.join(missing)}; the frame has the columns "
            f"{', '.join(frame.columns)}"
        )
    return pa.table({one.name: _array(frame[one.name], one, name=name) for one in schema})


def flat(frame: pd.DataFrame, *, name: str) -> pd.DataFrame:
    """A frame whose labels are different strings, with a named index as columns.

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
    left_out = [place for place, level in enumerate(levels) if level is None or level in columns]
    if left_out:
        frame = frame.reset_index(level=left_out, drop=True)
    return frame if len(left_out) == len(levels) else frame.reset_index()


def _label(label: Any) -> str:
    """A label as one string.

    >>> _label(("sum", "")), _label(("sum", "x")), _label(3)
    ('sum', 'sum_x', '3')
    """
    parts = label if isinstance(label, tuple) else (label,)
    return "_".join(str(part) for part in parts if part != "")


def _array(values: pd.Series, column: Column, *, name: str) -> pa.Array | pa.ChunkedArray:
    """A column of a frame as Arrow has it."""
    try:
        array = _checked(values)
    except (ValueError, TypeError, NotImplementedError) as error:  # Arrow's errors are these too
        raise DataError(f'{name}: column "{column.name}": {error}') from error
    if pa.types.is_boolean(array.type) and column.type != "string":
        array = array.cast(pa.int8())
    return array


def _checked(values: pd.Series) -> pa.Array | pa.ChunkedArray:
    """The values, if they are of one kind and have a text; ValueError says what is wrong."""
    if values.dtype == object:
        kind = pd.api.types.infer_dtype(values, skipna=True)
        if kind not in _UNIFORM:
            found = sorted({type(value).__name__ for value in values[values.notna()]})
            raise ValueError(
                f"expected values of one kind, got {', '.join(found)} values; convert them first"
            )
    array = pa.array(values, from_pandas=True)
    if pa.types.is_null(array.type):
        return array.cast(pa.string())
    if problem := text_problem(array.type):
        raise ValueError(problem)
    return array
