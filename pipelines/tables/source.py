"""Record source of tables, CSV and Parquet files; `RecordSource` documents the methods."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import apache_beam as beam

from ...schemas.manifest import Split
from ...schemas.schema import Schema
from ...schemas.statistics.fold import StatisticsFold
from ..analysis.checked_fn import CheckedFn
from ..analysis.tensors import SchemaTensorAdapter
from ..analysis.traced_fn import trace_fn
from ..config.input import Input
from ..config.recipe import Recipe
from ..dataset.run_outputs import ManifestExtras, RunOutputs
from ..parity.tables import check_parity
from ..readers.csv_stages import BLOCK_BYTES, ScanCsv, check_formats, match
from ..runtime.elements import ScannedFile
from ..selection.select import check_filters
from ..shuffle.layout import TABLE, BucketLayout
from ..shuffle.shuffle import RowSink
from ..stage_types import Plan
from .ingest import IngestTable
from .transform import TransformTable

__all__ = ["TableSource"]


@dataclass(frozen=True)
class TableSource:
    """Rows of CSV and Parquet files.

    Attributes:
      recipe: Settings of the dataset.
      schema: Columns of the files, `recipe.schema`.
    """

    recipe: Recipe
    schema: Schema

    @property
    def layout(self) -> BucketLayout:
        """Sizes of buckets and batches."""
        return TABLE

    @property
    def statistics(self) -> StatisticsFold:
        """Fold that profiles every column."""
        return StatisticsFold(self.schema)

    def check_inputs(self, inputs: Sequence[Input]) -> None:
        """Check filters, split columns and the kinds of the files."""
        check_filters(self.recipe.filters, self.schema)
        self.recipe.split.key_columns(self.schema)
        match(inputs)
        check_formats(inputs)

    def plan(self) -> Plan:
        """Trace the `preprocessing_fn`."""
        function = CheckedFn(self.recipe.name, self.recipe.preprocessing_fn)
        return Plan(trace_fn(function, SchemaTensorAdapter(self.schema)), self.layout)

    def scan(self, inputs: Sequence[Input]) -> ScanCsv:
        """Return the stage PBegin -> PCollection[ScannedFile]."""
        return ScanCsv(
            inputs,
            column_names=self.schema.names,
            csv_format=self.recipe.csv,
            block_bytes=BLOCK_BYTES,
        )

    def scan_size(self, element: ScannedFile) -> tuple[int, int]:
        """Return the number of records and bytes of a file."""
        return element.records, element.size

    def ingest(
        self,
        plan: Plan | None,
        sink: RowSink,
        *,
        rejects: str,
        graph_folder: str = "",
        in_threads: bool = True,
    ) -> IngestTable:
        """Return the stage PCollection[ScannedFile] -> `IngestResult`."""
        return IngestTable(
            self.schema, self.recipe.csv, self.recipe.selection, sink, rejects, in_threads
        )

    def transform(
        self, plan: Plan, transform_fn: beam.PCollection[str], folder: str
    ) -> TransformTable:
        """Return the stage PCollection[Bucket] -> `TransformResult`."""
        return TransformTable(plan.traced.adapter, transform_fn, folder, self.recipe.statistics)

    def describe_and_check(
        self, folder: str, outputs: RunOutputs, splits: Mapping[str, Split]
    ) -> ManifestExtras:
        """Check that the graph makes the stored records of sampled rows."""
        parity = check_parity(
            folder,
            outputs.samples,
            {name: split.shards for name, split in splits.items()},
            schema=self.schema,
            compression=self.recipe.compression,
            distinct=self.recipe.distinct,
        )
        return ManifestExtras(parity)
