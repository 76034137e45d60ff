from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from helpers.small_recipe import SCHEMA
from tensorflow_metadata.proto.v0.statistics_pb2 import DatasetFeatureStatisticsList

from recordmill.pipelines.dataset.metadata import (
    ledgers,
    unseen,
    versions,
    write_rejects,
    write_schema,
    write_statistics,
)
from recordmill.pipelines.selection.read_counts import ReadCounts
from recordmill.schemas import DataError, Schema
from recordmill.schemas.manifest import Ledger
from recordmill.schemas.statistics.fold import Profile, StatisticsFold

FOLD = StatisticsFold(SCHEMA)


def profile(*cities: str) -> Profile:
    fields = SCHEMA.arrow_schema()
    columns: tuple[list[Any], ...] = (
        [20] * len(cities),
        [1.5] * len(cities),
        list(cities),
        ["no"] * len(cities),
    )
    arrays = [pa.array(c, field.type) for c, field in zip(columns, fields, strict=True)]
    return FOLD.add(FOLD.start(), pa.RecordBatch.from_arrays(arrays, schema=fields))


class TestLedgers:
    READ = ReadCounts({"train": Ledger(read=5, rejected={"nan": 1}), "eval": Ledger(read=1)})

    def test_what_was_read_is_written_or_told(self) -> None:
        assert ledgers(self.READ, {"train": 1}, {"train": 3, "eval": 1}, scanned=6) == {
            "train": Ledger(read=5, written=3, duplicates=1, rejected={"nan": 1}),
            "eval": Ledger(read=1, written=1),
        }

    def test_records_that_got_lost(self) -> None:
        with pytest.raises(DataError) as error:
            ledgers(self.READ, {}, {"train": 4, "eval": 1}, scanned=7000)
        assert str(error.value) == (
            "7,000 records were scanned, but 6 were read. This is a bug in recordmill; nothing "
            "was published."
        )

    def test_rows_that_got_lost(self) -> None:
        with pytest.raises(DataError, match="eval"):
            ledgers(self.READ, {"train": 1}, {"train": 3}, scanned=6)


def test_values_that_train_has_not() -> None:
    profiles = {"train": profile("Rome", "Oslo"), "eval": profile("Rome", "Lima", "Lima")}
    assert unseen(FOLD, profiles)["eval"]["city"] == 2
    assert list(unseen(FOLD, profiles)) == ["eval"]
    assert unseen(FOLD, {"a": profile(), "b": profile()}) == {}


def test_versions_of_all_libraries() -> None:
    assert {"recordmill", "tensorflow", "apache-beam"} <= versions().keys()
    assert all(versions().values())


def test_the_schema_comes_back(tmp_path: Path) -> None:
    write_schema(SCHEMA, str(tmp_path))
    text = (tmp_path / "schema" / "schema.pbtxt").read_text()
    assert Schema.from_pbtxt(text) == SCHEMA


def test_statistics_of_each_split(tmp_path: Path) -> None:
    write_statistics({"train": profile("Rome"), "eval": profile()}, FOLD, str(tmp_path))
    for split, rows in (("train", 1), ("eval", 0)):
        data = (tmp_path / "stats" / f"{split}.pb").read_bytes()
        (dataset,) = DatasetFeatureStatisticsList.FromString(data).datasets
        assert (dataset.name, dataset.num_examples) == (split, rows)


def test_rejects_are_joined_in_the_order_of_the_input(tmp_path: Path) -> None:
    for part, files in {"a": {"2": "a2\n", "1": "a1\n"}, "b": {"1": "b1\n"}}.items():
        (tmp_path / part).mkdir()
        for name, text in files.items():
            (tmp_path / part / name).write_text(text)
    parts = [str(tmp_path / part) for part in ("a", "b", "absent")]
    write_rejects("train", parts, str(tmp_path))
    write_rejects("eval", [], str(tmp_path))
    assert (tmp_path / "rejects" / "train.jsonl").read_text() == "a1\na2\nb1\n"
    assert (tmp_path / "rejects" / "eval.jsonl").read_text() == ""
