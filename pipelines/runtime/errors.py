"""Default runner of every pipeline, and recordmill's errors unwrapped from those of Beam."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import apache_beam as beam

from ...schemas.errors import DataError, RecipeError, RecordmillError

__all__ = ["direct_runner", "unwrap_beam_errors"]


def direct_runner() -> beam.runners.PipelineRunner:
    """Return Beam's FnApiRunner, in process; `DirectRunner` tries to download another one first."""
    from apache_beam.runners.portability.fn_api_runner import FnApiRunner

    return FnApiRunner()


@contextmanager
def unwrap_beam_errors() -> Iterator[None]:
    """Raise recordmill's errors as they were before Beam wrapped them.

    In process, Beam appends the name of the stage to the message and turns a KeyboardInterrupt
    into a RuntimeError. Errors of another process arrive as a RuntimeError whose message contains
    the traceback.
    """
    try:
        yield
    except RecordmillError as error:
        raise type(error)(_WHILE.sub("", str(error))) from error
    except RuntimeError as error:
        if str(error).startswith("KeyboardInterrupt"):
            raise KeyboardInterrupt from None
        match = _RECORDMILL_ERROR.search(str(error))
        if match is None:
            raise
        error_type = {"DataError": DataError, "RecipeError": RecipeError}[match["kind"]]
        raise error_type(_WHILE.sub("", match["message"])) from error


# The text that Beam appends to a message, and one of our errors inside a traceback as text.
_WHILE = re.compile(r" \[while running '[^']*'\]\s*$")
_RECORDMILL_ERROR = re.compile(
    r"^recordmill\.schemas\.errors\.(?P<kind>DataError|RecipeError): (?P<message>.*?)"
    r"(?= \[while running '|\n\n|\n\s+at [\w.$/]+\(|\Z)",  # "\n\tat …(": a frame of Java
    re.DOTALL | re.MULTILINE,
)
