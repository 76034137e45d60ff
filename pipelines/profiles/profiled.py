"""`Profiled`: content of `profile.json`, and the publication of a profile.

As with the manifest of a dataset, a folder without `profile.json` is no profile: it is written
last, in a folder beside the output, which then takes the place of the output in one step.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from pydantic import TypeAdapter, ValidationError

from ...schemas.errors import DataError, RecipeError
from ...schemas.manifest import Ledger, SourceFile, StoredFile
from ..runtime import filesystem as files
from ..runtime import publish
from ..runtime.contents import Contents, dataset_at, list_stored_files
from ..runtime.publish import Staging

__all__ = ["PROFILE", "Profiled", "ProfiledSpan", "commit_profile", "stage_profile"]

PROFILE = "profile.json"


@dataclass(frozen=True)
class ProfiledSpan:
    """Profiled day of an input.

    Attributes:
      date: Date, ISO 8601; "" for the files of an input that names no day.
      pattern: Pattern of the input.
      files: Paths of its files; none for a day without data.
      cached: Whether its profile came from the cache.
    """

    date: str
    pattern: str
    files: tuple[str, ...]
    cached: bool = False


@dataclass(frozen=True, kw_only=True)
class Profiled:
    """Content of `profile.json`.

    Attributes:
      name: Name of the recipe.
      created: Time of publication, ISO 8601 in UTC.
      recordmill: Version of recordmill.
      versions: Versions of the libraries under it, by package name.
      recipe: Resolved recipe, as JSON.
      seed: Seed of the split by content and of the sampling.
      inputs: Files read.
      rows: For each split, the number of rows profiled.
      ledger: As in the manifest of a dataset; `written` are the rows profiled.
      repeats: For each split, the number of good rows equal to one before them. Rows of different
        spans are not compared where a statistics cache is used.
      label: Name of the label, or None.
      unseen: As in the manifest of a dataset; empty where there is no split "train".
      images: Kind and classes of images; empty for a table.
      spans: Days that inputs name; with a statistics cache all inputs.
      files: All files of the folder but profile.json, sorted by path; empty in a profile of
        recordmill 0.1.0.
    """

    name: str
    created: str
    recordmill: str
    versions: Mapping[str, str]
    recipe: Mapping[str, Any]
    seed: int
    inputs: tuple[SourceFile, ...]
    rows: Mapping[str, int]
    ledger: Mapping[str, Ledger]
    repeats: Mapping[str, int]
    label: str | None
    unseen: Mapping[str, Mapping[str, int | None]] = field(default_factory=dict)
    images: Mapping[str, Any] = field(default_factory=dict)
    spans: tuple[ProfiledSpan, ...] = ()
    files: tuple[StoredFile, ...] = ()

    def to_json(self) -> str:
        """Return the text of `profile.json`."""
        return json.dumps(asdict(self), indent=2, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str | bytes, *, path: str) -> Profiled:
        """Parse the text of the `profile.json` at `path`.

        Raises:
          DataError: The text is no profile; the message names the path, the field and the problem.
        """
        try:
            return TypeAdapter(cls).validate_json(text)
        except ValidationError as error:
            first = error.errors()[0]
            field_path = ".".join(map(str, first["loc"]))
            raise DataError(
                f"{path}: not a recordmill profile ({field_path}: {first['msg']}). Profile again."
            ) from error


@contextmanager
def stage_profile(output: str, *, overwrite: bool) -> Iterator[Staging]:
    """Provide a folder to write a profile into, until `commit_profile` publishes it.

    Args:
      output: Local path of nothing, of an empty folder, or, with `overwrite`, of a profile or a
        dataset.
      overwrite: Whether to replace what is there.

    Raises:
      RecipeError: As in `publish.stage`.
    """
    if files.is_remote(output):
        raise RecipeError(f"{output}: a profile is made on this machine; give a local folder")
    with publish.stage(output, overwrite=overwrite, contents_at=_contents_at) as staging:
        yield staging


def commit_profile(staging: Staging, profiled: Profiled) -> Profiled:
    """Publish the content of the staging folder; `profile.json` is written last.

    Returns:
      The published profile, with its `files`.

    Raises:
      DataError: The disk is full, or something has appeared at the output.
    """
    files.remove_tree(staging.scratch)
    files.sync_tree(staging.folder)
    listed = list_stored_files(staging.folder)
    profiled = replace(profiled, files=tuple(file for file in listed if file.path != PROFILE))
    files.write_bytes(files.join(staging.folder, PROFILE), profiled.to_json().encode())
    publish.put_in_place(staging)
    return profiled


def _contents_at(folder: str) -> Contents | None:
    path = os.path.join(folder, PROFILE)
    try:
        with open(path, "rb") as file:
            profiled = Profiled.from_json(file.read(), path=path)
    except (OSError, DataError):
        return dataset_at(folder)
    if profiled.files:
        return Contents("profile", {PROFILE, *(file.path for file in profiled.files)})
    return Contents("profile", set(_paths_of_0_1(profiled)))


def _paths_of_0_1(profiled: Profiled) -> Iterator[str]:
    """Yield the paths that recordmill 0.1.0 wrote; its profiles have no list of files."""
    yield from (PROFILE, "report.html", "schema/schema.pbtxt", "facets.pb")
    yield from (f"stats/{split}.pb" for split in profiled.rows)
    yield from (f"rejects/{name}.jsonl" for name in profiled.ledger)
    if reshape := profiled.recipe.get("reshape"):
        sources = ("inputs", *profiled.rows, *reshape.get("tables", ()))
        yield from (f"rejects/reshape-{name}.jsonl" for name in sources)
