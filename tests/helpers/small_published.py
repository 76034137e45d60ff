"""A dataset of one word, published as a run publishes."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from recordmill.pipelines.runtime import filesystem as files
from recordmill.pipelines.runtime.publish import commit, stage
from recordmill.schemas.errors import RecipeError
from recordmill.schemas.manifest import MANIFEST, Manifest, StoredFile


def manifest(name: str, **content: str) -> Manifest:
    """A manifest that says the word, and lists files of this content by their paths."""
    files = tuple(
        StoredFile(path, len(text), hashlib.sha256(text.encode()).hexdigest())
        for path, text in content.items()
    )
    ok = {"ok": True}
    return Manifest(name, "2026-01-01", {}, {}, 0, (), {}, {}, "", None, {}, ok, files=files)


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
    shards = {f"train/{name}.tfrecord": name}
    return {MANIFEST: manifest(name, **shards).to_json(), **shards}


def refused(output: Path | str, *, overwrite: bool = False) -> str:
    """Why a run to an output does not begin."""
    with pytest.raises(RecipeError) as caught, stage(str(output), overwrite=overwrite):
        pytest.fail("the run began")
    return str(caught.value)
