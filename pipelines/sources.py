"""What differs between tables and images on the way of a row; all else is one road.

TableRoad    CSV files: a record is a row of text              table_road
ImageRoad    images and what annotates them: a record is an image    image_road
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

import apache_beam as beam
import pyarrow as pa

from ..schemas.images import ImageSchema
from ..schemas.manifest import Split
from .recipes.recipe import Recipe
from .runtime.elements import Feed
from .runtime.thread_pool import Work
from .shuffle.layout import Layout
from .shuffle.shuffle import Place
from .tables.csv_source import Input
from .tables.source import TableRoad

__all__ = ["Road", "road_of"]


class Statistics(Protocol):
    """The fold of the profiles; see `recordmill.schemas.statistics.fold.StatisticsFold`."""

    def setup(self) -> None: ...

    def start(self) -> Any: ...

    def add(self, accumulator: Any, batch: pa.RecordBatch) -> Any: ...

    def merge(self, accumulators: list[Any]) -> Any: ...

    def unseen(self, profile: Any, training: Any) -> dict[str, int | None]: ...

    def to_proto(self, profiles: Mapping[str, Any]) -> Any: ...


class Road(Protocol):
    """What a pipeline asks of the kind of its records."""

    @property
    def layout(self) -> Layout:
        """How rows become buckets and batches."""

    @property
    def feed(self) -> Feed:
        """What makes the tensors of the `preprocessing_fn`."""

    @property
    def statistics(self) -> Statistics:
        """What is told of every column."""

    def check(self, inputs: Sequence[Input]) -> None:
        """Raises RecipeError or DataError where recipe and inputs cannot go together."""

    def scan(self, inputs: Sequence[Input]) -> beam.PTransform:
        """PBegin -> what is to be read."""

    def scanned(self, element: Any) -> tuple[int, int]:
        """How many records and bytes an element of `scan` stands for."""

    def read(self, place: Place, rejects: str, folder: str, *, in_threads: bool) -> beam.PTransform:
        """What is to be read -> `RowsRead`; a graph that needs no analysis goes to `folder`."""

    def transform(self, directory: str) -> Work:
        """What makes segments of buckets, and tagged "expansion" the numbers of records.

        What else it finds for the manifest is tagged "findings", as those of `RowsRead`.
        """

    def finish(
        self,
        folder: str,
        samples: Mapping[str, pa.RecordBatch],
        splits: Mapping[str, Split],
        findings: Iterable[tuple[str, Any]],
    ) -> dict[str, Any]:
        """Writes what else describes the dataset; gives the further fields of the manifest.

        Raises:
          DataError: Parity does not hold.
        """


def road_of(recipe: Recipe, *, prepares: bool = True) -> Road:
    """The road of a recipe's records; one that prepares nothing reads them for a profile only."""
    if not isinstance(recipe.schema, ImageSchema):
        return TableRoad(recipe, recipe.schema)
    from .images.source import ImageRoad

    return ImageRoad(recipe, recipe.schema, prepares)
