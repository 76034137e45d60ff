"""Deprecated alias of `recordmill.transforms.dataset.loader`; it goes with the next version."""

import warnings

from .dataset.loader import PreparedDataset, load

__all__ = ["PreparedDataset", "load"]

warnings.warn(
    "recordmill.transforms.loader is now recordmill.transforms.dataset.loader",
    DeprecationWarning,
    stacklevel=2,
)
