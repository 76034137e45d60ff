"""Error of an engine: it did not start, found no worker, or failed for a reason not in the data."""

from __future__ import annotations

from ...schemas.errors import RecordmillError

__all__ = ["EngineError"]


class EngineError(RecordmillError):
    """Error of an engine or of its job server; exit status 1."""
