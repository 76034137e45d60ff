"""What tests of several folders share."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings

# How long an example takes says more of the machine than of the code.
settings.register_profile("recordmill", deadline=None)
settings.load_profile("recordmill")

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"


def real(name: str, what: str) -> Path:
    """A folder of real data; the test is skipped where it is absent."""
    folder = SHARED / name
    if not folder.is_dir():
        pytest.skip(f"the real {what} are not at {folder}")
    return folder


@pytest.fixture(scope="session")
def adult() -> Path:
    """The folder with the real `adult.data` and `adult.test`."""
    return real("census", "census files")


@pytest.fixture(scope="session")
def hotdog() -> Path:
    """The folder with the real photos of hot dogs and other food, in `train` and `test`."""
    return real("hotdog", "photos of hot dogs")


@pytest.fixture(scope="session")
def raccoon() -> Path:
    """The folder with the real `images`, `annotations` and `labels.csv` of raccoons."""
    return real("raccoon", "photos of raccoons")
