"""An input that is edited while a run reads it fails the run, or is read once: case 48.

A hook edits the file between two stages, to the same size, and puts its time stamps back.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Lock
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest
from helpers.small_images import PETS
from helpers.small_recipe import HEADER, SCHEMA, SMALL, rows
from PIL import Image

from recordmill.pipelines import Input, Reshape, prepare, profile, profiling
from recordmill.pipelines.config.recipe import Recipe
from recordmill.pipelines.images import ingest as image_rows
from recordmill.pipelines.reshape import reshaping
from recordmill.pipelines.tables import ingest as table_rows
from recordmill.schemas import DataError

TEXT = HEADER + "".join(rows(60))
SCANNED = "the file changed while it was read: expected the bytes that were scanned, got others "


def edit(path: Path, old: bytes, new: bytes) -> None:
    """Replace some bytes by as many others; neither size nor time shows it."""
    content, before = path.read_bytes(), path.stat()
    assert old in content and len(old) == len(new)
    path.write_bytes(content.replace(old, new))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_mtime_ns == before.st_mtime_ns


@pytest.fixture
def before(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Make something happen before a function of a module is called for the first time."""

    def hook(module: Any, name: str, happen: Callable[[], None]) -> None:
        function, todo, lock = getattr(module, name), [happen], Lock()

        def call(*args: Any, **kwargs: Any) -> Any:
            with lock:  # so that other threads read nothing before it happened
                while todo:
                    todo.pop()()
            return function(*args, **kwargs)

        monkeypatch.setattr(module, name, call)

    return hook


@pytest.fixture
def source(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "rows.csv"
    path.write_text(TEXT)
    yield path
    assert not (tmp_path / "out").exists()  # nothing was published
    assert not list(tmp_path.glob(".*"))  # and nothing is left


def error_of(source: Path | str, recipe: Recipe = SMALL, **options: Any) -> str:
    output = str(Path(str(source)).parent / "out")
    with pytest.raises(DataError) as caught:
        prepare(recipe, output=output, inputs=[Input(None, str(source))], **options)
    return str(caught.value)


def rise(path: Path) -> Callable[[], None]:
    """An edit of one height."""
    return lambda: edit(path, b",1.75,", b",2.75,")


def test_a_csv(source: Path, before: Callable[..., None]) -> None:
    before(table_rows, "parse_fragment", rise(source))
    assert error_of(source).startswith(f"{source}: {SCANNED}between byte 0 and byte ")


def test_a_profile(source: Path, before: Callable[..., None]) -> None:
    before(table_rows, "parse_fragment", rise(source))
    with pytest.raises(DataError, match=f"^{source}: {SCANNED}"):
        inputs = [Input(None, str(source))]
        profile(SMALL, inputs=inputs, output=str(source.parent / "out"))


def test_parquet(source: Path, before: Callable[..., None]) -> None:
    path = source.parent / "rows.parquet"
    table = pd.read_csv(source, dtype=str, keep_default_na=False)
    table.to_parquet(path, compression=None)
    assert pq.read_metadata(path).num_rows == 60
    before(table_rows, "parse_fragment", lambda: edit(path, b"Rome", b"Bari"))
    assert error_of(path).startswith(f"{path}: {SCANNED}")


def as_they_are(frame: Any) -> Any:
    return frame


def test_a_source_of_a_reshape(source: Path, before: Callable[..., None]) -> None:
    recipe = Recipe(
        name="reshaped",
        schema=SCHEMA,
        preprocessing_fn=SMALL.preprocessing_fn,
        csv=SMALL.csv,
        reshape=Reshape(function=as_they_are, schema=SCHEMA),
    )
    before(reshaping, "parse_fragment", rise(source))
    assert error_of(source, recipe).startswith(f"{source}: {SCANNED}")


def test_a_file_between_the_cache_and_the_scan(source: Path, before: Callable[..., None]) -> None:
    cache = str(source.parent / "cache")
    before(profiling.source_for(SMALL).__class__, "scan", rise(source))
    with pytest.raises(DataError) as caught:
        inputs = [Input(None, str(source))]
        output = str(source.parent / "out")
        profile(SMALL, inputs=inputs, output=output, statistics_cache=cache)
    assert str(caught.value) == (
        f"{source}: the file changed while it was read: its statistics are of other bytes than "
        "were scanned. Run again when nothing writes to it."
    )
    assert not list(Path(cache).glob("*/*"))


@pytest.mark.slow
def test_a_file_between_its_statistics_and_the_run(
    source: Path, before: Callable[..., None]
) -> None:
    cache = str(source.parent / "cache")
    before(profiling, "write_profiled", rise(source))
    assert error_of(source, statistics_cache=cache) == (
        f"{source}: the file changed while it was read: its statistics are of other bytes than "
        "were scanned. Run again when nothing writes to it."
    )


@pytest.mark.slow
def test_an_image_of_another_size_than_was_listed(
    tmp_path: Path, before: Callable[..., None]
) -> None:
    path = write_photos(tmp_path / "photos")
    size = path.stat().st_size

    def grow() -> None:
        path.write_bytes(path.read_bytes() + b"\0")

    before(image_rows, "read_chunk", grow)
    assert error_of(tmp_path / "photos", PETS) == (
        f"{path}: the file changed while it was read: expected the {size:,} bytes that were "
        "listed, got more. Run again when nothing writes to it."
    )

    def cut() -> None:
        path.write_bytes(path.read_bytes()[:100])

    before(image_rows, "read_chunk", cut)
    assert error_of(tmp_path / "photos", PETS) == (
        f"{path}: the file changed while it was read: expected the {size + 1:,} bytes that were "
        "listed, got 100. Run again when nothing writes to it."
    )


@pytest.mark.slow
def test_an_image_of_the_same_size_is_digested_as_it_is_decoded(
    tmp_path: Path, before: Callable[..., None]
) -> None:
    path = write_photos(tmp_path / "photos")
    before(image_rows, "read_chunk", lambda: edit(path, b"\x07" * 99, b"\x70" * 99))
    inputs = [Input("train", str(tmp_path / "photos"))]
    edited = prepare(PETS, output=str(tmp_path / "one"), inputs=inputs)
    again = prepare(PETS, output=str(tmp_path / "other"), inputs=inputs)
    assert edited.inputs == again.inputs
    assert edited.splits == again.splits


def write_photos(folder: Path) -> Path:
    """Two pictures of each class; BMP files, whose bytes are their pixels. Gives one of them."""
    for label, grey in (("cat", 7), ("cat", 50), ("dog", 100), ("dog", 150)):
        (folder / label).mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (20, 20), (grey,) * 3).save(folder / label / f"{grey}.bmp")
    return folder / "cat" / "7.bmp"
