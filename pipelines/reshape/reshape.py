"""`Reshape`: a function of DataFrames that makes the rows to prepare out of other rows.

The function has the pandas API. In a run it gets Beam's deferred DataFrames, which are computed
in parallel on any runner; in a notebook it gets what `pandas.DataFrame` is, and gives the same
rows. What the deferred ones cannot do, because it depends on the order of rows or on the data
itself, Beam refuses before any data is read.
"""

from __future__ import annotations

import os
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from ...schemas.column import Column
from ...schemas.errors import DataError, RecipeError
from ...schemas.schema import Schema
from ..config.reshape import Reshape

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["check_reshape", "place_of", "reshaped_frame", "to_frame"]

_ON_ONE_WORKER = (
    "It needs all rows in one place. Merge with an index, as in `left.merge(right.set_index(key), "
    "left_on=key, right_index=True)`; a named index need not be reset, it counts as columns. Or "
    "write it in a block of `with apache_beam.dataframe.allow_non_parallel_operations():`, which "
    "gives all rows to one worker."
)
_IN_GROUPS = (
    "The rows of a distributed frame have no order, and its columns are known before its values. "
    "Within a group rows can have an order: `frame.groupby(key).apply(lambda group: "
    "group.sort_values(…)…)`. For a pivot, give the column a `pandas.CategoricalDtype` that names "
    "its values."
)
_BY_NAME = (
    "Beam's frames do not have it. They do aggregate by name, as in `frame.groupby(key)"
    '.agg(total=("amount", "sum"))`, and do anything within a group: `frame.groupby(key)'
    ".apply(function)`."
)


def to_frame(batches: list[pa.RecordBatch], schema: Schema) -> pd.DataFrame:
    """Cleaned rows as a function gets them, see `Reshape`; the index counts from 0.

    Args:
      batches: Of `schema.arrow_schema()`.
      schema: The columns.

    Raises:
      DataError: An integer that may be missing is beyond 2^53.
    """
    import pandas as pd

    table = pa.Table.from_batches(batches, schema.arrow_schema())
    return pd.DataFrame(
        {column.name: _series(table.column(column.name), column) for column in schema}
    )


def _series(values: pa.ChunkedArray, column: Column) -> pd.Series:
    if column.type == "string":
        return values.cast(pa.string()).to_pandas()
    if column.type == "int64" and column.required:
        return values.to_pandas()
    try:
        return values.cast(pa.float64()).to_pandas()
    except pa.ArrowInvalid as error:
        raise DataError(
            f'column "{column.name}": an integer beyond 2^53 cannot stand beside missing values: '
            "say that the column is required, or of the type string"
        ) from error


def check_reshape(reshape: Reshape, schema: Schema) -> None:
    """Run the function on deferred frames without rows, which shows what it returns.

    Args:
      reshape: What is to be done.
      schema: The columns that the function must return.

    Raises:
      RecipeError: The function fails, does what cannot be distributed, or returns something else.
    """
    import apache_beam as beam
    from apache_beam.dataframe import convert
    from apache_beam.options.pipeline_options import PipelineOptions
    from apache_beam.runners.portability.fn_api_runner import FnApiRunner

    pipeline = beam.Pipeline(FnApiRunner(), PipelineOptions([]))  # else it reads the command line

    def frame(name: str, of: Schema) -> Any:
        empty = pipeline | name >> beam.Create([])
        return convert.to_dataframe(empty, proxy=to_frame([], of))

    main = None if reshape.schema is None else frame("main", reshape.schema)
    tables = {name: frame(f"table {name}", of.schema) for name, of in reshape.tables.items()}
    reshaped_frame(reshape, main, tables, schema)


def reshaped_frame(reshape: Reshape, main: Any, tables: Mapping[str, Any], schema: Schema) -> Any:
    """What the function returns, checked.

    Args:
      reshape: What is to be done.
      main: The deferred frame of the inputs; None where there are none.
      tables: Those of the tables.
      schema: As in `check_reshape`.

    Raises:
      RecipeError: As of `check_reshape`.
    """
    from apache_beam.dataframe.frames import DeferredDataFrame

    with _explained(reshape):
        result = reshape.function(*([] if main is None else [main]), **tables)
    if not isinstance(result, DeferredDataFrame):
        raise RecipeError(
            f"reshape {reshape.name}: expected it to return a DataFrame made of those it is given, "
            f"got a {type(result).__name__}"
        )
    _check_columns(reshape, result._expr.proxy(), schema)
    return result


def _check_columns(reshape: Reshape, proxy: pd.DataFrame, schema: Schema) -> None:
    """Raise RecipeError where the columns of the schema are not there."""
    from ..tables.dataframes import flat

    try:
        found = list(flat(proxy, name=f"reshape {reshape.name}").columns)
    except DataError as error:
        raise RecipeError(str(error)) from error
    missing = [name for name in schema.names if name not in found]
    if missing:
        near = get_close_matches(missing[0], found, n=1)
        hint = f' (did you mean "{near[0]}"?)' if near else ""
        raise RecipeError(
            f"reshape {reshape.name}: it returns no column {', '.join(missing)}{hint}; it returns "
            f"{', '.join(found)}"
        )


@contextmanager
def _explained(reshape: Reshape) -> Iterator[None]:
    """Whatever the function raises as a RecipeError with its line, and what to do instead."""
    from apache_beam.dataframe.expressions import NonParallelOperation

    try:
        yield
    except RecipeError:
        raise
    except Exception as error:
        told = error.msg if isinstance(error, NonParallelOperation) else str(error)
        problem = _no_column(error) or f"{type(error).__name__}: {told.strip()}{_hint(error)}"
        raise RecipeError(f"reshape {place_of(reshape, error)}: {problem}") from error


def place_of(reshape: Reshape, error: Exception) -> str:
    """The function, and the last line of its file that was run."""
    code = getattr(reshape.function, "__code__", None)
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if code is not None and frame.filename == code.co_filename:
            return f"{reshape.name} ({os.path.basename(frame.filename)}:{frame.lineno})"
    return reshape.name


def _no_column(error: Exception) -> str:
    """Of which column a frame has none, where one was asked for; Beam does not say it."""
    from apache_beam.dataframe.frames import DeferredDataFrame

    for frame, _ in traceback.walk_tb(error.__traceback__):
        asked, key = frame.f_locals.get("self"), frame.f_locals.get("key")
        if frame.f_code.co_name != "__getitem__" or not isinstance(asked, DeferredDataFrame):
            continue
        names = [str(name) for name in asked._expr.proxy().columns]
        for name in key if isinstance(key, list) else [key]:
            if isinstance(name, str) and name not in names:
                near = get_close_matches(name, names, n=1)
                hint = f'did you mean "{near[0]}"?' if near else f"there are {', '.join(names)}"
                return f'there is no column "{name}"; {hint}'
    return ""


def _hint(error: Exception) -> str:
    """What to do instead of what cannot be distributed."""
    from apache_beam.dataframe.expressions import NonParallelOperation
    from apache_beam.dataframe.frame_base import WontImplementError

    if isinstance(error, NonParallelOperation):
        return f"\n{_ON_ONE_WORKER}"
    if isinstance(error, WontImplementError):
        return f"\n{_IN_GROUPS}"
    if isinstance(error, NotImplementedError):
        return f"\n{_BY_NAME}"
    return ""
