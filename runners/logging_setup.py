"""Log levels of TensorFlow and Beam, and a filter of TensorFlow's notes on standard error."""

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
    """Import TensorFlow and list its devices, and drop its notes on standard error meanwhile.

    TensorFlow's C++ code writes them to the file descriptor, whatever `TF_CPP_MIN_LOG_LEVEL` says.
    Other text on standard error appears afterwards.
    """
    with without_notes(), _garbage_collection_off():
        from ..pipelines.analysis.transform_function import configure_tensorflow_threads

        configure_tensorflow_threads()
        import absl.logging
        import tensorflow as tf

        tf.config.list_logical_devices()
        absl.logging.set_verbosity(absl.logging.ERROR)
        quiet_beam()


def quiet_beam() -> None:
    """Stop Beam from logging the traceback of an error that it also raises."""
    logging.getLogger("apache_beam").setLevel(logging.CRITICAL)


@contextmanager
def _garbage_collection_off() -> Iterator[None]:
    """Collect no garbage during imports, and never look at the imported objects again.

    They are seven hundred thousand; going through them takes a second of a run.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


@contextmanager
def without_notes() -> Iterator[None]:
    """Hold back standard error while the body runs, then write it without TensorFlow's notes."""
    sys.stderr.flush()
    stream = os.dup(2)
    with tempfile.TemporaryFile() as buffer:
        os.dup2(buffer.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(stream, 2)
            os.close(stream)
            buffer.seek(0)
            os.write(2, b"".join(line for line in buffer if not _NOTE.match(line)))
