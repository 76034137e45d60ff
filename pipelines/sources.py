"""Interface of the two kinds of records, `RecordSource`, and the choice between them.

TableSource    rows of CSV and Parquet files      tables/source
ImageSource    images and their annotations       images/source
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

import apache_beam as beam
import pyarrow as pa

from ..schemas.images import ImageSchema
from ..schemas.manifest import Split
from .config.input import Input
from .config.recipe import Recipe
from .runtime.elements import RawTensorAdapter
from .runtime.thread_pool import ElementFn
from .shuffle.layout import BucketLayout
from .shuffle.shuffle import RowSink
from .tables.source import TableSource

__all__ = ["RecordSource", "source_for"]


class StatisticsAccumulator(Protocol):
    """The fold of the profiles; see `recordmill.schemas.statistics.fold.StatisticsFold`."""

    def setup(self) -> None: ...

    def start(self) -> Any: ...

    def add(self, accumulator: Any, batch: pa.RecordBatch) -> Any: ...

    def merge(self, accumulators: list[Any]) -> Any: ...

    def unseen(self, profile: Any, training: Any) -> dict[str, int | None]: ...

    def to_proto(self, profiles: Mapping[str, Any]) -> Any: ...


class RecordSource(Protocol):
    """Interface that each kind of records, tables and images, implements."""

    @property
    def layout(self) -> BucketLayout:
        """How rows become buckets and batches."""

    @property
    def feed(self) -> RawTensorAdapter:
        """What makes the tensors of the `preprocessing_fn`."""

    @property
    def statistics(self) -> StatisticsAccumulator:
        """What is told of every column."""

    def check(self, inputs: Sequence[Input]) -> None:
        """Raise RecipeError or DataError where recipe and inputs cannot go together."""

    def scan(self, inputs: Sequence[Input]) -> beam.PTransform:
        """PBegin -> what is to be read."""

    def scanned(self, element: Any) -> tuple[int, int]:
        """How many records and bytes an element of `scan` stands for."""

    def read(
        self, place: RowSink, rejects: str, folder: str, *, in_threads: bool
    ) -> beam.PTransform:
        """What is to be read -> `IngestResult`; a graph that needs no analysis goes to `folder`."""

    def transform(self, directory: str) -> ElementFn:
        """What makes segments of buckets, and tagged "expansion" the numbers of records.

        What else it finds for the manifest is tagged "findings", as those of `IngestResult`.
        """

    def finish(
        self,
        folder: str,
        samples: Mapping[str, pa.RecordBatch],
        splits: Mapping[str, Split],
        findings: Iterable[tuple[str, Any]],
    ) -> dict[str, Any]:
        """Write what else describes the dataset; give the further fields of the manifest.

        Raises:
          DataError: Parity does not hold.
        """


def source_for(recipe: Recipe, *, prepares: bool = True) -> RecordSource:
    """Return the source of a recipe's records; `prepares=False` reads them for a profile only."""
    if not isinstance(recipe.schema, ImageSchema):
        return TableSource(recipe, recipe.schema)
    from .images.source import ImageSource

    return ImageSource(recipe, recipe.schema, prepares)
