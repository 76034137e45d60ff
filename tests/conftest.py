"""What tests of several folders share."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers.real_data import DATA
from hypothesis import HealthCheck, settings

# How long an example takes says more of the machine than of the code; the database of failing
# examples would be a folder in the checkout, which may be read-only; and CI says the same of the
# same code.
settings.register_profile(
    "recordmill",
    deadline=None,
    database=None,
    derandomize="CI" in os.environ,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("recordmill")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--quick-beam`, which `make quick` gives; without it Beam is as users have it."""
    words = "let Beam remember what it asks of functions and options: a third quicker on few rows"
    parser.addoption("--quick-beam", action="store_true", help=words)


def pytest_configure(config: pytest.Config) -> None:
    """xdist, left to itself, begins with the files of most tests, which are the quickest."""
    config.option.loadscopereorder = False


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Where workers share the files, those with most slow tests go first, and none waits alone."""
    if hasattr(config, "workerinput"):
        slow = Counter(item.path for item in items if item.get_closest_marker("slow"))
        items.sort(key=lambda item: -slow[item.path])


def pytest_collection_finish(session: pytest.Session) -> None:
    """Make Beam quicker, where that is asked for and tests were found that import it."""
    if session.config.getoption("quick_beam") and "apache_beam" in sys.modules:
        from helpers.quick_beam import remember

        remember()


@pytest.fixture(scope="session", autouse=True)
def current_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """An empty folder that all tests and fixtures run in.

    So what lies in the folder where pytest was started, a user's `out` for one, changes no test.
    """
    before = os.getcwd()
    folder = tmp_path_factory.mktemp("current-folder")
    os.chdir(folder)
    yield folder
    os.chdir(before)


@pytest.fixture(autouse=True)
def writes_only_where_told(current_folder: Path) -> Iterator[None]:
    """Fails a test that leaves a file in the current folder."""
    yield
    written = sorted(path.name for path in current_folder.iterdir())
    assert not written, f"the test wrote {written} into the current folder; use tmp_path"


def real(name: str, what: str) -> Path:
    """A folder of real data; the test is skipped where it is absent."""
    folder = DATA / name
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
