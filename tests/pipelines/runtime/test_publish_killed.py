"""Publishing is atomic, whenever a run is killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from helpers.small_published import prepare, refused

from recordmill.pipelines.runtime import publish

PIPELINES = Path(publish.__file__).parents[1]

# Makes `recordmill.pipelines` importable without what its __init__ imports, which takes seconds.
_LIGHT = """
import importlib.util, sys
from importlib.machinery import ModuleSpec
spec = ModuleSpec("recordmill.pipelines", None, is_package=True)
spec.submodule_search_locations = [sys.argv.pop(1)]
sys.modules[spec.name] = importlib.util.module_from_spec(spec)
"""

_HOLD = """
import time
from recordmill.pipelines.runtime.publish import stage
with stage(sys.argv[1]) as staging:
    open(staging.folder + "/half.tfrecord", "w").write("half")
    print("ready", flush=True)
    time.sleep(60)
"""


def test_a_killed_run_holds_no_lock_and_its_files_go_with_the_next(tmp_path: Path) -> None:
    output = tmp_path / "out"
    command = light(_HOLD, str(output))
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment()) as run:
        assert run.stdout is not None
        assert run.stdout.readline() == b"ready\n"
        assert f"another run (process {run.pid}) is preparing it" in refused(output)
        run.send_signal(signal.SIGKILL)
    assert len(os.listdir(tmp_path)) == 2
    prepare(output, "a")
    assert os.listdir(tmp_path) == ["out"]


# Dies at every call that changes the disk, before and after it, and tells after each death what
# stands at the output, then after a next run that fails, then after one that does not.
_CRASH = """
import json, os
from pathlib import Path
from helpers.small_published import content, dataset, prepare
from recordmill.pipelines.runtime import publish
from recordmill.pipelines.runtime.publish import stage

output, old, exchange = Path(sys.argv[1]) / "out", sys.argv[2] == "old", sys.argv[3] == "exchange"
if not exchange:
    publish._renameat2_exchange = lambda one, other: False

def die_at(step):
    count = 0
    def tick():
        nonlocal count
        count += 1
        if count == step:
            os._exit(9)
    def ticking(function):
        def call(*args, **kwargs):
            tick()
            result = function(*args, **kwargs)
            tick()
            return result
        return call
    names = ["mkdir", "open", "close", "fsync", "rename", "replace", "remove", "unlink", "rmdir"]
    for name in [*names, "write", "ftruncate"]:
        setattr(os, name, ticking(getattr(os, name)))
    publish._renameat2_exchange = ticking(publish._renameat2_exchange)

def state():
    found = content(output) if output.exists() else None
    known = {"absent": None, "old": dataset("old"), "new": dataset("new")}
    return next((name for name, files in known.items() if found == files), "broken")

results = []
for step in range(1, 1000):
    if old:
        prepare(output, "old", overwrite=True)
    if not (child := os.fork()):
        die_at(step)
        prepare(output, "new", overwrite=True)
        os._exit(0)
    died = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    states = [state()]
    try:
        with stage(str(output), overwrite=True):
            raise KeyboardInterrupt
    except KeyboardInterrupt:
        states.append(state())
    prepare(output, "new", overwrite=True)
    states.append(state() if os.listdir(output.parent) == ["out"] else os.listdir(output.parent))
    if not old:
        os.rename(output, Path(sys.argv[1]).parent / f"done-{step}")
    if died == 0:
        break
    assert died == 9
    results.append(states)
print(json.dumps([states, results]))
"""


def light(script: str, *arguments: str) -> list[str]:
    return [sys.executable, "-c", _LIGHT + script, str(PIPELINES), *arguments]


def environment() -> dict[str, str]:
    root = PIPELINES.parents[1]
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(root), *sys.path])}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("old", "exchange", "seen"),
    [
        ("none", "exchange", [["absent", "absent", "new"], ["new", "new", "new"]]),
        ("old", "exchange", [["old", "old", "new"], ["new", "new", "new"]]),
        (
            "old",
            "renames",
            [["old", "old", "new"], ["absent", "old", "new"], ["new", "new", "new"]],
        ),
    ],
)
def test_killed_at_every_step(old: str, exchange: str, seen: list) -> None:
    in_memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=in_memory) as folder:
        os.mkdir(f"{folder}/place")
        command = light(_CRASH, f"{folder}/place", old, exchange)
        run = subprocess.run(command, env=environment(), capture_output=True)
    assert run.returncode == 0, run.stderr.decode()
    last, results = json.loads(run.stdout)
    assert last == ["new", "new", "new"]
    assert len(results) > 40
    distinct = [states for i, states in enumerate(results) if [states] != results[i - 1 : i]]
    assert distinct == seen
