"""`Manifest`: what `manifest.json` says of a prepared dataset.

It is written last, so a folder without it is no dataset. Only the standard library is needed to
read it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, TypeVar

from .errors import DataError

__all__ = [
    "MANIFEST",
    "Expansion",
    "Ledger",
    "Manifest",
    "Shard",
    "SourceFile",
    "Split",
    "StoredFile",
    "tree_sha256",
]

MANIFEST = "manifest.json"

_Record = TypeVar("_Record")


@dataclass(frozen=True)
class SourceFile:
    """An input file as it was read.

    Attributes:
      path: As the run was given it.
      split: The split it was read for, or None where content decided.
      bytes: Its size as stored.
      sha256: Of its bytes as stored, in hex.
      records: The records in it, counted by the scanner.
    """

    path: str
    split: str | None
    bytes: int
    sha256: str
    records: int


@dataclass(frozen=True)
class Shard:
    """A TFRecord file of the dataset.

    Attributes:
      path: Relative to the dataset's folder, with forward slashes.
      records: The examples in it.
      bytes: Its size as stored.
      sha256: Of its bytes as stored, in hex.
    """

    path: str
    records: int
    bytes: int
    sha256: str


@dataclass(frozen=True)
class StoredFile:
    """A file of a dataset or of a profile, as it was published.

    Attributes:
      path: Relative to the folder, with forward slashes.
      bytes: Its size as stored.
      sha256: Of its bytes as stored, in hex.
    """

    path: str
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Split:
    """The records of a split and the shards they stand in, in canonical order."""

    records: int
    shards: tuple[Shard, ...]


@dataclass(frozen=True)
class Ledger:
    """Where every record read went; counts of records."""

    read: int = 0
    written: int = 0
    filtered: int = 0
    duplicates: int = 0
    sampled_out: int = 0
    rejected: Mapping[str, int] = field(default_factory=dict)

    def __add__(self, other: Ledger) -> Ledger:
        reasons = sorted({*self.rejected, *other.rejected})
        return Ledger(
            self.read + other.read,
            self.written + other.written,
            self.filtered + other.filtered,
            self.duplicates + other.duplicates,
            self.sampled_out + other.sampled_out,
            {r: self.rejected.get(r, 0) + other.rejected.get(r, 0) for r in reasons},
        )

    @property
    def accounted(self) -> int:
        """What `read` must be."""
        kept_out = self.filtered + self.duplicates + self.sampled_out
        return self.written + kept_out + sum(self.rejected.values())

    def check(self, split: str) -> None:
        """Raise DataError with the whole sum where it does not add up."""
        if self.read != self.accounted:
            raise DataError(
                f"the ledger of {split} does not add up: read {self.read:,}, but written "
                f"{self.written:,} + filtered {self.filtered:,} + duplicates {self.duplicates:,} "
                f"+ sampled out {self.sampled_out:,} + rejected "
                f"{sum(self.rejected.values()):,} = {self.accounted:,}. This is a bug in "
                "recordmill; nothing was published."
            )


@dataclass(frozen=True)
class Expansion:
    """How the images written became another number of records.

    Attributes:
      written: The images.
      pieces: The tiles they were cut into, or the images themselves.
      left_out: The tiles that were left out: empty ones beyond the share of the recipe, and such
        as show only small parts of boxes.
      copies: The augmented copies.
    """

    written: int = 0
    pieces: int = 0
    left_out: int = 0
    copies: int = 0

    def __add__(self, other: Expansion) -> Expansion:
        return Expansion(
            self.written + other.written,
            self.pieces + other.pieces,
            self.left_out + other.left_out,
            self.copies + other.copies,
        )

    @property
    def records(self) -> int:
        """How many records there must be."""
        return self.pieces - self.left_out + self.copies


@dataclass(frozen=True)
class Manifest:
    """All that `manifest.json` holds.

    Attributes:
      name: The recipe's name.
      created: When the run was published, ISO 8601 in UTC.
      versions: Package name to version: recordmill, tensorflow and the libraries under it.
      recipe: The resolved recipe, as JSON.
      seed: The seed of the canonical order, the content split and sampling.
      inputs: The files read.
      splits: By name.
      ledger: By the name of the split; where content decides the split, records rejected before
        it was known stand under "unsplit".
      compression: "" or "GZIP", as `tf.data.TFRecordDataset` takes it.
      label: The name of the label among the transformed features, or None.
      classes: The names of the label's classes, in the order of the ids that `label_ids` gives;
        empty where the label has no domain.
      transform_fn: {"sha256": the digest of the graph's folder, see `tree_sha256`}.
      parity: The result of the parity check.
      unseen: By split but "train", by string column: how many rows have a value that no row of
        train has; None where there were too many different values to tell.
      expansion: By split, for a dataset of images: how the images became records.
      buckets: How many ids each int64 feature has, the label too; 0 where it is a number, or where
        the graph does not tell.
      format: Of the manifest and of what it describes; another one is not read.
      pipeline_only: What preparation does to rows and a served request does not pass, in words.
      spans: The days that inputs with `{date}` stood for: {"date", "pattern", "files"}, where a
        day of the window without data has no files.
      reshape: Of rows that a function of DataFrames made: which, of what files, how many rows
        were read, rejected and made. Empty where there was none.
      images: What is particular to a dataset of images: how pixels are stored, of what size, the
        classes, how many images and boxes of each class a split has, and what was found of formats
        and near duplicates. Empty for a table.
      files: Every file of the folder but the manifest itself, sorted by path, the shards too. Empty
        in a dataset of recordmill 0.1.0, which lists its shards alone.
      warnings: What may be wrong with the dataset as a whole, a sentence each, such as a split of
        few rows.
    """

    name: str
    created: str
    versions: Mapping[str, str]
    recipe: Mapping[str, Any]
    seed: int
    inputs: tuple[SourceFile, ...]
    splits: Mapping[str, Split]
    ledger: Mapping[str, Ledger]
    compression: str
    label: str | None
    transform_fn: Mapping[str, str]
    parity: Mapping[str, Any]
    classes: tuple[str, ...] = ()
    unseen: Mapping[str, Mapping[str, int | None]] = field(default_factory=dict)
    expansion: Mapping[str, Expansion] = field(default_factory=dict)
    buckets: Mapping[str, int] = field(default_factory=dict)
    format: int = 1
    pipeline_only: tuple[str, ...] = ()
    spans: tuple[Mapping[str, Any], ...] = ()
    reshape: Mapping[str, Any] = field(default_factory=dict)
    images: Mapping[str, Any] = field(default_factory=dict)
    files: tuple[StoredFile, ...] = ()
    warnings: tuple[str, ...] = ()

    def to_json(self) -> str:
        """The text of `manifest.json`: sorted by nothing, in the order of the fields."""
        return json.dumps(asdict(self), indent=2, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str, *, path: str) -> Manifest:
        """The manifest in the text of the file at `path`.

        Raises:
          DataError: The text is no manifest; the message names the path and what is missing.
        """
        try:
            data = json.loads(text)
            return _checked(
                cls,
                {
                    **data,
                    "inputs": tuple(_checked(SourceFile, file) for file in data["inputs"]),
                    "classes": tuple(map(str, data.get("classes", ()))),
                    "warnings": tuple(map(str, data.get("warnings", ()))),
                    "pipeline_only": tuple(map(str, data.get("pipeline_only", ()))),
                    "spans": tuple(map(dict, data.get("spans", ()))),
                    "splits": {
                        name: _checked(
                            Split,
                            {**split, "shards": tuple(_checked(Shard, s) for s in split["shards"])},
                        )
                        for name, split in data["splits"].items()
                    },
                    "ledger": {
                        name: _checked(Ledger, entry) for name, entry in data["ledger"].items()
                    },
                    "expansion": {
                        name: _checked(Expansion, entry)
                        for name, entry in data.get("expansion", {}).items()
                    },
                    "files": tuple(_checked(StoredFile, file) for file in data.get("files", ())),
                },
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise DataError(
                f"{path}: not a recordmill manifest ({error}). Prepare the dataset again."
            ) from error


_KINDS: dict[str, tuple[type, ...]] = {
    "int": (int,),
    "str": (str,),
    "str | None": (str, type(None)),
    "Mapping": (dict,),
    "tuple": (tuple,),
}


def _checked(kind: type[_Record], values: dict[str, Any]) -> _Record:
    """A record of these values; TypeError where one is not what the field's annotation says."""
    for one in fields(kind):  # type: ignore[arg-type]
        expected = _KINDS[str(one.type).partition("[")[0]]
        value = values.get(one.name)
        if one.name in values and (not isinstance(value, expected) or isinstance(value, bool)):
            raise TypeError(f"{one.name}: expected {one.type}, got {value!r}")
    names = {one.name for one in fields(kind)}  # type: ignore[arg-type]
    return kind(**{name: value for name, value in values.items() if name in names})


def tree_sha256(files: Iterable[tuple[str, bytes]]) -> str:
    """One digest of a folder: of (relative path, content) pairs, in the order of the paths.

    >>> tree_sha256([("b", b"2"), ("a", b"1")]) == tree_sha256([("a", b"1"), ("b", b"2")])
    True
    """
    digest = hashlib.sha256()
    for path, content in sorted(files):
        digest.update(f"{path}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()
