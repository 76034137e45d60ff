"""Starting TensorFlow without the notes it writes about the machine."""

from __future__ import annotations

import gc
import logging
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["quiet_beam", "start_tensorflow", "without_notes"]

_NOTE = re.compile(
    rb"WARNING: All log messages before absl::InitializeLog"
    rb"|[IW]\d{4} "
    rb"|E\d{4} .*cuda"
    rb"|To enable the following instructions"
)


def start_tensorflow() -> None:
    """Import TensorFlow and let it look for devices, with its notes on standard error dropped.

    TensorFlow's C++ writes them past `TF_CPP_MIN_LOG_LEVEL` and past Python's streams. Whatever
    else is written to standard error meanwhile comes out afterwards.
    """
    with without_notes(), _uncollected():
        from ..pipelines.analysis.transform_function import configure_tensorflow_threads

        configure_tensorflow_threads()
        import absl.logging
        import tensorflow as tf

        tf.config.list_logical_devices()
        absl.logging.set_verbosity(absl.logging.ERROR)
        quiet_beam()


def quiet_beam() -> None:
    """Keep Beam from logging an error of ours, with its traceback, before it hands it on."""
    logging.getLogger("apache_beam").setLevel(logging.CRITICAL)


@contextmanager
def _uncollected() -> Iterator[None]:
    """No garbage is looked for while libraries are imported, nor ever among what they hold.

    That is seven hundred thousand objects, and going through them takes a second of a run.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


@contextmanager
def without_notes() -> Iterator[None]:
    sys.stderr.flush()
    stream = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(stream, 2)
            os.close(stream)
            held.seek(0)
            os.write(2, b"".join(line for line in held if not _NOTE.match(line)))
