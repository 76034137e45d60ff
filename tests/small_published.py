"""A dataset of one word, published as a run publishes."""

from __future__ import annotations

from pathlib import Path

import pytest

from recordmill.pipelines import files
from recordmill.pipelines.publish import commit, stage
from recordmill.schemas.errors import RecipeError
from recordmill.schemas.manifest import MANIFEST, Manifest


def manifest(name: str) -> Manifest:
    """A manifest that says the word."""
    return Manifest(name, "2026-01-01", {}, {}, 0, (), {}, {}, "", None, {}, {"ok": True})


def prepare(output: Path | str, name: str, *, overwrite: bool = False) -> None:
    """A run that writes its name into a shard and publishes."""
    with stage(str(output), overwrite=overwrite) as staging:
        with files.create(files.join(staging.scratch, "spill")) as file:
            file.write(b"not to be published")
        with files.create(files.join(staging.folder, f"train/{name}.tfrecord")) as file:
            file.write(name.encode())
        commit(staging, manifest(name))


def content(folder: Path) -> dict[str, str]:
    """The text of each file in a folder."""
    return {
        str(path.relative_to(folder)): path.read_text()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def dataset(name: str) -> dict[str, str]:
    """The content of what `prepare` published."""
    return {MANIFEST: manifest(name).to_json(), f"train/{name}.tfrecord": name}


def refused(output: Path | str, *, overwrite: bool = False) -> str:
    """Why a run to an output does not begin."""
    with pytest.raises(RecipeError) as caught, stage(str(output), overwrite=overwrite):
        pytest.fail("the run began")
    return str(caught.value)
