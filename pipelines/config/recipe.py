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
"""The contract of tensorflow-transform: raw tensors by column -> transformed tensors by name."""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What a dataset is made of.

    Attributes:
      name: The dataset's name, for people.
      schema: The columns of the input: a `Schema` of a table, or an `ImageSchema`.
      preprocessing_fn: The only way a feature is defined: a top-level function over the tensors of
        `schema.inputs`, or over those of `ImageTensorAdapter`. The graph it traces makes the
        records and serves.
      inputs: What is read where a run is given no inputs of its own.
      csv: How the files of a table are written.
      images: How images are read and stored; None for a table, or for the defaults.
      reshape: What makes the rows of the schema out of those of the files; None where they are
        those of the files.
      split: By content, or by input where each input names its split.
      filters: Rows for which one of these is not true are left out, such as
        `pc.field("age") >= 18`; null counts as not true.
      sampling: The share of rows to keep, in (0, 1]; which ones depends on their content and seed.
      distinct: Whether rows equal to another row of their split are left out.
      allow_empty: Whether a split may end up without any row; else the run fails then.
      max_reject_ratio: The run fails when more than this share of the records read is rejected.
      seed: Of the canonical order, the split by content and the sampling.
      target_shard_mb: The size, in 10^6 bytes before compression, that shards are near to.
      shards: The number of shards of a split, instead of by size; splits not named go by size.
      statistics: Whether the columns and the features are profiled.
      expect: What the statistics must be like for a run to publish; None for anything.
      compression: "" or "GZIP", as `tf.data.TFRecordDataset` takes it.
      sample: Writes the recipe's own small input into a folder and returns the inputs; None where
        the recipe has none.

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
            (not self.name, "name: expected a name, got an empty one"),
            (
                self.images is not None and isinstance(self.schema, Schema),
                "images: the schema is one of a table; give an ImageSchema",
            ),
            (not 0 < self.sampling <= 1, f"sampling: expected (0, 1], got {self.sampling}"),
            (
                not 0 <= self.max_reject_ratio <= 1,
                f"max_reject_ratio: expected [0, 1], got {self.max_reject_ratio}",
            ),
            (
                not 0 <= self.seed < 2**63,
                f"seed: expected an integer in [0, 2^63), got {self.seed}",
            ),
            (
                self.target_shard_mb < 1,
                f"target_shard_mb: expected at least 1, got {self.target_shard_mb}",
            ),
            (
                any(count < 1 for count in self.shards.values()),
                f"shards: expected at least 1 each, got {dict(self.shards)}",
            ),
            (
                self.compression not in ("", "GZIP"),
                f'compression: expected "" or "GZIP", got "{self.compression}"',
            ),
        ]
        for wrong, message in checks:
            if wrong:
                raise RecipeError(f"recipe {self.name}: {message}")

    @property
    def selection(self) -> RowSelection:
        """Settings that decide which rows stay, and in which split."""
        return RowSelection(
            splitting=self.split, seed=self.seed, filters=self.filters, sampling=self.sampling
        )

    @property
    def drops_near_duplicates(self) -> bool:
        """Whether images that look like another one are left out."""
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
