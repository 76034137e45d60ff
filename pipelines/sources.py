"""Interface of the two kinds of records, `RecordSource`, and the choice between them.

TableSource    rows of CSV and Parquet files      tables/source
ImageSource    images and their annotations       images/source
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import apache_beam as beam

from ..schemas.images import ImageSchema
from ..schemas.manifest import Split
from .config.input import Input
from .config.recipe import Recipe
from .dataset.run_outputs import ManifestExtras, RunOutputs
from .runtime.elements import StatisticsFold
from .shuffle.layout import BucketLayout
from .shuffle.shuffle import RowSink
from .stage_types import Plan
from .tables.source import TableSource

__all__ = ["RecordSource", "source_for"]


class RecordSource(Protocol):
    """Interface that each kind of records, tables and images, implements."""

    @property
    def layout(self) -> BucketLayout:
        """Sizes of buckets and batches of the rows as they are read."""

    @property
    def statistics(self) -> StatisticsFold:
        """Fold that profiles every column."""

    def check_inputs(self, inputs: Sequence[Input]) -> None:
        """Raise RecipeError or DataError where recipe and inputs do not go together."""

    def plan(self) -> Plan:
        """Trace the `preprocessing_fn`, once, and choose the layout."""

    def scan(self, inputs: Sequence[Input]) -> beam.PTransform:
        """Return the stage PBegin -> elements to ingest."""

    def scan_size(self, element: Any) -> tuple[int, int]:
        """Return the number of records and bytes of an element of `scan`."""

    def ingest(
        self,
        plan: Plan | None,
        sink: RowSink,
        *,
        rejects: str,
        graph_folder: str = "",
        in_threads: bool = True,
    ) -> beam.PTransform:
        """Return the stage elements of `scan` -> `IngestResult`.

        Args:
          plan: Plan of the run; None to read rows for a profile only.
          sink: First step of the shuffle.
          rejects: Folder of the rejects.
          graph_folder: Folder for a graph that can be exported before rows are read.
          in_threads: Whether to read with a pool of threads.
        """

    def transform(
        self, plan: Plan, transform_fn: beam.PCollection[str], folder: str
    ) -> beam.PTransform:
        """Return the stage PCollection[Bucket] -> `TransformResult`.

        Args:
          plan: Plan of the run.
          transform_fn: Folder of the transform graph; one element.
          folder: Folder of the segments.
        """

    def describe_and_check(
        self, folder: str, outputs: RunOutputs, splits: Mapping[str, Split]
    ) -> ManifestExtras:
        """Write the source's own metadata files, and check parity of records and graph.

        Args:
          folder: Dataset that is being written; its graph, schema and shards are complete.
          outputs: Outputs of all stages.
          splits: Shards of each split.

        Raises:
          DataError: Parity does not hold, or a split of images lost all of its boxes.
        """


def source_for(recipe: Recipe) -> RecordSource:
    """Return the source of a recipe's records, by the kind of its schema."""
    if not isinstance(recipe.schema, ImageSchema):
        return TableSource(recipe, recipe.schema)
    from .images.source import ImageSource

    return ImageSource(recipe, recipe.schema)
