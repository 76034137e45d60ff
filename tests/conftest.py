"""What tests of several folders share."""

from __future__ import annotations

from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def adult() -> Path:
    """The folder with the real `adult.data` and `adult.test`."""
    folder = SHARED / "census"
    if not folder.is_dir():
        pytest.skip(f"the real census files are not at {folder}")
    return folder
