"""Deprecated alias of `recordmill.transforms.dataset.loader`, for one version."""

import warnings

from .dataset.loader import PreparedDataset, load

__all__ = ["PreparedDataset", "load"]

warnings.warn(
    "recordmill.transforms.loader is deprecated and goes in 0.3.0: use "
    "recordmill.transforms.dataset.loader",
    DeprecationWarning,
    stacklevel=2,
)
