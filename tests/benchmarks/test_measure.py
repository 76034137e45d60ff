import os
import sys

import pytest

from benchmarks.measure import ContenderError, run

pytestmark = pytest.mark.slow


def test_time_processor_and_memory_of_a_process() -> None:
    script = "import time; block = bytearray(200_000_000); time.sleep(0.3)"

    result = run([sys.executable, "-c", script], environment=os.environ)

    assert result.seconds >= 0.3
    assert 0 < result.cpu_seconds < result.seconds
    assert 200e6 < result.peak_bytes < 300e6


@pytest.mark.skipif(not os.path.exists("/proc/self/stat"), reason="there is no /proc to sample")
def test_memory_is_that_of_all_processes_of_the_tree() -> None:
    child = "import time; block = bytearray(100_000_000); time.sleep(1)"
    script = f"""
import subprocess, sys
children = [subprocess.Popen([sys.executable, "-c", {child!r}]) for _ in range(2)]
[child.wait() for child in children]
"""

    result = run([sys.executable, "-c", script], environment=os.environ)

    assert 200e6 < result.peak_bytes < 300e6


def test_a_failure_shows_the_last_lines() -> None:
    script = "import sys; print('one\\ntwo'); sys.exit(3)"

    with pytest.raises(ContenderError, match=r"ended with 3:\none\ntwo\n"):
        run([sys.executable, "-c", script], environment=os.environ)
