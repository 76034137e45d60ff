"""The census sample on Prism and on Flink; `make engines` fetches what they need."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from recordmill.pipelines.samples.census import write_census_sample
from recordmill.schemas.manifest import Manifest

_ENGINES = Path(
    os.environ.get("RECORDMILL_ENGINES") or Path.home() / ".cache" / "recordmill-engines"
)
_COMMAND = [sys.executable, "-m", "recordmill.runners.cli", "run"]
_RECIPE = """\
from dataclasses import replace
from recordmill.pipelines.census import CENSUS
STRICT = replace(CENSUS, max_reject_ratio=0.0)
"""

pytestmark = pytest.mark.slow


def _options(engine: str) -> tuple[list[str], list[str]]:
    """Return the options of an engine before and behind the --, or skip the test."""
    if engine == "prism":
        binary = _ENGINES / "prism"
        if not binary.exists():
            pytest.skip(f"there is no {binary}: run `make engines`, which needs Go")
        return ["--runner=prism", f"--prism-binary={binary}"], []
    if not (_ENGINES / "flink" / "complete").exists():
        pytest.skip(f"there is no {_ENGINES}/flink: run `make engines`, which needs Maven")
    if shutil.which("java") is None:
        pytest.skip("there is no java in PATH")
    words = ["--parallelism=2", "--object_reuse=true", "--job_server_jvm_properties=-Xmx1500m"]
    return ["--runner=flink", f"--job-server={_ENGINES}/flink"], words


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Return the options of the census sample as input."""
    train, evaluation = write_census_sample(str(tmp_path_factory.mktemp("in")))
    return [f"--input=train={train}", f"--input=eval={evaluation}"]


def _run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*_COMMAND, *words], capture_output=True, text=True, timeout=280)


@pytest.fixture(scope="module")
def direct(sample: list[str], tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    """Prepare the sample on the direct runner."""
    output = tmp_path_factory.mktemp("direct") / "census"
    done = _run("census", *sample, "--output", str(output))
    assert done.returncode == 0, done.stderr
    return _read_manifest(output)


def _read_manifest(output: Path) -> Manifest:
    path = output / "manifest.json"
    return Manifest.from_json(path.read_text(), path=str(path))


def _is_running(folder: Path) -> bool:
    """Return whether a process has this folder on its command line."""
    lines = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True).stdout
    return any(str(folder) in line for line in lines.splitlines())


@pytest.mark.parametrize("engine", ["prism", "flink"])
def test_the_census_is_the_same_to_the_byte(
    engine: str, sample: list[str], direct: Manifest, tmp_path: Path
) -> None:
    before, behind = _options(engine)
    output = tmp_path / "census"
    done = _run("census", *sample, "--output", str(output), *before, "--", *behind)
    assert done.returncode == 0, done.stderr
    assert all(line.startswith("recordmill: ") for line in done.stderr.splitlines()), done.stderr
    manifest = _read_manifest(output)
    assert manifest.splits == direct.splits  # with the sha256 of each shard


@pytest.mark.parametrize("engine", ["prism", "flink"])
def test_an_error_of_a_row_is_the_same_line(engine: str, sample: list[str], tmp_path: Path) -> None:
    before, behind = _options(engine)
    text = Path(sample[0].rpartition("=")[2]).read_text()
    (tmp_path / "bad.data").write_text(re.sub(r"\A\d+", "x7", text))
    (tmp_path / "strict.py").write_text(_RECIPE)
    done = _run(
        *(f"{tmp_path}/strict.py:STRICT", f"--input=train={tmp_path}/bad.data", sample[1]),
        *("--output", str(tmp_path / "out"), *before, "--", *behind),
    )
    lines = [line for line in done.stderr.splitlines() if " rows" not in line]
    assert done.returncode == 1
    assert lines == [
        "recordmill: 1 of 3,000 records were rejected (0.03%; max_reject_ratio is 0.00%): "
        "1 not_an_integer. Nothing was published. The first ones:",
        f'  {tmp_path}/bad.data:1: column "age": expected an integer in [17, 90], got "x7"',
    ]


@pytest.mark.parametrize("engine", ["prism", "flink"])
def test_no_worker_in_time(engine: str, sample: list[str], tmp_path: Path) -> None:
    before, behind = _options(engine)
    boot = tmp_path / "boot"
    boot.write_text("#!/bin/sh\nexec sleep 60\n")
    boot.chmod(0o755)
    done = _run(
        *("census", *sample, "--output", str(tmp_path / "out"), *before),
        *("--worker-start-timeout=5", "--", *behind, "--environment_type=PROCESS"),
        f'--environment_config={{"command": "{boot}"}}',
    )
    assert done.returncode == 1
    assert done.stderr.startswith(f"recordmill: {engine}: no worker began to work within 5 seconds")
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("engine", ["prism", "flink"])
def test_an_interrupted_run_stops_the_engine(
    engine: str, number: signal.Signals, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, behind = _options(engine)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    rows = "".join(f"{i % 90},1.5,City {i % 999},{i % 2}\n" for i in range(500_000))
    (tmp_path / "rows.csv").write_text("age,height,city,label\n" + rows)
    recipe = Path(__file__).parents[2] / "helpers" / "small_recipe.py"
    words = [f"{recipe}:SMALL", "--input", str(tmp_path / "rows.csv")]
    run = subprocess.Popen(
        [*_COMMAND, *words, "--output", str(tmp_path / "out"), *before, "--", *behind],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1", "TMPDIR": str(scratch)},
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert run.stderr is not None
    for line in run.stderr:
        if line.startswith("recordmill: scan: "):
            run.send_signal(number)
            break
    rest = run.stderr.read()
    assert (run.wait(60), rest.splitlines()[-1]) == (
        130,
        "recordmill: interrupted; nothing was published",
    )
    assert "Traceback" not in rest
    assert not list(scratch.glob("recordmill-engine-*"))
    assert not _is_running(scratch)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["rows.csv", "scratch"]
