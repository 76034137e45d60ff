"""The `recordmill` program: a thin layer over `recordmill.pipelines` and `recordmill.transforms`.

Exit status: 0 done; 1 the data or the dataset is bad; 2 the command or the recipe is wrong; 130
interrupted. TensorFlow and Beam are imported only by the command that uses them.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from importlib import import_module
from types import FrameType
from typing import NoReturn

from ..schemas.errors import RecipeError, RecordmillError
from .arguments import CALL, parse

__all__ = ["main", "program"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    given, beam_flags = _split_at_dashes(given)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        status = _call(parse(given), beam_flags)
        sys.stdout.flush()
        return status
    except RecordmillError as error:
        print(f"recordmill: {error}", file=sys.stderr)
        return error.exit_status
    except KeyboardInterrupt:
        print("recordmill: interrupted; nothing was published", file=sys.stderr)
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def program() -> NoReturn:
    """The `recordmill` program: runs the command of `sys.argv` and ends the process at once.

    What the interpreter does at its end takes a second or two with these libraries, and for ever
    where an interrupt fell between the start of one of Beam's threads and the code that stops it.
    """
    status = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def _split_at_dashes(arguments: list[str]) -> tuple[list[str], list[str]]:
    if "--" not in arguments:
        return arguments, []
    place = arguments.index("--")
    return arguments[:place], arguments[place + 1 :]


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


def _call(options: argparse.Namespace, beam_flags: list[str]) -> int:
    """What the function of the command gives."""
    given = vars(options)
    command = given.pop("command")
    given.pop("subcommand", None)
    module, _, name = given.pop(CALL).partition(":")
    if command == "run":
        given["beam_flags"] = beam_flags
    elif beam_flags:
        raise RecipeError(f"Beam's flags, behind --, are for `run`, and not for `{command}`")
    function = getattr(import_module(f".{module}", __package__), name)
    return int(function(**given))


if __name__ == "__main__":
    program()
