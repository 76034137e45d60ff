"""Flags of Beam and of job servers."""

from __future__ import annotations

import pytest
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.portability.api import beam_job_api_pb2

from recordmill.runners.engines.job_flags import (
    accept_server_flags,
    boolean_defaults,
    unknown_flags,
)
from recordmill.schemas import RecipeError

_SERVER = {"object_reuse": False, "cache_results": True, "max_bundle_size": None}


def _accept(*flags: str) -> list[str]:
    options = PipelineOptions(list(flags))
    return accept_server_flags(flags, options, _SERVER, server="the job server of flink")


def test_flags_of_beam_are_known() -> None:
    flags = ["--job_endpoint=a:1", "--no_use_public_ips", "--parallelism=2", "--odd=3", "value"]
    assert unknown_flags(PipelineOptions([]), flags) == ["--odd=3"]


def test_a_description_of_flags() -> None:
    kinds = beam_job_api_pb2.PipelineOptionType
    described = beam_job_api_pb2.DescribePipelineOptionsResponse(
        options=[
            beam_job_api_pb2.PipelineOptionDescriptor(
                name="object_reuse", type=kinds.BOOLEAN, default_value="false"
            ),
            beam_job_api_pb2.PipelineOptionDescriptor(
                name="cache_results", type=kinds.BOOLEAN, default_value="true"
            ),
            beam_job_api_pb2.PipelineOptionDescriptor(name="max_bundle_size", type=kinds.INTEGER),
        ]
    )
    assert boolean_defaults(described) == _SERVER


def test_flags_of_the_job_server_are_accepted() -> None:
    flags = ["--parallelism=2", "--max_bundle_size=9", "--object_reuse"]
    assert _accept(*flags) == flags


@pytest.mark.parametrize(
    ("flag", "accepted"),
    [
        ("--object_reuse=true", ["--object_reuse"]),
        ("--object_reuse=false", []),
        ("--cache_results=true", []),
        ("--cache_results=False", ["--cache_results"]),
    ],
)
def test_boolean_flags_with_a_value(flag: str, accepted: list[str]) -> None:
    assert _accept(flag) == accepted


def test_a_flag_that_nobody_has() -> None:
    with pytest.raises(RecipeError) as error:
        _accept("--objekt_reuse=true")
    assert str(error.value) == (
        "neither Beam nor the job server of flink has a flag --objekt_reuse. "
        "Did you mean --object_reuse?"
    )


def test_a_boolean_flag_with_another_value() -> None:
    with pytest.raises(RecipeError) as error:
        _accept("--object_reuse=1")
    assert str(error.value) == '--object_reuse: expected true or false, got "1"'
