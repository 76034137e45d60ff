from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
from helpers.small_recipe import SCHEMA

from recordmill.pipelines.dataset.metadata import STATISTICS
from recordmill.pipelines.profiles.cache import write_profiles
from recordmill.pipelines.profiles.split_profiles import split_profiles
from recordmill.schemas.statistics.fold import StatisticsFold

FOLD = StatisticsFold(SCHEMA)


def profile(rows: int) -> Any:
    fields = SCHEMA.arrow_schema()
    columns: tuple[list[Any], ...] = ([20] * rows, [1.5] * rows, ["Rome"] * rows, ["no"] * rows)
    arrays = [pa.array(c, field.type) for c, field in zip(columns, fields, strict=True)]
    return FOLD.add(FOLD.start(), pa.RecordBatch.from_arrays(arrays, schema=fields))


def test_a_split_without_rows_has_an_empty_profile() -> None:
    folds = [("other", "train", 7), (STATISTICS, "train", profile(2))]
    profiles = split_profiles(folds, FOLD, splits=("train", "eval"))
    assert {split: profile.rows for split, profile in profiles.items()} == {"train": 2, "eval": 0}


def test_profiles_of_a_folder(tmp_path: Path) -> None:
    write_profiles(str(tmp_path), {"train": profile(3), "eval": profile(1)})
    folds = [(STATISTICS, "train", profile(9))]
    profiles = split_profiles(folds, FOLD, splits=("train", "eval"), folder=str(tmp_path))
    assert {split: profile.rows for split, profile in profiles.items()} == {"train": 3, "eval": 1}
