"""`Reshape`: a function of DataFrames, and the tables that it gets."""

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
    """Files that a function gets as one frame.

    Attributes:
      schema: Their columns; rows are cleaned, checked and rejected by it.
      inputs: The files, of spans too. Their splits do not matter.
      csv: How the files are written, where they are CSV.
    """

    schema: Schema
    inputs: tuple[Input, ...]
    csv: CsvFormat = field(default_factory=CsvFormat)


@dataclass(frozen=True, kw_only=True)
class Reshape:
    """What makes the rows of a recipe's schema out of rows of other tables.

    The frames have the columns of their schemas, as pandas reads a CSV: "int64" as int64 where it
    is required, else as float64 with NaN for a missing value; "float32" as float64 with NaN;
    "string" as object with None. The index is a number that no other row has, and means nothing.

    Of the frame that the function returns, the columns of the recipe's schema are kept, and a
    named index counts as columns, see `frames`.

    Attributes:
      function: `function(frame, **tables) -> frame`; without a `schema`, `function(**tables)`.
      schema: The columns of the run's inputs. Inputs that name splits are reshaped split by
        split. None where `tables` are all there is; then the run has no inputs of its own.
      tables: Further frames, by the name of the function's argument; each split gets all of them.

    Raises:
      RecipeError: There is neither a schema nor a table, or the function cannot be called.
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
        """The function's, such as "shop:by_customer"."""
        name = getattr(self.function, "__qualname__", type(self.function).__name__)
        return f"{getattr(self.function, '__module__', '?')}:{name}"
