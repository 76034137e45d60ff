"""Images that are left out in two ways at once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from helpers.small_images import PETS, write_pets

from recordmill.pipelines import Images, Input, prepare


@pytest.mark.slow
def test_one_of_each_copy_stays_where_rows_are_distinct_and_near_duplicates_dropped(
    tmp_path: Path,
) -> None:
    folder = write_pets(tmp_path / "in", 6)
    for path in sorted(folder.rglob("*.jpg")):
        for name in ("again", "more"):
            path.with_name(f"{name}-{path.name}").write_bytes(path.read_bytes())
    recipe = replace(PETS, distinct=True, images=Images(near_duplicates="drop"))
    manifest = prepare(recipe, output=str(tmp_path / "out"), inputs=[Input("train", str(folder))])
    ledger = manifest.ledger["train"]
    assert (ledger.read, ledger.written, ledger.duplicates) == (18, 6, 12)
