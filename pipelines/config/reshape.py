"""`Reshape`: a function of DataFrames, and the tables that it takes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ...schemas.errors import RecipeError
from ...schemas.schema import Schema
from .csv_format import CsvFormat
from .input import Input

__all__ = ["Reshape", "Table"]


@dataclass(frozen=True, kw_only=True)
class Table:
    """Files that a function takes as one frame.

    Attributes:
      schema: Columns of the files; their rows are cleaned and checked by it, or rejected.
      inputs: The files, spans included. Their splits are ignored.
      csv: Dialect of the files that are CSV.
    """

    schema: Schema
    inputs: tuple[Input, ...]
    csv: CsvFormat = field(default_factory=CsvFormat)


@dataclass(frozen=True, kw_only=True)
class Reshape:
    """Function that computes the rows of a recipe's schema from rows of other tables.

    The frames have the columns of their schemas, as pandas reads a CSV: "int64" as int64 where it
    is required, else as float64 with NaN for a missing value; "float32" as float64 with NaN;
    "string" as object with None. The index is a unique number without a meaning.

    Of the returned frame, only the columns of the recipe's schema are used; a named index counts
    as columns.

    Attributes:
      function: `function(frame, **tables) -> frame`; without a `schema`, `function(**tables)`.
      schema: Columns of the run's inputs. Inputs that name splits are reshaped split by split.
        None if the function takes only `tables`; then the run has no other inputs.
      tables: Further frames, by the name of the function's argument; each split gets all of them.

    Raises:
      RecipeError: There is neither a schema nor a table, or the function is not callable.
    """

    function: Callable[..., Any]
    schema: Schema | None = None
    tables: Mapping[str, Table] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not callable(self.function):
            raise RecipeError(f"reshape: expected a function, got {self.function!r}")
        if self.schema is None and not self.tables:
            raise RecipeError("reshape: give the columns of the inputs, or inputs by name")

    @property
    def name(self) -> str:
        """The name of the function, such as "shop:by_customer"."""
        name = getattr(self.function, "__qualname__", type(self.function).__name__)
        return f"{getattr(self.function, '__module__', '?')}:{name}"
