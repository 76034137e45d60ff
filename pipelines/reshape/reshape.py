"""`Reshape`: a function of DataFrames that computes the rows to prepare from other rows.

The function uses the pandas API. In a run it gets Beam's deferred DataFrames, which are computed
in parallel on any runner; in a notebook it gets a `pandas.DataFrame`, and returns the same rows.
Operations that deferred frames do not support, because they depend on the order of rows or on the
data itself, are refused before any data is read.
"""

from __future__ import annotations

import os
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from ...schemas.column import Column
from ...schemas.errors import DataError, RecipeError
from ...schemas.schema import Schema
from ...schemas.suggestions import did_you_mean, nearest_name
from ..config.reshape import Reshape

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["check_reshape", "failing_line", "reshaped_frame", "to_frame"]

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
    """Return cleaned rows as a frame for the function, see `Reshape`; the index counts from 0.

    Args:
      batches: Batches of `schema.arrow_schema()`.
      schema: Schema of the columns.

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
            f'column "{column.name}": pandas cannot have an integer beyond 2^53 beside missing '
            "values: declare the column as required, or with the type string"
        ) from error


def check_reshape(reshape: Reshape, schema: Schema) -> None:
    """Check the columns that the function returns, by a run on deferred frames without rows.

    Args:
      reshape: The function, and the schemas of its frames.
      schema: Schema of the columns that the function must return.

    Raises:
      RecipeError: The function fails, uses an operation that cannot be distributed, or returns
        something else.
    """
    import apache_beam as beam
    from apache_beam.dataframe import convert
    from apache_beam.options.pipeline_options import PipelineOptions
    from apache_beam.runners.portability.fn_api_runner import FnApiRunner

    pipeline = beam.Pipeline(FnApiRunner(), PipelineOptions([]))  # else it reads the command line

    def frame(name: str, columns: Schema) -> Any:
        empty = pipeline | name >> beam.Create([])
        return convert.to_dataframe(empty, proxy=to_frame([], columns))

    main = None if reshape.schema is None else frame("main", reshape.schema)
    tables = {name: frame(f"table {name}", table.schema) for name, table in reshape.tables.items()}
    reshaped_frame(reshape, main, tables, schema)


def reshaped_frame(reshape: Reshape, main: Any, tables: Mapping[str, Any], schema: Schema) -> Any:
    """Call the function, and check its result.

    Args:
      reshape: The function.
      main: Deferred frame of the inputs; None where there are none.
      tables: Deferred frames of the tables, by name.
      schema: As in `check_reshape`.

    Raises:
      RecipeError: As in `check_reshape`.
    """
    from apache_beam.dataframe.frames import DeferredDataFrame

    with _explained(reshape):
        result = reshape.function(*([] if main is None else [main]), **tables)
    if not isinstance(result, DeferredDataFrame):
        raise RecipeError(
            f"reshape {reshape.name}: expected it to return a DataFrame computed from its "
            f"arguments, got a {type(result).__name__}"
        )
    _check_columns(reshape, result._expr.proxy(), schema)
    return result


def _check_columns(reshape: Reshape, proxy: pd.DataFrame, schema: Schema) -> None:
    """Raise RecipeError where a frame lacks columns of the schema."""
    from ..tables.dataframes import flat

    try:
        returned = list(flat(proxy, name=f"reshape {reshape.name}").columns)
    except DataError as error:
        raise RecipeError(str(error)) from error
    missing = [name for name in schema.names if name not in returned]
    if missing:
        near = nearest_name(missing[0], returned)
        hint = f' (did you mean "{near}"?)' if near else ""
        raise RecipeError(
            f"reshape {reshape.name}: it returns no column {', '.join(missing)}{hint}; it returns "
            f"{', '.join(returned)}"
        )


@contextmanager
def _explained(reshape: Reshape) -> Iterator[None]:
    """Raise errors of the function as a RecipeError with the line that fails, and a remedy."""
    from apache_beam.dataframe.expressions import NonParallelOperation

    try:
        yield
    except RecipeError:
        raise
    except Exception as error:
        text = error.msg if isinstance(error, NonParallelOperation) else str(error)
        problem = _missing_column(error) or f"{type(error).__name__}: {text.strip()}{_hint(error)}"
        raise RecipeError(f"reshape {failing_line(reshape, error)}: {problem}") from error


def failing_line(reshape: Reshape, error: Exception) -> str:
    """Return the name of the function, and the line of its file that an error passed through."""
    code = getattr(reshape.function, "__code__", None)
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if code is not None and frame.filename == code.co_filename:
            return f"{reshape.name} ({os.path.basename(frame.filename)}:{frame.lineno})"
    return reshape.name


def _missing_column(error: Exception) -> str:
    """Return which column of a frame does not exist; "" for other errors.

    Beam's own error does not name the column, so it is read from the call that raised it.
    """
    from apache_beam.dataframe.frames import DeferredDataFrame

    for call, _ in traceback.walk_tb(error.__traceback__):
        frame, key = call.f_locals.get("self"), call.f_locals.get("key")
        if call.f_code.co_name != "__getitem__" or not isinstance(frame, DeferredDataFrame):
            continue
        names = [str(name) for name in frame._expr.proxy().columns]
        for name in key if isinstance(key, list) else [key]:
            if isinstance(name, str) and name not in names:
                hint = did_you_mean(name, names) or f"; there are {', '.join(names)}"
                return f'there is no column "{name}"{hint}'
    return ""


def _hint(error: Exception) -> str:
    """Return the remedy for an operation that cannot be distributed; "" for other errors."""
    from apache_beam.dataframe.expressions import NonParallelOperation
    from apache_beam.dataframe.frame_base import WontImplementError

    if isinstance(error, NonParallelOperation):
        return f"\n{_ON_ONE_WORKER}"
    if isinstance(error, WontImplementError):
        return f"\n{_IN_GROUPS}"
    if isinstance(error, NotImplementedError):
        return f"\n{_BY_NAME}"
    return ""
