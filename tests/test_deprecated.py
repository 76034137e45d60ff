"""Names of the version before still work, and say what to use."""

from __future__ import annotations

import importlib

import pytest

import recordmill.pipelines
from recordmill.schemas.statistics.frame import to_frame
from recordmill.transforms import load


@pytest.mark.parametrize(
    ("old", "name", "new", "value"),
    [
        ("schemas.statistics_frame", "to_frame", "schemas.statistics.frame", to_frame),
        ("transforms.loader", "load", "transforms.dataset.loader", load),
    ],
)
def test_modules_that_moved(old: str, name: str, new: str, value: object) -> None:
    message = f"recordmill.{old} is deprecated and goes in 0.3.0: use recordmill.{new}"
    with pytest.warns(DeprecationWarning, match=f"^{message}$"):
        module = importlib.reload(importlib.import_module(f"recordmill.{old}"))
    assert getattr(module, name) is value


def test_names_that_changed() -> None:
    message = "^recordmill.pipelines.Limits is deprecated and goes in 0.3.0: use ImageLimits$"
    with pytest.warns(DeprecationWarning, match=message):
        limits = recordmill.pipelines.Limits
    assert limits is recordmill.pipelines.ImageLimits
