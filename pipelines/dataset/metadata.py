"""Metadata files shared by datasets and profiles: ledger, schema, statistics, rejects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import metadata
from typing import Any

from ...schemas.errors import DataError
from ...schemas.images import ImageSchema
from ...schemas.manifest import Ledger
from ...schemas.schema import Schema
from ...schemas.split_names import UNSPLIT
from ..runtime import filesystem as files
from ..runtime.elements import StatisticsFold
from ..selection.read_counts import ReadCounts

__all__ = [
    "STATISTICS",
    "ledgers",
    "unseen",
    "versions",
    "write_proto",
    "write_rejects",
    "write_schema",
    "write_statistics",
]

STATISTICS = "statistics"
"""Name of the fold whose accumulators are the profiles of the splits."""

_LIBRARIES = (
    "recordmill",
    "apache-beam",
    "numpy",
    "pyarrow",
    "tensorflow",
    "tensorflow-metadata",
    "tensorflow-transform",
    "tfx-bsl",
)


def ledgers(
    counts: ReadCounts, repeats: Mapping[str, int], rows: Mapping[str, int], *, scanned: int
) -> dict[str, Ledger]:
    """Return the complete ledger of each split, and check that it adds up.

    Args:
      counts: Counts of all records up to the shuffle.
      repeats: For each split, the number of rows left out as repeats.
      rows: For each split, the number of rows after that.
      scanned: Number of records that the scanner counted.

    Raises:
      DataError: A sum differs.
    """
    if counts.records != scanned:
        raise DataError(
            f"{scanned:,} records were scanned, but {counts.records:,} were read. This is a bug "
            "in recordmill; nothing was published."
        )
    complete = {}
    for name in dict.fromkeys([*rows, *counts.ledger]):
        later = Ledger(written=rows.get(name, 0), duplicates=repeats.get(name, 0))
        ledger = counts.ledger.get(name, Ledger()) + later
        ledger.check(name)
        if name != UNSPLIT or ledger.read:
            complete[name] = ledger
    return complete


def unseen(fold: StatisticsFold, profiles: Mapping[str, Any]) -> dict[str, dict[str, int | None]]:
    """Return the rows of each split but train with values not in train: `Manifest.unseen`."""
    if "train" not in profiles:
        return {}
    return {
        split: fold.unseen(profile, profiles["train"])
        for split, profile in profiles.items()
        if split != "train"
    }


def versions() -> dict[str, str]:
    """Return the versions of recordmill and of the libraries under it."""
    return {library: metadata.version(library) for library in _LIBRARIES}


def write_schema(schema: Schema | ImageSchema, folder: str) -> None:
    """Write `schema/schema.pbtxt`."""
    path = files.join(folder, "schema", "schema.pbtxt")
    files.write_bytes(path, schema.to_pbtxt().encode())


def write_statistics(profiles: Mapping[str, Any], fold: StatisticsFold, folder: str) -> None:
    """Write `stats/<split>.pb` for each split."""
    for split, profile in profiles.items():
        proto = fold.to_proto({split: profile})
        write_proto(proto, files.join(folder, "stats", f"{split}.pb"))


def write_proto(proto: Any, path: str) -> None:
    """Write a proto, the same bytes for the same content."""
    files.write_bytes(path, proto.SerializeToString(deterministic=True))


def write_rejects(name: str, folders: Sequence[str], output: str) -> None:
    """Write `rejects/<split>.jsonl`, in the order of the input; an empty file for no rejects.

    Args:
      name: Name of the split.
      folders: Folders of files of rejects, in order.
      output: Folder of the dataset.
    """
    paths = (files.join(folder, path) for folder in folders for path in files.list_files(folder))
    files.concatenate(files.join(output, "rejects", f"{name}.jsonl"), paths)
