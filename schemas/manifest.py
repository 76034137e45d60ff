"""`Manifest`: the content of `manifest.json`, which describes a prepared dataset.

It is written last, so a folder without it is no dataset. Reading it takes only the standard
library.
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

_TEXTS = ("classes", "pipeline_only", "warnings")
"""The fields that are tuples of strings."""

_Record = TypeVar("_Record")


@dataclass(frozen=True)
class SourceFile:
    """Input file of a run.

    Attributes:
      path: Path of the file, as the run received it.
      split: Split of its records, or None where their content decides.
      bytes: Size of the file as stored, compressed or not.
      sha256: Digest of the bytes as stored, in hex.
      records: Number of records in the file, counted by the scanner.
    """

    path: str
    split: str | None
    bytes: int
    sha256: str
    records: int


@dataclass(frozen=True)
class Shard:
    """TFRecord file of the dataset.

    Attributes:
      path: Path relative to the dataset's folder, with forward slashes.
      records: Number of examples in the file.
      bytes: Size of the file as stored.
      sha256: Digest of the bytes as stored, in hex.
    """

    path: str
    records: int
    bytes: int
    sha256: str


@dataclass(frozen=True)
class StoredFile:
    """Published file of a dataset or of a profile.

    Attributes:
      path: Path relative to the folder, with forward slashes.
      bytes: Size of the file as stored.
      sha256: Digest of the bytes as stored, in hex.
    """

    path: str
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Split:
    """Number of records of a split, and its shards, in canonical order."""

    records: int
    shards: tuple[Shard, ...]


@dataclass(frozen=True)
class Ledger:
    """Account of the records read: written, filtered, sampled out or rejected; in records."""

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
        """The sum of all outcomes, which `read` must equal."""
        dropped = self.filtered + self.duplicates + self.sampled_out
        return self.written + dropped + sum(self.rejected.values())

    def check(self, split: str) -> None:
        """Raise DataError with every term of the sum where `read` is not `accounted`."""
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
    """Numbers of images, tiles and augmented copies: from images to records.

    Attributes:
      written: Number of images.
      pieces: Number of tiles, or of images where images are not cut.
      left_out: Number of tiles that are not written: empty ones beyond the share of the recipe,
        and those that show only small parts of boxes.
      copies: Number of augmented copies.
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
        """The number of records that follows: pieces - left_out + copies."""
        return self.pieces - self.left_out + self.copies


@dataclass(frozen=True)
class Manifest:
    """Content of `manifest.json`.

    Attributes:
      name: Name of the recipe.
      created: Time of publication, ISO 8601 in UTC.
      versions: Package name to version: recordmill, tensorflow and the libraries under it.
      recipe: The resolved recipe, as JSON.
      seed: Seed of the canonical order, the content split and sampling.
      inputs: The files read.
      splits: Splits by name.
      ledger: Ledgers by split; where content decides the split, "unsplit" counts the records that
        were rejected before they had one.
      compression: "" or "GZIP", as `tf.data.TFRecordDataset` takes it.
      label: Name of the label among the transformed features, or None.
      classes: Names of the label's classes, in the order of the ids that `label_ids` gives; empty
        where the label has no domain.
      transform_fn: {"sha256": the digest of the graph's folder, see `tree_sha256`}.
      parity: Result of the parity check.
      unseen: By split except "train", by string column: number of rows whose value no row of
        train has; None where there were too many different values to tell.
      expansion: By split, for an image dataset: numbers of tiles and augmented copies.
      buckets: Number of ids of each int64 feature, the label included; 0 where it is a number, or
        where the graph does not tell.
      format: Version of the manifest and of the dataset; readers refuse another one.
      pipeline_only: Steps of preparation that a served request does not pass, in words.
      spans: The days that inputs with `{date}` resolved to: {"date", "pattern", "files"}, where a
        day of the window without data has no files.
      reshape: For rows made by a function of DataFrames: the function, its files, and the numbers
        of rows read, rejected and made. Empty otherwise.
      images: For an image dataset: encoding and size of the pixels, classes, numbers of images and
        boxes of each class by split, file formats and near duplicates. Empty for a table.
      files: Every file of the folder except the manifest, shards included, sorted by path. Empty
        in a dataset of recordmill 0.1.0, which lists its shards alone.
      warnings: Possible problems of the dataset, a sentence each, such as a split of few rows.
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
        """Return the text of `manifest.json`, in the order of the fields."""
        return json.dumps(asdict(self), indent=2, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str, *, path: str) -> Manifest:
        """Parse the text of a `manifest.json`.

        Args:
          text: The text of the file.
          path: The path of the file, for messages.

        Raises:
          DataError: The text is no manifest; the message names the path and the bad field.
        """
        try:
            data = json.loads(text)
            return _checked(
                cls,
                {
                    **data,
                    "inputs": tuple(_checked(SourceFile, file) for file in data["inputs"]),
                    **{name: tuple(map(str, data.get(name, ()))) for name in _TEXTS},
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
    """Make a dataclass of JSON values; raise TypeError where a value has another type.

    Keys without a field are dropped, so that manifests of later versions load.
    """
    by_name = {attribute.name: attribute for attribute in fields(kind)}  # type: ignore[arg-type]
    values = {name: value for name, value in values.items() if name in by_name}
    for name, value in values.items():
        annotation = str(by_name[name].type)
        expected = _KINDS[annotation.partition("[")[0]]
        # bool is an int in Python, but true is no count in JSON.
        if not isinstance(value, expected) or isinstance(value, bool):
            raise TypeError(f"{name}: expected {annotation}, got {value!r}")
    return kind(**values)


def tree_sha256(files: Iterable[tuple[str, bytes]]) -> str:
    """Return the digest of a folder: of (relative path, content) pairs, in the order of paths.

    >>> tree_sha256([("b", b"2"), ("a", b"1")]) == tree_sha256([("a", b"1"), ("b", b"2")])
    True
    """
    digest = hashlib.sha256()
    for path, content in sorted(files):
        digest.update(f"{path}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()
