"""Checks inside a pipeline: each passes its element on, or ends the run."""

from __future__ import annotations

from typing import Any

import apache_beam as beam
import pytest
from apache_beam.testing.test_pipeline import TestPipeline
from apache_beam.testing.util import assert_that, equal_to
from helpers.small_recipe import SMALL

from recordmill.pipelines import Images, Input
from recordmill.pipelines.analysis.number_ranges import NUMBER_RANGES
from recordmill.pipelines.checks import CheckAnalysis, CheckBoxes, CheckCounts
from recordmill.pipelines.images.boxes.marks import BoxEvidence, Doubt
from recordmill.pipelines.resolve import ResolvedInputs
from recordmill.pipelines.run_spec import RunSpec
from recordmill.pipelines.runtime.errors import unwrap_beam_errors
from recordmill.pipelines.selection.read_counts import ReadCounts
from recordmill.schemas.errors import DataError
from recordmill.schemas.manifest import Ledger

INPUTS = (Input("train", "a.csv"), Input("eval", "b.csv"))
SPEC = RunSpec(SMALL, ("train", "eval"), ResolvedInputs(INPUTS, INPUTS))


def passed(stage: beam.PTransform, element: Any) -> None:
    with unwrap_beam_errors(), TestPipeline() as p:
        assert_that(p | beam.Create([element]) | stage, equal_to([element]))


def test_counts_are_passed_on() -> None:
    counts = ReadCounts({"train": Ledger(read=2), "eval": Ledger(read=1)})
    passed(CheckCounts(SPEC, rejects=""), counts)


@pytest.mark.parametrize(
    ("evaluation", "message"),
    [
        (Ledger(), "eval got no row: the inputs have no row"),
        (Ledger(read=9, rejected={"bad": 9}), "9 of 11 records were rejected"),
    ],
)
def test_counts_that_end_the_run(evaluation: Ledger, message: str, tmp_path: Any) -> None:
    counts = ReadCounts({"train": Ledger(read=2), "eval": evaluation})
    with pytest.raises(DataError, match=rf"^{message}"):
        passed(CheckCounts(SPEC, rejects=str(tmp_path)), counts)


def checked_boxes(clipped: int) -> None:
    doubt = Doubt(clipped, (("a.json", 1, "1.jpg"),) * bool(clipped))
    part = BoxEvidence(20, 50, doubt)
    with unwrap_beam_errors(), TestPipeline() as p:
        after = p | "Counts" >> beam.Create([0])
        boxes = (
            p
            | "Boxes" >> beam.Create([("train", part)] * 2)
            | CheckBoxes(Images(), after=after)
            | "Number" >> beam.Map(lambda evidence: evidence["train"].boxes)
        )
        assert_that(boxes, equal_to([100]))


def test_boxes_are_summed_and_checked() -> None:
    checked_boxes(clipped=0)
    with pytest.raises(DataError, match=r"^train: 60 of 100 boxes extend beyond"):
        checked_boxes(clipped=30)


def test_the_folder_of_the_graph_is_passed_on() -> None:
    ranges = [(NUMBER_RANGES, "train", {"age": (0.0, 90.0)})]
    with unwrap_beam_errors(), TestPipeline() as p:
        folds = p | "Folds" >> beam.Create(ranges)
        graph = p | beam.Create(["folder"]) | CheckAnalysis(SPEC, folds)
        assert_that(graph, equal_to(["folder"]))
