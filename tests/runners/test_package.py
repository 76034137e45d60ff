from __future__ import annotations

import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from recordmill.runners import package
from recordmill.runners.package import build_sdist
from recordmill.schemas import RecipeError


@pytest.fixture(scope="module")
def archive() -> Iterator[tarfile.TarFile]:
    with tarfile.open(build_sdist()) as opened:
        yield opened


def test_it_has_the_modules_and_what_they_read(archive: tarfile.TarFile) -> None:
    names = {name.partition("/")[2] for name in archive.getnames()}
    assert {
        *("setup.py", "PKG-INFO", "schemas/schema.py", "runners/cli.py"),
        *("pipelines/recipes/census.yaml", "pipelines/report/templates"),
    } <= names | {str(Path(name).parent) for name in names}
    assert not any("__pycache__" in name for name in names)


def test_workers_install_what_pipelines_need(archive: tarfile.TarFile) -> None:
    (member,) = (one for one in archive.getmembers() if one.name.endswith("egg-info/requires.txt"))
    file = archive.extractfile(member)
    assert file is not None
    text = file.read().decode()
    assert "apache-beam[" in text and "tensorflow-transform" in text
    assert "pytest" not in text and "mkdocs" not in text and "extra ==" not in text


def test_a_build_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(*words: Any, **options: Any) -> Any:
        return SimpleNamespace(returncode=1, stderr="x" * 3000 + "no space left")

    monkeypatch.setattr(subprocess, "run", run)
    with pytest.raises(RecipeError) as error:
        build_sdist()
    message = str(error.value)
    assert message.startswith("building the sdist for the workers failed: xxx")
    assert message.endswith("xno space left") and len(message) < 2100


def test_folders_that_are_no_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(package, "find_spec", lambda name: None)
    with pytest.raises(RecipeError, match=r"^recordmill\.schemas is not installed as files$"):
        build_sdist()
