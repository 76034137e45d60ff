"""Silence of workers in this process: what they print also reaches the engine, and then the user.

A worker prints the traceback of every error, and its threads fail when a job server goes away.
"""

from __future__ import annotations

import sys
import threading
from typing import Any

import grpc
from apache_beam.runners.worker import sdk_worker

__all__ = ["silence_workers"]


def silence_workers() -> None:
    """Stop Beam's workers in this process from printing, from now on.

    There is no way back: their threads may print until the process ends.
    """
    # A global of the module shadows the builtin, for this module alone.
    sdk_worker.print = _print_nothing
    threading.excepthook = _ignore_closed_streams


def _print_nothing(*values: Any, **options: Any) -> None:
    pass


def _ignore_closed_streams(error: threading.ExceptHookArgs) -> None:
    if not issubclass(error.exc_type, grpc.RpcError):
        sys.excepthook(error.exc_type, error.exc_value or error.exc_type(), error.exc_traceback)
