"""What is told of rows beside their records, of a dataset and of a profile alike."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from importlib import metadata
from typing import Any

from ...schemas.errors import DataError
from ...schemas.manifest import Ledger
from ...schemas.split_names import UNSPLIT
from ..config.recipe import Recipe
from ..profiles.cache import read_profiles
from ..runtime import filesystem as files
from ..selection.read_counts import ReadCounts
from ..sources import StatisticsAccumulator, source_for

__all__ = [
    "STATISTICS",
    "ledgers",
    "profiles_of",
    "unseen",
    "versions",
    "write_proto",
    "write_rejects",
    "write_schema",
    "write_statistics",
]

STATISTICS = "statistics"
"""The name of the fold whose accumulators are the profiles of the splits."""

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
    account: ReadCounts, repeats: Mapping[str, int], rows: Mapping[str, int], *, scanned: int
) -> dict[str, Ledger]:
    """The whole ledger of each split, checked.

    Args:
      account: Of all records, up to the shuffle.
      repeats: By split, the rows left out as repeats.
      rows: By split, the rows that were left.
      scanned: How many records the scanner counted.

    Raises:
      DataError: It does not add up.
    """
    if account.records != scanned:
        raise DataError(
            f"{scanned:,} records were scanned, but {account.records:,} were read. This is a bug "
            "in recordmill; nothing was published."
        )
    whole = {}
    for name in dict.fromkeys([*rows, *account.ledger]):
        later = Ledger(written=rows.get(name, 0), duplicates=repeats.get(name, 0))
        ledger = account.ledger.get(name, Ledger()) + later
        ledger.check(name)
        if name != UNSPLIT or ledger.read:
            whole[name] = ledger
    return whole


def profiles_of(
    folds: Iterable[tuple[str, str, Any]], folder: str, *, recipe: Recipe, splits: Sequence[str]
) -> dict[str, Any]:
    """The profile of each split; none where nobody profiled.

    Args:
      folds: (fold, split, accumulator).
      folder: Where the profiles are, as `write_profiles` writes them; "" for among the folds.
      recipe: What was run.
      splits: All splits.
    """
    fold = source_for(recipe).statistics
    if folder:
        return read_profiles(folder, fold, splits)
    if not recipe.statistics:
        return {}
    found = {split: profile for name, split, profile in folds if name == STATISTICS}
    return {split: found.get(split, fold.start()) for split in splits}


def unseen(
    fold: StatisticsAccumulator, profiles: Mapping[str, Any]
) -> dict[str, dict[str, int | None]]:
    """By split but train, by column, how many values train has not; see `Manifest.unseen`."""
    if "train" not in profiles:
        return {}
    return {
        split: fold.unseen(profile, profiles["train"])
        for split, profile in profiles.items()
        if split != "train"
    }


def versions() -> dict[str, str]:
    """The versions of recordmill and of the libraries under it."""
    return {library: metadata.version(library) for library in _LIBRARIES}


def write_schema(recipe: Recipe, folder: str) -> None:
    """Write `schema/schema.pbtxt`."""
    files.write_bytes(
        files.join(folder, "schema", "schema.pbtxt"), recipe.schema.to_pbtxt().encode()
    )


def write_statistics(profiles: Mapping[str, Any], fold: StatisticsAccumulator, folder: str) -> None:
    """Write `stats/<split>.pb` for each split."""
    for split, profile in profiles.items():
        proto = fold.to_proto({split: profile})
        write_proto(proto, files.join(folder, "stats", f"{split}.pb"))


def write_proto(proto: Any, path: str) -> None:
    """Write a proto, the same bytes for the same content."""
    files.write_bytes(path, proto.SerializeToString(deterministic=True))


def write_rejects(name: str, parts: Sequence[str], folder: str) -> None:
    """Write `rejects/<split>.jsonl`, in the order of the input, also where there are none.

    Args:
      name: The split's.
      parts: Folders of files of rejects, in order.
      folder: The dataset's.
    """
    found = (files.join(part, path) for part in parts for path in files.list_files(part))
    files.concatenate(files.join(folder, "rejects", f"{name}.jsonl"), found)
