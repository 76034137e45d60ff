from __future__ import annotations

from typing import Any

import apache_beam as beam
import pytest
from apache_beam.testing.util import assert_that, equal_to

from recordmill.pipelines.runtime.errors import direct_runner, unwrap_beam_errors
from recordmill.pipelines.runtime.wait_for import WaitFor
from recordmill.schemas.errors import DataError


def _check(good: bool) -> bool:
    if not good:
        raise DataError("the check failed")
    return good


def _write(element: int, path: str) -> int:
    with open(path, "a") as file:
        file.write(f"{element}\n")
    return element


def run(path: str, *checks: bool) -> None:
    with unwrap_beam_errors(), beam.Pipeline(runner=direct_runner()) as pipeline:
        signals = [
            pipeline | f"Create{n}" >> beam.Create([good]) | f"Check{n}" >> beam.Map(_check)
            for n, good in enumerate(checks)
        ]
        elements: Any = pipeline | beam.Create([1, 2, 3])
        written = elements | WaitFor(*signals) | beam.Map(_write, path)
        assert_that(written, equal_to([1, 2, 3]))


def test_elements_go_on_once_all_checks_have_passed(tmp_path: Any) -> None:
    run(str(tmp_path / "written"), True, True)
    assert sorted((tmp_path / "written").read_text().split()) == ["1", "2", "3"]


def test_nothing_is_written_where_a_check_fails(tmp_path: Any) -> None:
    with pytest.raises(DataError, match=r"^the check failed$"):
        run(str(tmp_path / "written"), True, False)
    assert not (tmp_path / "written").exists()
