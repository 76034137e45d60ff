"""An engine ready for a run: its job server, its workers' environment, and Beam's runner for it."""

from __future__ import annotations

import json
import posixpath
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import partial

import grpc
from apache_beam.options.pipeline_options import (
    FlinkRunnerOptions,
    GoogleCloudOptions,
    JobServerOptions,
    PipelineOptions,
    PortableOptions,
    PrismRunnerOptions,
    SparkRunnerOptions,
)
from apache_beam.portability.api import beam_job_api_pb2, beam_job_api_pb2_grpc
from apache_beam.version import __version__ as beam_version

from ...pipelines.runtime import filesystem as files
from ...schemas.errors import RecipeError
from .environment import Environment, check_environment, host_is_here, master_is_here
from .errors import EngineError
from .flink_rest import cancel_flink_job
from .job import job_name
from .job_flags import accept_server_flags, boolean_defaults
from .job_server import running_job_server
from .local_paths import absolute_path
from .quiet import silence_workers
from .runner import EngineRunner
from .server_command import JavaSettings, server_command
from .settings import EngineSettings
from .worker_watch import WorkerWatch, marker_beside

__all__ = ["Engine", "running_engine"]

_REPLACED = {
    "prism_location": (PrismRunnerOptions, "--prism-binary before the --"),
    "flink_job_server_jar": (FlinkRunnerOptions, "--job-server before the --"),
    "flink_submit_uber_jar": (FlinkRunnerOptions, "--job-server or --job_endpoint"),
    "spark_job_server_jar": (SparkRunnerOptions, "--job-server before the --"),
    "spark_submit_uber_jar": (SparkRunnerOptions, "--job-server or --job_endpoint"),
    "output_executable_path": (PortableOptions, "--job-server or --job_endpoint"),
}
"""Flags of Beam that have no effect here, or download something."""

_ANSWER_SECONDS = 30.0


@dataclass(frozen=True)
class Engine:
    """An engine ready for pipelines.

    Attributes:
      runner: Beam's runner.
      options: Beam's options.
      environment: Environment of the workers.
    """

    runner: EngineRunner
    options: PipelineOptions
    environment: Environment


@contextmanager
def running_engine(
    name: str, flags: Sequence[str], settings: EngineSettings, *, output: str
) -> Iterator[Engine]:
    """Connect to the job server of an engine, or start one until the body ends.

    Args:
      name: "prism", "flink" or "spark".
      flags: Flags for Beam and for the job server.
      settings: recordmill's options for engines.
      output: Folder of the dataset; workers elsewhere show beside it that they started.

    Raises:
      RecipeError: A flag is wrong, or a program or a jar is missing.
      EngineError: The job server does not answer.
    """
    options = PipelineOptions(list(flags))
    _refuse_replaced(name, options)
    endpoint = options.view_as(PortableOptions).job_endpoint
    _refuse_two_servers(endpoint, settings)
    environment = _environment(name, options)
    silence_workers()
    is_own_server = not endpoint
    with ExitStack() as stack:
        if not endpoint:
            command_for = partial(_command, name, settings, options)
            endpoint, _ = stack.enter_context(running_job_server(name, command_for))
        described = _describe(name, endpoint)
        flags = accept_server_flags(
            flags, options, boolean_defaults(described), server=f"the job server of {name}"
        )
        options = _job_options(flags, endpoint, environment, output)
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="recordmill-watch-"))
        runner = _runner(
            name, options, settings, environment, output, folder, is_own_server=is_own_server
        )
        yield Engine(runner, options, environment)


def _refuse_replaced(name: str, options: PipelineOptions) -> None:
    for flag, (view, cure) in _REPLACED.items():
        if getattr(options.view_as(view), flag):
            raise RecipeError(f"--runner {name} does not take --{flag}: use {cure}")


def _refuse_two_servers(endpoint: str | None, settings: EngineSettings) -> None:
    option = "--prism-binary" if settings.prism_binary else "--job-server"
    if endpoint and (settings.prism_binary or settings.job_server):
        raise RecipeError(
            f"{option} starts a job server, and --job_endpoint={endpoint} names another. Give one "
            "of them"
        )


def _environment(name: str, options: PipelineOptions) -> Environment:
    """Check the environment of the workers, and where the engine is."""
    portable = options.view_as(PortableOptions)
    endpoint, master = portable.job_endpoint, _master(name, options)
    is_embedded = not endpoint and master_is_here(master)
    return check_environment(
        name,
        portable.environment_type,
        portable.environment_config or _environment_option(portable),
        engine_is_here=(not endpoint or host_is_here(endpoint))
        and (master_is_here(master) or host_is_here(master)),
        is_embedded=is_embedded,
    )


def _environment_option(portable: PortableOptions) -> str | None:
    """Return the configuration that `--environment_option` gives in place of the older flag."""
    command = portable.lookup_environment_option("process_command")
    if command:
        return json.dumps({"command": command})
    address = portable.lookup_environment_option("external_service_address")
    image = portable.lookup_environment_option("docker_container_image")
    return address or image  # type: ignore[no-any-return]


def _master(name: str, options: PipelineOptions) -> str:
    """Return the address of a cluster of Flink or Spark, or the word for an embedded one."""
    if name == "flink":
        master = str(options.view_as(FlinkRunnerOptions).flink_master)
        return "[local]" if master == "[auto]" else master
    return str(options.view_as(SparkRunnerOptions).spark_master_url) if name == "spark" else ""


def _command(
    name: str, settings: EngineSettings, options: PipelineOptions, port: int, folder: str
) -> list[str]:
    server = options.view_as(JobServerOptions)
    java = JavaSettings(
        server.job_server_java_launcher, server.job_server_jvm_properties, _master(name, options)
    )
    return server_command(name, settings, java, port=port, folder=folder, beam_version=beam_version)


def _describe(name: str, endpoint: str) -> beam_job_api_pb2.DescribePipelineOptionsResponse:
    """Ask the job server for its flags, which also shows that it is one."""
    with grpc.insecure_channel(endpoint) as channel:
        service = beam_job_api_pb2_grpc.JobServiceStub(channel)
        request = beam_job_api_pb2.DescribePipelineOptionsRequest()
        try:
            return service.DescribePipelineOptions(
                request, timeout=_ANSWER_SECONDS, wait_for_ready=True
            )
        except grpc.RpcError as error:
            raise EngineError(
                f"--job_endpoint={endpoint}: expected Beam's job server for {name}, and none "
                f"answered within {_ANSWER_SECONDS:.0f} seconds ({error.code().name})"
            ) from error


def _job_options(
    flags: Sequence[str], endpoint: str, environment: Environment, output: str
) -> PipelineOptions:
    options = PipelineOptions(list(flags))
    portable = options.view_as(PortableOptions)
    portable.job_endpoint = endpoint
    portable.environment_type = environment.type
    cloud = options.view_as(GoogleCloudOptions)
    cloud.job_name = cloud.job_name or job_name(posixpath.basename(output.rstrip("/")))
    return options


def _runner(
    name: str,
    options: PipelineOptions,
    settings: EngineSettings,
    environment: Environment,
    output: str,
    folder: str,
    *,
    is_own_server: bool,
) -> EngineRunner:
    def new_watch() -> WorkerWatch:
        # Workers in this process write into a folder of this process.
        is_loopback = environment.type == "LOOPBACK"
        return WorkerWatch(
            marker_beside(files.join(folder, "run") if is_loopback else absolute_path(output)),
            engine=name,
            environment_type=environment.type,
            seconds=settings.worker_start_timeout,
        )

    # Spark runs branches one after another, the step of the watch perhaps last.
    return EngineRunner(
        name,
        new_watch=None if name == "spark" else new_watch,
        cancel_in_cluster=partial(_cancel_in_cluster, name, options, is_own_server),
    )


def _cancel_in_cluster(name: str, options: PipelineOptions, is_own_server: bool) -> None:
    """Cancel the job in a Flink cluster, and warn if it may go on there."""
    master = _master(name, options)
    if name != "flink" or (is_own_server and master_is_here(master)):
        return
    job = options.view_as(GoogleCloudOptions).job_name
    with suppress(OSError):
        if not master_is_here(master) and cancel_flink_job(master, job):
            return
    cure = "With --flink_master=HOST:PORT behind the lone --, recordmill cancels it"
    reason = (
        cure
        if master_is_here(master)
        else f"Its REST interface at {master} does not know it, or does not answer"
    )
    print(
        f"recordmill: warning: the job {job} may go on in the Flink cluster: cancel it there. "
        f"{reason}",
        file=sys.stderr,
    )
