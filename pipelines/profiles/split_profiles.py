"""`split_profiles`: the profile of each split, from the folds of a run or from a folder."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from ..dataset.metadata import STATISTICS
from ..runtime.elements import StatisticsFold
from .cache import read_profiles

__all__ = ["split_profiles"]


def split_profiles(
    folds: Iterable[tuple[str, str, Any]],
    fold: StatisticsFold,
    *,
    splits: Sequence[str],
    folder: str = "",
) -> dict[str, Any]:
    """Return the profile of each split; that of no rows where a split has no bucket.

    Args:
      folds: (fold, split, accumulator).
      fold: Fold whose accumulators are the profiles.
      splits: All splits.
      folder: Folder with the profiles, as `write_profiles` writes them; "" to take them from
        `folds`.
    """
    if folder:
        return dict(read_profiles(folder, fold, splits))
    profiles = {split: profile for name, split, profile in folds if name == STATISTICS}
    return {split: profiles.get(split, fold.start()) for split in splits}
