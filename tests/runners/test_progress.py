"""The progress line."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from recordmill.pipelines.runtime.progress import Progress, Stage
from recordmill.runners.progress import describe, show_progress


def test_the_line_of_a_stage_under_way() -> None:
    stages = [Stage("scan", 2_000_000, 250_000_000), Stage("transform", 500_000, 90_000_000)]
    assert describe(stages, 5.0) == (
        "transform: 500,000 of 2,000,000 rows (25%), 90.0 MB, 100,000 rows/s, 0:15 left"
    )


def test_a_stage_that_writes_more_rows_than_were_read_has_no_share() -> None:
    stages = [Stage("scan", 10), Stage("write", 20)]
    assert describe(stages, 1.0) == "write: 20 rows, 20 rows/s"


@pytest.mark.parametrize("seconds", [0.0, 0.6])
def test_a_log_gets_a_plain_line_for_each_stage(
    seconds: float, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also for a stage that is over before the next look."""
    progress = Progress(str(tmp_path))
    with show_progress(str(tmp_path)):
        progress.note("scan", 3, 30)
        time.sleep(seconds)
        progress.note("read", 3, 30)
        time.sleep(0.6)
    out, err = capsys.readouterr()
    lines = err.splitlines()
    assert out == ""
    assert [line.split(" rows")[0] for line in lines] == [
        "recordmill: scan: 3",
        "recordmill: read: 3 of 3",
    ]
