"""The front of every pipeline; `test_preparation` and `test_profiling` run all of it."""

from __future__ import annotations

from pathlib import Path

import apache_beam as beam
from apache_beam.testing.test_pipeline import TestPipeline
from apache_beam.testing.util import assert_that, equal_to
from helpers.small_recipe import HEADER, SMALL, rows

from recordmill.pipelines import Input
from recordmill.pipelines.read_rows import ReadRows
from recordmill.pipelines.runtime.progress import Progress, Stage, read_progress
from recordmill.pipelines.shuffle.shuffle import ShuffleByGroup
from recordmill.pipelines.sources import source_for


def test_rows_are_read_counted_and_sampled(tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    notes.mkdir()
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_text(HEADER + "".join(rows(50)) + "old,1,Rome,no\n")
    size = 2 * (tmp_path / "a.csv").stat().st_size
    with TestPipeline() as p:
        ingested = p | ReadRows(
            source_for(SMALL),
            [Input("train", str(tmp_path / "*.csv"))],
            ShuffleByGroup().sink,
            rejects=str(tmp_path / "rejects"),
            progress=Progress(str(notes)),
        )
        numbers = ingested.read_counts | "Numbers" >> beam.Map(lambda c: (c.records, c.rejected))
        assert_that(numbers, equal_to([(102, 2)]), label="one ReadCounts")
        sizes = ingested.rows | "Sizes" >> beam.Map(lambda keyed: keyed.batch.num_rows)
        assert_that(sizes | beam.CombineGlobally(sum), equal_to([100]), label="rows")
        samples = ingested.samples | beam.MapTuple(lambda split, batch: (split, batch.num_rows))
        assert_that(samples, equal_to([("train", 64)]), label="samples")
    assert sorted(path.name for path in (tmp_path / "rejects" / "train").iterdir()) == [
        "000000-000000.jsonl",
        "000001-000000.jsonl",
    ]
    scan, read = read_progress(str(notes))
    assert scan == Stage("scan", 102, size)
    assert (read.name, read.rows) == ("read", 102)
