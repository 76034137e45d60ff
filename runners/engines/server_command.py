"""Command lines of job servers that recordmill starts; nothing is ever downloaded."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from glob import escape, glob

from ...schemas.errors import RecipeError
from .settings import EngineSettings

__all__ = ["JavaSettings", "server_command"]

_PRISM = (
    "--runner prism needs the program `prism`: {problem}. Build it with Go, as in "
    "`go install github.com/apache/beam/sdks/v2/go/cmd/prism@v{version}`, or take it from the "
    "release of Beam {version}; then give --prism-binary FILE or put it in PATH. recordmill "
    "downloads nothing."
)
_JARS = (
    "--runner {engine} needs Beam's job server for {title}: {problem}. Give --job-server with its "
    "jar (beam-runners-{artifact}-job-server of Maven Central), a folder of its jars, or a class "
    "path; or start one yourself and give its address: -- --job_endpoint=HOST:PORT. "
    "recordmill downloads nothing; docs/clusters.md says how to get the jars."
)
_ARTIFACTS = {"flink": ("Flink", "flink-1.19"), "spark": ("Spark", "spark-3")}
_MAIN = {
    "flink": ("org.apache.beam.runners.flink.FlinkJobServerDriver", "--flink-master"),
    "spark": ("org.apache.beam.runners.spark.SparkJobServerDriver", "--spark-master-url"),
}
_OPEN_PACKAGES = (
    *("java.lang", "java.lang.invoke", "java.lang.reflect", "java.io", "java.net", "java.nio"),
    *("java.text", "java.time", "java.util", "java.util.concurrent"),
    *("java.util.concurrent.atomic", "jdk.internal.ref", "sun.nio.ch", "sun.nio.cs"),
    *("sun.security.action", "sun.util.calendar"),
)
"""Packages of java.base that Flink and Spark reach into; Java 17 closes them by default."""


@dataclass(frozen=True)
class JavaSettings:
    """Java for a job server.

    Attributes:
      launcher: Program `java`.
      properties: Arguments of the virtual machine, such as `-Xmx4g`.
      master: Flink's or Spark's master, such as "[local]", "local[4]" or "HOST:PORT".
    """

    launcher: str = "java"
    properties: Sequence[str] = ()
    master: str = ""


def server_command(
    engine: str,
    settings: EngineSettings,
    java: JavaSettings,
    *,
    port: int,
    folder: str,
    beam_version: str,
) -> list[str]:
    """Return the command that starts the job server of an engine on a port of this machine.

    Args:
      engine: "prism", "flink" or "spark".
      settings: Options of the run.
      java: Java for Flink and Spark.
      port: Port of the job service.
      folder: Existing folder for the artifacts of jobs.
      beam_version: Beam's version, for the message of an error.

    Raises:
      RecipeError: The program or the jars are missing.
    """
    if engine == "prism":
        binary = _find_prism(settings.prism_binary, beam_version)
        return [binary, f"-job_port={port}", "-serve_http=false", "-log_level=warn"]
    class_path = _find_jars(engine, settings.job_server)
    main_class, master = _MAIN[engine]
    launcher = shutil.which(java.launcher)
    if launcher is None:
        raise RecipeError(
            f'--runner {engine} needs Java 11 or 17 for its job server: no "{java.launcher}" '
            "in PATH. Install it, or give its path: -- --job_server_java_launcher=FILE"
        )
    return [
        launcher,
        "-XX:+IgnoreUnrecognizedVMOptions",
        *(f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in _OPEN_PACKAGES),
        *java.properties,
        *("-cp", class_path, main_class),
        *(f"{master}={java.master}", "--job-host=127.0.0.1", f"--job-port={port}"),
        *("--artifact-port=0", "--expansion-port=-1", f"--artifacts-dir={folder}"),
    ]


def _find_prism(binary: str | None, beam_version: str) -> str:
    path = shutil.which(binary or "prism")
    if path is not None:
        return path
    problem = f"{binary} is no program" if binary else "there is none in PATH"
    raise RecipeError(_PRISM.format(problem=problem, version=beam_version))


def _find_jars(engine: str, job_server: str | None) -> str:
    """Return the Java class path of a jar, of a folder of jars, or of a class path."""
    if not job_server:
        raise _missing_jars(engine, "--job-server is not given")
    if os.path.isdir(job_server):
        job_server = os.path.join(job_server, "*")
    for entry in job_server.split(os.pathsep):
        if os.path.basename(entry) == "*":
            if not glob(os.path.join(escape(os.path.dirname(entry)), "*.jar")):
                raise _missing_jars(engine, f"{os.path.dirname(entry)} has no jar")
        elif not os.path.exists(entry):
            raise _missing_jars(engine, f"{entry} does not exist")
    return job_server


def _missing_jars(engine: str, problem: str) -> RecipeError:
    title, artifact = _ARTIFACTS[engine]
    return RecipeError(_JARS.format(engine=engine, title=title, artifact=artifact, problem=problem))
