from __future__ import annotations

from pathlib import Path

import apache_beam as beam
from apache_beam.testing.util import assert_that, equal_to
from helpers.small_recipe import HEADER, SCHEMA, SMALL, rows

from recordmill.pipelines.config.input import Input
from recordmill.pipelines.read_rows import ReadRows
from recordmill.pipelines.runtime.errors import direct_runner
from recordmill.pipelines.runtime.progress import Progress
from recordmill.pipelines.shuffle.sorted_runs import KeyedRows
from recordmill.pipelines.tables.source import TableSource


class _Pass:
    """A sink that passes rows on as numbers of rows."""

    def setup(self) -> None:
        """Nothing to load."""

    def __call__(self, keyed: KeyedRows) -> list[tuple[str, int]]:
        return [(keyed.split, keyed.batch.num_rows)]

    def finish(self) -> list[tuple[str, int]]:
        return []


def test_counts_of_all_files_are_one(tmp_path: Path) -> None:
    for index, bad in enumerate(("", "x,NA,Rome,no\n")):
        text = HEADER + "".join(rows(20, seed=index)) + bad
        (tmp_path / f"{index}.csv").write_text(text)
    (tmp_path / "progress").mkdir()
    with beam.Pipeline(runner=direct_runner()) as pipeline:
        ingested = pipeline | ReadRows(
            TableSource(SMALL, SCHEMA),
            [Input("train", str(tmp_path / "*.csv"))],
            _Pass(),
            str(tmp_path / "rejects"),
            Progress(str(tmp_path / "progress")),
            in_threads=False,
        )
        ledgers = ingested.read_counts | beam.Map(
            lambda counts: (counts.records, counts.rejected, sorted(counts.ledger))
        )
        assert_that(ledgers, equal_to([(41, 1, ["train"])]), "counts")
        total = ingested.rows | beam.Values() | beam.CombineGlobally(sum)
        assert_that(total, equal_to([40]), "rows")
    lines = [line.split("\t") for path in (tmp_path / "progress").iterdir() for line in path.open()]
    for stage in ("scan", "read"):
        assert sum(int(count) for name, count, _ in lines if name == stage) == 41
    assert [path.name for path in (tmp_path / "rejects" / "train").iterdir()] != []
