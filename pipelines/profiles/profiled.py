"""`Profiled`: what `profile.json` says of a profile, and how a profile is put in its place.

As with a dataset, a folder without it is no profile: it is written last, beside the output, and
the whole folder is then put there in one step.
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
    """A day of an input, as it was profiled.

    Attributes:
      date: The day, ISO 8601; "" for the files of an input that names no day.
      pattern: The input's.
      files: What was read of it; none for a day that is missing.
      cached: Whether it had been profiled before, and was not read again.
    """

    date: str
    pattern: str
    files: tuple[str, ...]
    cached: bool = False


@dataclass(frozen=True, kw_only=True)
class Profiled:
    """All that `profile.json` holds.

    Attributes:
      name: The recipe's name.
      created: When the profile was published, ISO 8601 in UTC.
      recordmill: The version of recordmill.
      versions: Package name to version, of the libraries under it.
      recipe: The resolved recipe, as JSON.
      seed: Of the split by content and the sampling.
      inputs: The files read.
      rows: By split, how many rows were profiled.
      ledger: As in the manifest of a dataset; `written` are the rows profiled.
      repeats: By split, how many of the rows that are good equal another one before them. Rows of
        different spans are not compared where a statistics cache is used.
      label: The name of the label, or None.
      unseen: As in the manifest of a dataset; empty where there is no split "train".
      images: The kind and the classes of a dataset of images; empty for a table.
      spans: The days that inputs name, and with a statistics cache all inputs.
      files: Every file of the folder but profile.json, sorted by path. Empty in a profile of
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
        """The text of `profile.json`."""
        return json.dumps(asdict(self), indent=2, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str | bytes, *, path: str) -> Profiled:
        """The profile in the text of the file at `path`.

        Raises:
          DataError: The text is none; the message names the path and what is wrong.
        """
        try:
            return TypeAdapter(cls).validate_json(text)
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(map(str, first["loc"]))
            raise DataError(
                f"{path}: not a recordmill profile ({place}: {first['msg']}). Profile again."
            ) from error


@contextmanager
def stage_profile(output: str, *, overwrite: bool) -> Iterator[Staging]:
    """A folder to write a profile into, until `commit_profile` puts it in place.

    Args:
      output: A local path: nothing, an empty folder, or, with `overwrite`, a profile or a dataset.
      overwrite: Whether what is there is replaced.

    Raises:
      RecipeError: As of `publish.stage`.
    """
    if files.is_remote(output):
        raise RecipeError(f"{output}: a profile is made on this machine; give a local folder")
    with publish.stage(output, overwrite=overwrite, contents_at=_contents_at) as staging:
        yield staging


def commit_profile(staging: Staging, profiled: Profiled) -> Profiled:
    """Publish what was written into the staging folder; `profile.json` is written last.

    Returns:
      The profile with its `files`, as it was published.

    Raises:
      DataError: The disk is full, or something appeared at the output meanwhile.
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
    """Yield the files that recordmill 0.1.0 wrote, which listed none."""
    yield from (PROFILE, "report.html", "schema/schema.pbtxt", "facets.pb")
    yield from (f"stats/{split}.pb" for split in profiled.rows)
    yield from (f"rejects/{name}.jsonl" for name in profiled.ledger)
    if reshape := profiled.recipe.get("reshape"):
        sources = ("inputs", *profiled.rows, *reshape.get("tables", ()))
        yield from (f"rejects/reshape-{name}.jsonl" for name in sources)
