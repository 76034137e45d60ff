"""A stage that waits for checks."""

from __future__ import annotations

from pathlib import Path

import apache_beam as beam
import pytest
from apache_beam.testing.test_pipeline import TestPipeline
from apache_beam.testing.util import assert_that, equal_to

from recordmill.pipelines.runtime.errors import unwrap_beam_errors
from recordmill.pipelines.runtime.wait_for import WaitFor
from recordmill.schemas.errors import DataError


def test_elements_pass_after_the_signals() -> None:
    with TestPipeline() as p:
        signals = [p | name >> beam.Create([name]) for name in ("a", "b")]
        assert_that(p | beam.Create([1, 2]) | WaitFor(*signals), equal_to([1, 2]))


def test_no_element_passes_a_check_that_fails(tmp_path: Path) -> None:
    def fail(element: str) -> str:
        raise DataError("bad")

    def write(element: str) -> None:
        (tmp_path / element).touch()

    with pytest.raises(DataError, match=r"^bad$"), unwrap_beam_errors(), TestPipeline() as p:
        check = p | "Check" >> beam.Create(["check"]) | beam.Map(fail)
        _ = p | beam.Create(["passed"]) | WaitFor(check) | "Write" >> beam.Map(write)
    assert not [*tmp_path.iterdir()]
