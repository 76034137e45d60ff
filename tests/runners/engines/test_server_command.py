"""Command lines of job servers."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from recordmill.runners.engines.server_command import JavaSettings, server_command
from recordmill.runners.engines.settings import EngineSettings
from recordmill.schemas import RecipeError


def _command(engine: str, settings: EngineSettings, java: JavaSettings) -> list[str]:
    return server_command(
        engine, settings, java, port=4000, folder="/scratch", beam_version="2.77.0"
    )


def _program(path: Path) -> Path:
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


def test_prism_is_the_program_that_the_user_names(tmp_path: Path) -> None:
    binary = str(_program(tmp_path / "my-prism"))
    command = _command("prism", EngineSettings(prism_binary=binary), JavaSettings())
    assert command == [binary, "-job_port=4000", "-serve_http=false", "-log_level=warn"]


def test_prism_is_looked_up_in_the_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    binary = str(_program(tmp_path / "prism"))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert _command("prism", EngineSettings(), JavaSettings())[0] == binary


@pytest.mark.parametrize(
    ("binary", "problem"),
    [(None, "there is none in PATH"), ("/no/prism", "/no/prism is no program")],
)
def test_a_missing_prism_is_not_downloaded(
    binary: str | None, problem: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RecipeError) as error:
        _command("prism", EngineSettings(prism_binary=binary), JavaSettings())
    assert str(error.value) == (
        f"--runner prism needs the program `prism`: {problem}. Build it with Go, as in `go install "
        "github.com/apache/beam/sdks/v2/go/cmd/prism@v2.77.0`, or take it from the release of Beam "
        "2.77.0; then give --prism-binary FILE or put it in PATH. recordmill downloads nothing."
    )


@pytest.mark.parametrize(
    ("engine", "master", "words"),
    [
        (
            "flink",
            "[local]",
            ["org.apache.beam.runners.flink.FlinkJobServerDriver", "--flink-master=[local]"],
        ),
        (
            "spark",
            "local[2]",
            ["org.apache.beam.runners.spark.SparkJobServerDriver", "--spark-master-url=local[2]"],
        ),
    ],
)
def test_a_java_server_listens_on_loopback(
    engine: str, master: str, words: list[str], tmp_path: Path
) -> None:
    java = _program(tmp_path / "java")
    (tmp_path / "a.jar").touch()
    settings = EngineSettings(job_server=str(tmp_path))
    command = _command(engine, settings, JavaSettings(str(java), ["-Xmx1g"], master))
    index = command.index("-cp")
    assert command[0] == str(java) and command[index - 1] == "-Xmx1g"
    assert command[index + 1 : index + 6] == [
        os.path.join(tmp_path, "*"),
        *words,
        "--job-host=127.0.0.1",
        "--job-port=4000",
    ]
    assert command[-1] == "--artifacts-dir=/scratch"


def test_a_class_path_is_passed_on(tmp_path: Path) -> None:
    for name in ("a.jar", "b.jar"):
        (tmp_path / name).touch()
    class_path = os.pathsep.join([str(tmp_path / "a.jar"), str(tmp_path / "*")])
    java = JavaSettings(str(_program(tmp_path / "java")))
    assert class_path in _command("flink", EngineSettings(job_server=class_path), java)


@pytest.mark.parametrize(
    ("job_server", "problem"),
    [
        (None, "--job-server is not given"),
        ("/no/a.jar", "/no/a.jar does not exist"),
        ("EMPTY", "EMPTY has no jar"),
    ],
)
def test_missing_jars_are_not_downloaded(
    job_server: str | None, problem: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "EMPTY").mkdir()
    with pytest.raises(RecipeError) as error:
        _command("flink", EngineSettings(job_server=job_server), JavaSettings())
    assert str(error.value).startswith(
        f"--runner flink needs Beam's job server for Flink: {problem}. Give --job-server with its "
        "jar (beam-runners-flink-1.19-job-server of Maven Central), a folder of its jars, or a "
    )


def test_missing_java(tmp_path: Path) -> None:
    (tmp_path / "a.jar").touch()
    with pytest.raises(RecipeError) as error:
        _command("spark", EngineSettings(job_server=str(tmp_path)), JavaSettings("no-java"))
    assert str(error.value) == (
        '--runner spark needs Java 11 or 17 for its job server: no "no-java" in PATH. Install it, '
        "or give its path: -- --job_server_java_launcher=FILE"
    )
