"""`Recipe`: all settings of a dataset, in one frozen dataclass."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Literal

import pyarrow.compute as pc

from ...schemas.errors import RecipeError
from ...schemas.images import ImageSchema
from ...schemas.schema import Schema
from .csv_format import CsvFormat
from .images import Images
from .input import Input
from .reshape import Reshape
from .row_selection import RowSelection
from .splitting import Splitting

if TYPE_CHECKING:
    from .expect import Expect

__all__ = ["PreprocessingFn", "Recipe"]

PreprocessingFn = Callable[[dict[str, Any]], dict[str, Any]]
"""Contract of tensorflow-transform: raw tensors by column -> transformed tensors by name."""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """All settings of a dataset.

    Attributes:
      name: Name of the dataset, for people.
      schema: Columns of the input: a `Schema` of a table, or an `ImageSchema`.
      preprocessing_fn: Function that defines all features: a top-level function over the tensors
        of `schema.inputs`, or over those of `ImageTensorAdapter`. The graph traced from it
        computes the stored records and serves.
      inputs: Files to read if a run names no inputs.
      csv: Dialect of the CSV files of a table.
      images: Settings of image datasets; None for a table, or for the defaults.
      reshape: Function that computes the rows of the schema from those of the files; None if the
        files contain these rows.
      split: Split by content, for inputs that do not name their split.
      filters: Conditions such as `pc.field("age") >= 18`; rows for which one of them is not true
        are left out, and null counts as not true.
      sampling: Share of the rows to use, in (0, 1]; content and seed decide which.
      distinct: Whether to leave out rows equal to another row of their split.
      allow_empty: Whether a split may have no rows; else the run fails.
      max_reject_ratio: Largest good share of rejected records; above it the run fails.
      seed: Seed of the canonical order, the split by content and the sampling.
      target_shard_mb: Approximate size of a shard, in 10^6 bytes before compression.
      shards: Number of shards by split; the size decides for splits without a number.
      statistics: Whether to profile the columns and the features.
      expect: Expectations that the statistics must meet before a run publishes; None for none.
      compression: Compression of the shards: "" or "GZIP", as in `tf.data.TFRecordDataset`.
      sample: Function that writes a small input for the recipe into a folder and returns the
        inputs; None for a recipe without one.

    Raises:
      RecipeError: A field is out of its range; the message names it.
    """

    name: str
    schema: Schema | ImageSchema
    preprocessing_fn: PreprocessingFn
    inputs: tuple[Input, ...] = ()
    csv: CsvFormat = field(default_factory=CsvFormat)
    images: Images | None = None
    reshape: Reshape | None = None
    split: Splitting = field(default_factory=Splitting)
    filters: tuple[pc.Expression, ...] = ()
    sampling: float = 1.0
    distinct: bool = False
    allow_empty: bool = False
    max_reject_ratio: float = 0.01
    seed: int = 0
    target_shard_mb: int = 128
    shards: Mapping[str, int] = field(default_factory=dict)
    statistics: bool = True
    expect: Expect | None = None
    compression: Literal["", "GZIP"] = ""
    sample: Callable[[str], tuple[Input, ...]] | None = None

    def __post_init__(self) -> None:
        checks = [
            ("name", bool(self.name), "expected a name, got an empty one"),
            (
                "images",
                self.images is None or not isinstance(self.schema, Schema),
                "the schema is one of a table; give an ImageSchema",
            ),
            ("sampling", 0 < self.sampling <= 1, f"expected (0, 1], got {self.sampling}"),
            (
                "max_reject_ratio",
                0 <= self.max_reject_ratio <= 1,
                f"expected [0, 1], got {self.max_reject_ratio}",
            ),
            ("seed", 0 <= self.seed < 2**63, f"expected an integer in [0, 2^63), got {self.seed}"),
            (
                "target_shard_mb",
                self.target_shard_mb >= 1,
                f"expected at least 1, got {self.target_shard_mb}",
            ),
            (
                "shards",
                all(count >= 1 for count in self.shards.values()),
                f"expected at least 1 each, got {dict(self.shards)}",
            ),
            (
                "compression",
                self.compression in ("", "GZIP"),
                f'expected "" or "GZIP", got "{self.compression}"',
            ),
        ]
        for field_name, good, problem in checks:
            if not good:
                raise RecipeError(problem, subject=f"recipe {self.name}", field=field_name)

    @property
    def selection(self) -> RowSelection:
        """The settings that select rows and assign them to splits."""
        return RowSelection(
            splitting=self.split, seed=self.seed, filters=self.filters, sampling=self.sampling
        )

    @property
    def drops_near_duplicates(self) -> bool:
        """True if images that look like another image are left out."""
        return self.images is not None and self.images.near_duplicates == "drop"

    def resolved(self) -> dict[str, Any]:
        """Return the recipe as JSON for the manifest: all fields, defaults included."""
        return {entry.name: _plain(getattr(self, entry.name)) for entry in fields(self)}


def _plain(value: Any) -> Any:
    """Return the value as JSON; functions as module, name and digest of their source."""
    if isinstance(value, Schema | ImageSchema):
        return value.to_pbtxt()
    if hasattr(value, "__dataclass_fields__"):
        return {entry.name: _plain(getattr(value, entry.name)) for entry in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    if callable(value) and not isinstance(value, pc.Expression):
        return _function_json(value)
    return value if isinstance(value, str | int | float | None) else str(value)


def _function_json(function: Callable[..., Any]) -> dict[str, str]:
    name = f"{function.__module__}:{getattr(function, '__qualname__', type(function).__name__)}"
    try:
        source = inspect.getsource(function)
    except (OSError, TypeError):
        return {"function": name}
    return {"function": name, "sha256": hashlib.sha256(source.encode()).hexdigest()}
