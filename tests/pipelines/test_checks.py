"""Checks as stages; what they find is tested beside `check_rejects`, `check_splits`, …"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import apache_beam as beam
import pytest
from apache_beam.testing.util import assert_that, equal_to
from helpers.small_recipe import SMALL

from recordmill.pipelines import Images
from recordmill.pipelines.checks import CheckBoxes, CheckCounts
from recordmill.pipelines.config.input import Input
from recordmill.pipelines.images.boxes.marks import BoxEvidence
from recordmill.pipelines.resolve import ResolvedInputs
from recordmill.pipelines.run_spec import RunSpec
from recordmill.pipelines.runtime.errors import direct_runner, unwrap_beam_errors
from recordmill.pipelines.selection.read_counts import ReadCounts
from recordmill.schemas import DataError
from recordmill.schemas.manifest import Ledger

INPUTS = (Input(None, "a.csv"),)
SPEC = RunSpec(SMALL, ("train", "eval"), ResolvedInputs(INPUTS, INPUTS))
GOOD = {"train": Ledger(read=90), "eval": Ledger(read=10), "unsplit": Ledger()}


def run_check(counts: ReadCounts, folder: Path) -> None:
    with unwrap_beam_errors(), beam.Pipeline(runner=direct_runner()) as pipeline:
        checked = pipeline | beam.Create([counts]) | CheckCounts(SPEC, str(folder))
        assert_that(checked, equal_to([counts]))


def test_good_counts_are_handed_on(tmp_path: Path) -> None:
    run_check(ReadCounts(GOOD, 0, None), tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"unsplit": Ledger(read=9, rejected={"nan": 9})}, "9 of 109 records were rejected"),
        ({"eval": Ledger()}, "eval got no row"),
    ],
)
def test_bad_counts_end_the_run(change: dict[str, Ledger], message: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=message):
        run_check(ReadCounts(GOOD | change, 0, None), tmp_path)


def test_evidence_of_boxes_is_summed_by_split() -> None:
    elements: list[tuple[str, Any]] = [("train", BoxEvidence()), ("train", BoxEvidence())]
    with beam.Pipeline(runner=direct_runner()) as pipeline:
        after = pipeline | "Signal" >> beam.Create([0])
        checked = pipeline | beam.Create(elements) | CheckBoxes(Images(), after)
        assert_that(checked, equal_to([{"train": BoxEvidence()}]))
