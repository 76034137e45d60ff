"""Progress of a run."""

from __future__ import annotations

from pathlib import Path

import apache_beam as beam
from apache_beam.runners.portability.fn_api_runner import FnApiRunner

from recordmill.pipelines.runtime.progress import Note, Progress, Stage, read_progress


def test_stages_are_summed_over_workers_in_the_order_they_began(tmp_path: Path) -> None:
    (tmp_path / "1.tsv").write_text("scan\t10\t100\nread\t4\t40\n")
    (tmp_path / "2.tsv").write_text("scan\t5\t50\n")
    assert read_progress(str(tmp_path)) == [Stage("scan", 15, 150), Stage("read", 4, 40)]


def test_a_line_still_being_written_is_left_for_later(tmp_path: Path) -> None:
    (tmp_path / "1.tsv").write_text("scan\t10\t100\nread\t4")
    assert read_progress(str(tmp_path)) == [Stage("scan", 10, 100)]


def test_a_missing_folder_has_no_stage(tmp_path: Path) -> None:
    assert read_progress(str(tmp_path / "gone")) == []


def test_without_a_folder_nothing_is_written() -> None:
    Progress("").note("scan", 1)


def test_a_noted_element_goes_on_unchanged(tmp_path: Path) -> None:
    with beam.Pipeline(FnApiRunner()) as p:
        _ = (
            p
            | beam.Create(["one", "three"])
            | Note(Progress(str(tmp_path)), "read", lambda word: (1, len(word)))
            | beam.io.WriteToText(str(tmp_path / "out"), shard_name_template="")
        )
    assert sorted((tmp_path / "out").read_text().split()) == ["one", "three"]
    (tmp_path / "out").unlink()
    assert read_progress(str(tmp_path)) == [Stage("read", 2, 8)]
