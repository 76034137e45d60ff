from __future__ import annotations

import gc
import logging
import os
import subprocess
import sys

import pytest

from recordmill.runners.logging_setup import quiet_beam, without_notes

NOTES = (
    "WARNING: All log messages before absl::InitializeLog() is called are written to STDERR",
    "I0000 00:00:1.1  7 cpu_feature_guard.cc:210] This TensorFlow binary is optimized",
    "W1201 some warning",
    "E0000 00:00:1.1 cuda_dnn.cc: Unable to register cuDNN factory: no cuda",
    "To enable the following instructions: AVX2, rebuild TensorFlow",
)


def test_notes_are_dropped_and_the_rest_comes_afterwards(
    capfd: pytest.CaptureFixture[str],
) -> None:
    with without_notes():
        os.write(2, "\n".join([NOTES[0], "mine", *NOTES[1:], "E0000 an error", ""]).encode())
        assert capfd.readouterr().err == ""
    assert capfd.readouterr().err == "mine\nE0000 an error\n"


def test_what_is_said_before_an_error_is_not_lost(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError), without_notes():
        os.write(2, b"why\n")
        raise ValueError
    assert capfd.readouterr().err == "why\n"
    os.write(2, b"open\n")
    assert capfd.readouterr().err == "open\n"


def test_beam_is_quiet() -> None:
    logger = logging.getLogger("apache_beam")
    before = logger.level
    try:
        quiet_beam()
        assert not logger.isEnabledFor(logging.ERROR)
    finally:
        logger.setLevel(before)


@pytest.mark.slow
def test_tensorflow_starts_without_a_word() -> None:
    code = (
        "import gc\n"
        "from recordmill.runners.logging_setup import start_tensorflow\n"
        "start_tensorflow()\n"
        "assert gc.isenabled() and gc.get_freeze_count() > 100_000\n"
        "import tensorflow as tf\n"
        "assert tf.config.threading.get_intra_op_parallelism_threads() == 1\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert gc.isenabled()
