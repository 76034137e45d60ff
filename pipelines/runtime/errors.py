"""How every pipeline is run: by the FnApiRunner unless told, and with our errors as they are."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import apache_beam as beam

from ...schemas.errors import DataError, RecipeError, RecordmillError

__all__ = ["direct_runner", "unwrap_beam_errors"]


def direct_runner() -> beam.runners.PipelineRunner:
    """Beam's in-process runner by its own name: `DirectRunner` tries to download another first."""
    from apache_beam.runners.portability.fn_api_runner import FnApiRunner

    return FnApiRunner()


@contextmanager
def unwrap_beam_errors() -> Iterator[None]:
    """Take our errors out of what Beam wraps them in.

    In process, Beam adds the name of the stage to the message, and makes a RuntimeError of an
    interrupt; from another process an error comes as a RuntimeError that holds the traceback.
    """
    try:
        yield
    except RecordmillError as error:
        raise type(error)(_WHILE.sub("", str(error))) from error
    except RuntimeError as error:
        if str(error).startswith("KeyboardInterrupt"):
            raise KeyboardInterrupt from None
        found = _OWN.search(str(error))
        if found is None:
            raise
        kind = {"DataError": DataError, "RecipeError": RecipeError}[found["kind"]]
        raise kind(_WHILE.sub("", found["message"])) from error


_WHILE = re.compile(r" \[while running '[^']*'\]\s*$")
_OWN = re.compile(
    r"^recordmill\.schemas\.errors\.(?P<kind>DataError|RecipeError): (?P<message>.*?)"
    r"(?= \[while running '|\n\n|\Z)",
    re.DOTALL | re.MULTILINE,
)
