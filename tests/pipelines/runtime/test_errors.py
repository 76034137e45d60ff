from __future__ import annotations

import apache_beam as beam
import pytest
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.portability.fn_api_runner import FnApiRunner

from recordmill.pipelines.runtime.errors import direct_runner, unwrap_beam_errors
from recordmill.schemas.errors import DataError, RecipeError, RecordmillError


def unwrapped(error: Exception) -> BaseException:
    with pytest.raises(BaseException) as caught, unwrap_beam_errors():
        raise error
    return caught.value


@pytest.mark.parametrize("kind", [DataError, RecipeError])
def test_the_name_of_the_stage_goes(kind: type[RecordmillError]) -> None:
    error = unwrapped(kind("a.csv:3: expected 'x' [see above] [while running 'Read/Parse']"))
    assert type(error) is kind
    assert str(error) == "a.csv:3: expected 'x' [see above]"


@pytest.mark.parametrize(
    ("text", "kind", "message"),
    [
        (
            "Traceback (most recent call last):\n  File x\n"
            "recordmill.schemas.errors.DataError: a.csv: bad\nand more [while running 'Scan']\n\nx",
            DataError,
            "a.csv: bad\nand more",
        ),
        ("recordmill.schemas.errors.RecipeError: seed: wrong", RecipeError, "seed: wrong"),
        (
            "java.lang.RuntimeException: Error received from SDK harness: Traceback:\n  File x\n"
            "recordmill.schemas.errors.DataError: a.csv:7: bad\n  got (9)\n"
            "\tat org.apache.beam.sdk.util.MoreFutures.get(MoreFutures.java:61)\n",
            DataError,
            "a.csv:7: bad\n  got (9)",
        ),
    ],
)
def test_an_error_of_another_process(text: str, kind: type[Exception], message: str) -> None:
    error = unwrapped(RuntimeError(text))
    assert (type(error), str(error)) == (kind, message)
    assert isinstance(error.__cause__, RuntimeError)


def test_an_interrupt_that_beam_made_an_error_of() -> None:
    assert type(unwrapped(RuntimeError("KeyboardInterrupt [while running 'x']"))) is (
        KeyboardInterrupt
    )


@pytest.mark.parametrize("error", [RuntimeError("no memory"), ValueError("DataError: x")])
def test_other_errors_stay_as_they_are(error: Exception) -> None:
    assert unwrapped(error) is error


def _refuse(number: int) -> None:
    raise DataError(f"{number} is bad")


def test_a_pipeline_that_fails() -> None:
    runner = direct_runner()
    assert type(runner) is FnApiRunner
    with (
        pytest.raises(DataError) as caught,
        unwrap_beam_errors(),
        beam.Pipeline(runner=runner, options=PipelineOptions([])) as pipeline,
    ):
        _ = pipeline | beam.Create([7]) | "Refuse" >> beam.Map(_refuse)
    assert str(caught.value) == "7 is bad"
