"""Record source of tables, CSV and Parquet files; `RecordSource` says what methods do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from ...schemas.manifest import Split
from ...schemas.schema import Schema
from ...schemas.statistics.fold import StatisticsFold
from ..analysis.tensors import SchemaTensorAdapter
from ..config.input import Input
from ..config.recipe import Recipe
from ..parity.tables import check_parity
from ..readers.csv_source import BLOCK_BYTES, ScanCsv, check_formats, match
from ..selection.select import check_filters
from ..shuffle.layout import TABLE, BucketLayout
from ..shuffle.shuffle import RowSink
from .ingest import IngestTable
from .transform import TransformRows

__all__ = ["TableSource"]


@dataclass(frozen=True)
class TableSource:
    """Rows of CSV and Parquet files."""

    recipe: Recipe
    schema: Schema

    @property
    def layout(self) -> BucketLayout:
        return TABLE

    @property
    def feed(self) -> SchemaTensorAdapter:
        return SchemaTensorAdapter(self.schema)

    @property
    def statistics(self) -> StatisticsFold:
        return StatisticsFold(self.schema)

    def check(self, inputs: Sequence[Input]) -> None:
        check_filters(self.recipe.filters, self.schema)
        self.recipe.split.key_columns(self.schema)
        match(inputs)
        check_formats(inputs)

    def scan(self, inputs: Sequence[Input]) -> ScanCsv:
        return ScanCsv(
            inputs,
            column_names=self.schema.names,
            csv_format=self.recipe.csv,
            block_bytes=BLOCK_BYTES,
        )

    def scanned(self, element: Any) -> tuple[int, int]:
        return element.records, element.size

    def read(self, place: RowSink, rejects: str, folder: str, *, in_threads: bool) -> IngestTable:
        return IngestTable(self.recipe, self.schema, place, rejects, in_threads)

    def transform(self, directory: str) -> TransformRows:
        return TransformRows(self.feed, directory=directory, statistics=self.recipe.statistics)

    def finish(
        self,
        folder: str,
        samples: Mapping[str, pa.RecordBatch],
        splits: Mapping[str, Split],
        findings: Iterable[tuple[str, Any]],
    ) -> dict[str, Any]:
        parity = check_parity(
            folder,
            samples,
            {name: split.shards for name, split in splits.items()},
            schema=self.schema,
            compression=self.recipe.compression,
            distinct=self.recipe.distinct,
        )
        return {"parity": parity}
