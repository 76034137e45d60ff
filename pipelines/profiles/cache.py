"""`StatisticsCache`: statistics of spans, for later runs.

The key of a span is a digest of its content: of the settings of the recipe that decide what the
rows are, and of path, split, size and SHA-256 of its files. So each file is read, though not
parsed: time stamps mislead where files are copied, restored or written twice within a tick of the
clock, and nobody would notice a wrong statistic. Hashing takes a small part of the time of parsing.

    DIR/ab/abcd…/entry.json               files, and the ledger of their records
                 <split>.profile          see `recordmill.schemas.statistics.codec`
                 rejects/<split>/…jsonl   rejects, in order

An entry appears in one step. A damaged one is replaced.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import pickle
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from importlib import metadata
from typing import Any
from uuid import uuid4

from pydantic import TypeAdapter, ValidationError

from ...schemas.errors import DataError, RecipeError
from ...schemas.manifest import Ledger, SourceFile
from ...schemas.statistics import codec as profile_codec
from ...schemas.statistics.fold import Profile, StatisticsFold
from ..config.recipe import Recipe
from ..runtime import filesystem as files
from ..runtime.contents import name_first
from ..runtime.elements import InputFile

__all__ = [
    "Entry",
    "StatisticsCache",
    "check_profiled",
    "read_profiles",
    "write_profiled",
    "write_profiles",
]

_LOG = logging.getLogger(__name__)
_ENTRY = "entry.json"
_REJECTS, _LINES = "rejects", "rejects.jsonl"
_PROFILED = "profiled.json"
_READING = ("schema", "csv", "split", "sampling", "seed", "distinct")


@dataclass(frozen=True)
class Entry:
    """Statistics of some files.

    Attributes:
      sources: The files.
      ledger: Ledger of each split.
      repeats: For each split, the number of good rows equal to another one of these files.
      profiles: Profile of each split.
      rejects: For each split, folders with files of rejects, in order.
    """

    sources: tuple[SourceFile, ...]
    ledger: Mapping[str, Ledger]
    repeats: Mapping[str, int]
    profiles: Mapping[str, Any] = field(default_factory=dict)
    rejects: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class _Head:
    """Content of `entry.json`: fields of `Entry`, and the splits that have a file of a profile."""

    sources: tuple[SourceFile, ...]
    ledger: dict[str, Ledger]
    repeats: dict[str, int]
    splits: tuple[str, ...]


@dataclass(frozen=True)
class StatisticsCache:
    """Local folder with the entries of spans.

    Attributes:
      folder: Path of the folder, which is created with the first entry.
      recipe: Recipe of a table, with which spans are read.

    Raises:
      RecipeError: The recipe is for images, leaves out repeats or reshapes, or the folder is
        remote.
    """

    folder: str
    recipe: Recipe

    def __post_init__(self) -> None:
        from ...schemas.schema import Schema

        wrong = [
            (files.is_remote(self.folder), f"{self.folder} is remote; give a local folder"),
            (not isinstance(self.recipe.schema, Schema), "it is for tables, not for images"),
            (
                self.recipe.distinct,
                "with distinct: true a row can repeat one of another span, which is not read "
                "again; profile without the cache, or without distinct",
            ),
            (
                self.recipe.reshape is not None,
                "the rows that reshape makes of a span depend on other spans; profile without the "
                "cache",
            ),
        ]
        for is_wrong, problem in wrong:
            if is_wrong:
                raise RecipeError(f"recipe {self.recipe.name}: statistics cache: {problem}")

    @property
    def fold(self) -> StatisticsFold:
        """Fold of the profiles."""
        return StatisticsFold(self.recipe.schema)  # type: ignore[arg-type]

    def key(self, span: Iterable[InputFile]) -> str:
        """Return the key of a span, 64 hex digits; this reads its files.

        Args:
          span: Files of the span, in order.

        Raises:
          DataError: A file cannot be read.
        """
        return self._key([(file.path, file.split, *_content(file.path)) for file in span])

    def check(self, key: str, entry: Entry) -> None:
        """Check that the files of an entry have not changed since its key was computed.

        Raises:
          DataError: A file has changed.
        """
        span = [(file.path, file.split, file.bytes, file.sha256) for file in entry.sources]
        if self._key(span) != key:
            raise _changed([file.path for file in entry.sources])

    def _key(self, span: Sequence[tuple[str, str | None, int, str]]) -> str:
        """Return the key of files of these paths, splits, sizes and digests."""
        resolved = self.recipe.resolved()
        settings = {
            "format": [profile_codec.VERSION, metadata.version("recordmill")],
            "reading": {name: resolved[name] for name in _READING},
            # Pickled, since the text of an expression leaves out most of a long list.
            "filters": [
                _digest(pickle.dumps(expression, protocol=4)) for expression in self.recipe.filters
            ],
            "files": span,
        }
        return _digest(json.dumps(settings, sort_keys=True).encode())

    def load(self, key: str) -> Entry | None:
        """Return the entry of a key; None where it is absent or damaged."""
        folder = self._folder(key)
        if not os.path.exists(os.path.join(folder, _ENTRY)):
            return None
        try:
            return self._read(folder)
        except DataError as error:
            _LOG.warning("the span is read again: %s", error)
            return None

    def save(self, key: str, entry: Entry) -> None:
        """Save an entry under a key, in place of the one that is there.

        Raises:
          DataError: The disk is full.
          RecipeError: The folder cannot be written.
        """
        folder = self._folder(key)
        staging = f"{folder}.{uuid4().hex}.tmp"
        try:
            os.makedirs(staging)
        except OSError as error:
            raise RecipeError(
                f"{self.folder}: cannot be written ({error.strerror}). Choose another "
                "--statistics-cache."
            ) from error
        try:
            self._write(staging, entry)
            with suppress(FileNotFoundError):
                files.remove_tree(folder)
            with suppress(OSError):  # another run has just saved the same entry
                os.rename(staging, folder)
        finally:
            files.remove_tree(staging)

    def _folder(self, key: str) -> str:
        return os.path.join(self.folder, key[:2], key)

    def _write(self, folder: str, entry: Entry) -> None:
        write_profiles(folder, entry.profiles)
        for split, folders in entry.rejects.items():
            paths = (files.join(path, name) for path in folders for name in files.list_files(path))
            files.concatenate(os.path.join(folder, _REJECTS, split, _LINES), paths)
        head = _Head(entry.sources, dict(entry.ledger), dict(entry.repeats), tuple(entry.profiles))
        text = json.dumps(asdict(head), indent=2, ensure_ascii=False)
        files.write_bytes(os.path.join(folder, _ENTRY), text.encode())

    def _read(self, folder: str) -> Entry:
        path = os.path.join(folder, _ENTRY)
        try:
            head = TypeAdapter(_Head).validate_json(files.read_bytes(path))
        except ValidationError as error:
            raise DataError(f"{path}: is damaged ({error.errors()[0]['msg']})") from error
        profiles = read_profiles(folder, self.fold, head.splits)
        for split, ledger in head.ledger.items():
            ledger.check(split)
            rows = profiles[split].rows if split in profiles else 0
            if rows != ledger.written:
                raise DataError(f"{path}: {split}: {ledger.written:,} rows, profiled {rows:,}")
        rejects = {split: (os.path.join(folder, _REJECTS, split),) for split in head.ledger}
        return Entry(head.sources, head.ledger, head.repeats, profiles, rejects)


def write_profiles(folder: str, profiles: Mapping[str, Profile]) -> None:
    """Write the profile of each split, as `<split>.profile`."""
    for split, profile in profiles.items():
        files.write_bytes(files.join(folder, f"{split}.profile"), profile_codec.encode(profile))


def read_profiles(folder: str, fold: Any, splits: Iterable[str]) -> dict[str, Any]:
    """Read the profiles that `write_profiles` wrote.

    Raises:
      DataError: A profile is absent, damaged or of another schema.
    """
    profiles = {}
    for split in splits:
        path = files.join(folder, f"{split}.profile")
        profiles[split] = profile_codec.decode(files.read_bytes(path), fold, path=path)
    return profiles


def write_profiled(folder: str, sources: Iterable[SourceFile]) -> None:
    """Write the digests of the files that were profiled into a folder, for `check_profiled`."""
    digests = {source.path: source.sha256 for source in sources}
    files.write_bytes(files.join(folder, _PROFILED), json.dumps(digests).encode())


def check_profiled(folder: str, sources: Iterable[SourceFile]) -> None:
    """Check that files did not change between the profile and the run that reads them again.

    Args:
      folder: Folder of the profiles.
      sources: Files, as the run read them.

    Raises:
      DataError: A file has changed.
    """
    digests = json.loads(files.read_bytes(files.join(folder, _PROFILED)))
    changed = [file.path for file in sources if digests.get(file.path) != file.sha256]
    if changed:
        raise _changed(changed)


def _changed(paths: Sequence[str]) -> DataError:
    which = "the file" if len(paths) == 1 else "one of these files"
    return DataError(
        f"{name_first(paths)}: {which} changed while it was read: its statistics are of other "
        "bytes than were scanned. Run again when nothing writes to it."
    )


def _content(path: str) -> tuple[int, str]:
    """Return the size of a file as stored, and its SHA-256."""
    digest, size = hashlib.sha256(), 0
    with files.read(path) as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
            size += len(chunk)
    return size, digest.hexdigest()


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
