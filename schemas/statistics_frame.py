"""Deprecated alias of `recordmill.schemas.statistics.frame`, for one version."""

import warnings

from .statistics.frame import COLUMNS, to_frame

__all__ = ["COLUMNS", "to_frame"]

warnings.warn(
    "recordmill.schemas.statistics_frame is deprecated and goes in 0.3.0: use "
    "recordmill.schemas.statistics.frame",
    DeprecationWarning,
    stacklevel=2,
)
