"""Program that runs a command and ends it when the program that started it ends.

It is started with a pipe as standard input. The pipe closes when its other end dies, whatever the
reason: an error, `os._exit`, or a signal that no handler sees. It imports only the standard
library, since it runs as a script.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading

__all__ = ["main"]

_SECONDS_TO_END = 10.0


def main(command: list[str]) -> int:
    """Run the command until it ends or standard input closes; return its exit status.

    The command gets SIGTERM, and SIGKILL ten seconds later. It gets no signal of the terminal,
    because it runs in a session of its own.
    """
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)
    threading.Thread(target=_end_with_input, args=(child,), daemon=True).start()
    return child.wait()


def _end_with_input(child: subprocess.Popen[bytes]) -> None:
    while os.read(0, 1024):
        pass
    for number in (signal.SIGTERM, signal.SIGKILL):
        if child.poll() is not None:
            return
        os.killpg(child.pid, number)
        try:
            child.wait(_SECONDS_TO_END)
        except subprocess.TimeoutExpired:
            continue


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
