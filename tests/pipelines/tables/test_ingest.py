"""Reading of tables in one step; `test_clean` tests the rows."""

from __future__ import annotations

from pathlib import Path

import apache_beam as beam
import pytest
from apache_beam.testing.test_pipeline import TestPipeline
from apache_beam.testing.util import assert_that, equal_to
from helpers.small_recipe import HEADER, SCHEMA, SMALL, rows

from recordmill.pipelines import Input
from recordmill.pipelines.readers.csv_stages import ScanCsv
from recordmill.pipelines.shuffle.layout import FILE, LINE
from recordmill.pipelines.shuffle.shuffle import ShuffleByGroup
from recordmill.pipelines.tables.ingest import IngestTable


@pytest.mark.parametrize("in_threads", [True, False])
def test_rows_have_their_origin_and_samples_their_text(tmp_path: Path, in_threads: bool) -> None:
    path = tmp_path / "a.csv"
    lines = rows(20)
    path.write_text(HEADER + "".join(lines))
    with TestPipeline() as p:
        scanned = p | ScanCsv(
            [Input("train", str(path))], column_names=SCHEMA.names, csv_format=SMALL.csv
        )
        ingested = scanned | IngestTable(
            SCHEMA, SMALL.csv, SMALL.selection, ShuffleByGroup().sink, str(tmp_path), in_threads
        )
        origins = ingested.rows | "Origins" >> beam.FlatMap(
            lambda keyed: [
                (row[FILE], row[LINE]) for row in keyed.batch.select([FILE, LINE]).to_pylist()
            ]
        )
        assert_that(origins, equal_to([(str(path), 2 + i) for i in range(20)]), label="origins")
        texts = ingested.samples | "Texts" >> beam.FlatMapTuple(
            lambda split, batch: [",".join([*row.values()][:4]) + "\n" for row in batch.to_pylist()]
        )
        assert_that(texts, equal_to(lines), label="samples")
        sources = ingested.sources | "Records" >> beam.MapTuple(lambda i, file: (i, file.records))
        assert_that(sources, equal_to([(0, 20)]), label="sources")
