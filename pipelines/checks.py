"""Checks of a run in its pipeline, each before the records that depend on it are written.

Elsewhere: each split lists a box (`images/ingest`); the ledger adds up, each split has a record
(`finalize`); parity holds (`describe_and_check` of the source).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Any

import apache_beam as beam
from apache_beam.pvalue import AsIter

from .analysis.number_ranges import check_integers
from .config.images import Images
from .dataset.split_checks import check_splits
from .images.boxes.check import check_boxes
from .images.boxes.marks import BoxEvidence
from .profiles.split_profiles import split_profiles
from .run_spec import RunSpec
from .runtime.wait_for import WaitFor
from .selection.read_counts import ReadCounts, check_rejects
from .sources import source_for
from .validation.validate import check_expectations

__all__ = ["CheckStatistics", "CheckBoxes", "CheckCounts"]


@dataclass
class CheckCounts(beam.PTransform):  # type: ignore[misc]
    """Checks that few records are rejected and each split has a row: ReadCounts -> the same.

    Attributes:
      spec: Specification of the run.
      rejects: Folder of the rejects, for the message.
    """

    spec: RunSpec
    rejects: str

    def expand(self, counts: beam.PCollection[ReadCounts]) -> beam.PCollection[ReadCounts]:
        """Add the stages."""
        spec = self.spec
        return (
            counts
            | "CheckRejects"
            >> beam.Map(check_rejects, limit=spec.recipe.max_reject_ratio, folder=self.rejects)
            | "CheckSplits"
            >> beam.Map(
                check_splits,
                splits=spec.splits,
                recipe=spec.recipe,
                by_content=spec.by_content,
            )
        )


@dataclass
class CheckBoxes(beam.PTransform):  # type: ignore[misc]
    """Checks that few boxes are doubtful: PCollection[(split, BoxEvidence)] -> one element.

    Attributes:
      images: Settings of the images, for the largest good shares.
      after: Signal to wait for, so that its check is the first to fail; one element.
    """

    images: Images
    after: beam.PCollection[Any]

    def expand(
        self, boxes: beam.PCollection[tuple[str, BoxEvidence]]
    ) -> beam.PCollection[dict[str, BoxEvidence]]:
        """Add the stages."""
        return (
            boxes
            | "Await" >> WaitFor(self.after)
            | "Sum" >> beam.CombinePerKey(_sum_evidence)
            | "Gather" >> beam.combiners.ToDict()
            | "Check" >> beam.Map(_check_boxes, images=self.images)
        )


def _sum_evidence(parts: Iterable[BoxEvidence]) -> BoxEvidence:
    return reduce(add, parts, BoxEvidence())


def _check_boxes(evidence: dict[str, BoxEvidence], *, images: Images) -> dict[str, BoxEvidence]:
    check_boxes(evidence, images=images)
    return evidence


@dataclass
class CheckStatistics(beam.PTransform):  # type: ignore[misc]
    """Checks the data against graph and expectations: folder of the graph -> the same folder.

    Records are transformed with the folder that comes out, so a failed check ends the run before
    any of them is written.

    Attributes:
      spec: Specification of the run.
      folds: (fold, split, accumulator), all of them.
    """

    spec: RunSpec
    folds: beam.PCollection[tuple[str, str, Any]]

    def expand(self, transform_fn: beam.PCollection[str]) -> beam.PCollection[str]:
        """Add the stages."""
        recipe = self.spec.recipe
        checked = transform_fn | "CheckIntegers" >> beam.Map(
            check_integers, schema=recipe.schema, folds=AsIter(self.folds)
        )
        if recipe.expect is None:
            return checked
        return checked | "CheckExpectations" >> beam.Map(
            _check_expectations, spec=self.spec, folds=AsIter(self.folds)
        )


def _check_expectations(
    transform_fn: str, *, spec: RunSpec, folds: Iterable[tuple[str, str, Any]]
) -> str:
    """Return the folder, where the statistics are as the recipe expects; else raise DataError."""
    expect, fold = spec.recipe.expect, source_for(spec.recipe).statistics
    assert expect is not None
    profiles = split_profiles(folds, fold, splits=spec.splits, folder=spec.profiles)
    datasets = fold.to_proto(profiles).datasets
    check_expectations(expect, {dataset.name: dataset for dataset in datasets})
    return transform_fn
