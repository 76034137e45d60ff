"""The program that ends a job server with the process that started it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from recordmill.runners.engines import supervisor

_SUPERVISE = [sys.executable, "-I", supervisor.__file__]


def _ends(pid: int, seconds: float = 10.0) -> bool:
    end_time = time.monotonic() + seconds
    while time.monotonic() < end_time:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False


def test_the_status_of_the_command_is_passed_on() -> None:
    command = [*_SUPERVISE, "sh", "-c", "exit 3"]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
        assert process.wait(20) == 3


@pytest.mark.parametrize("end", ["os._exit(5)", "os.kill(os.getpid(), 9)", "sys.exit(0)"])
def test_the_command_ends_with_the_process_that_started_it(end: str, tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    code = (
        "import os, subprocess, sys, time\n"
        f"command = {[*_SUPERVISE, 'sh', '-c', f'echo $$ > {pid_file}; exec sleep 60']}\n"
        "subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True)\n"
        f"while not os.path.exists({str(pid_file)!r}) or not os.path.getsize({str(pid_file)!r}):\n"
        "    time.sleep(0.02)\n"
        f"{end}"
    )
    subprocess.run([sys.executable, "-c", code], timeout=30)
    assert _ends(int(pid_file.read_text()))


def test_a_signal_of_the_terminal_does_not_reach_the_command() -> None:
    code = "import os; print(os.getsid(0) == os.getpid(), flush=True)"
    with subprocess.Popen(
        [*_SUPERVISE, sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.read() == b"True\n"
