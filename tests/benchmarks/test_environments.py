import sys
from pathlib import Path

import pytest

from benchmarks import environments


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "recordmill-benchmarks"


def test_the_cache_is_outside_the_repository(cache: Path) -> None:
    assert environments.cache() == cache
    assert cache.is_dir()


def test_an_environment_is_named_by_what_is_in_it(cache: Path) -> None:
    version = ".".join(map(str, sys.version_info[:2]))

    assert environments.interpreter(("some==1.2", "other<3")) == (
        cache / f"some-1.2-{version}" / "bin" / "python"
    )


def test_one_that_was_made_is_taken_as_it_is(cache: Path) -> None:
    folder = environments.interpreter(("some==1.2",)).parents[1]
    folder.mkdir()
    (folder / "installed").touch()

    assert environments.make(("some==1.2",)) == ""


def test_the_reason_for_none_and_nothing_stays(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = "import sys; sys.exit('made\\nno such package')"
    monkeypatch.setattr(
        environments, "_commands", lambda folder, requirements: [[sys.executable, "-c", script]]
    )

    assert environments.make(("some==1.2",)) == "no such package"
    assert list(cache.iterdir()) == []
