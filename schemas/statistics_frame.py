"""Deprecated alias of `recordmill.schemas.statistics.frame`; it goes with the next version."""

import warnings

from .statistics.frame import to_frame

__all__ = ["to_frame"]

warnings.warn(
    "recordmill.schemas.statistics_frame is now recordmill.schemas.statistics.frame",
    DeprecationWarning,
    stacklevel=2,
)
