"""Drafts of profiles from what was found, without a pipeline; `test_profile` runs one."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from helpers.small_recipe import SCHEMA, SMALL

from recordmill.pipelines import Input
from recordmill.pipelines.profiles.cache import StatisticsCache
from recordmill.pipelines.profiles.draft import (
    UnitFindings,
    draft_profile,
    drafted_sources,
    publish_profile,
    read_draft,
)
from recordmill.pipelines.profiles.profiled import PROFILE, Profiled, ProfiledSpan, stage_profile
from recordmill.pipelines.profiles.spans import Unit
from recordmill.pipelines.runtime.publish import Staging
from recordmill.pipelines.selection.read_counts import ReadCounts
from recordmill.schemas import DataError
from recordmill.schemas.manifest import Ledger, SourceFile
from recordmill.schemas.statistics.fold import StatisticsFold

FOLD = StatisticsFold(SCHEMA)
SPLITS = ("train", "eval")


def profile(rows: int) -> Any:
    fields = SCHEMA.arrow_schema()
    columns: tuple[list[Any], ...] = ([20] * rows, [1.5] * rows, ["Rome"] * rows, ["no"] * rows)
    arrays = [pa.array(c, field.type) for c, field in zip(columns, fields, strict=True)]
    return FOLD.add(FOLD.start(), pa.RecordBatch.from_arrays(arrays, schema=fields))


def unit(day: str, **fields: Any) -> Unit:
    return Unit((Input(None, f"{day}.csv"),), (ProfiledSpan(day, "{date}.csv", ()),), **fields)


def findings(index: int, day: str, *, rows: int, rejected: int = 0) -> UnitFindings:
    """Return the findings of a unit whose good rows are all of train, one of them twice."""
    records = rows + rejected + 1
    rejects = {"nan": rejected} if rejected else {}
    return UnitFindings(
        index,
        sources=(SourceFile(f"{day}.csv", None, 10, "ab" * 32, records),),
        read_counts=ReadCounts({"train": Ledger(read=records, rejected=rejects)}),
        repeats={"train": 2},
        left_out={"train": 1},
        profiles={"train": profile(rows)},
    )


@pytest.fixture
def staging(tmp_path: Path) -> Iterator[Staging]:
    with stage_profile(str(tmp_path / "out"), overwrite=False) as staging:
        yield staging


def drafted(staging: Staging, *days: str, cache: StatisticsCache | None = None) -> Staging:
    found = [findings(i, day, rows=3, rejected=i) for i, day in enumerate(days)]
    return draft(staging, [unit(day) for day in days], found, cache=cache)


def draft(
    staging: Staging,
    units: Sequence[Unit],
    found: Sequence[UnitFindings] = (),
    cache: StatisticsCache | None = None,
) -> Staging:
    return draft_profile(
        staging, recipe=SMALL, fold=FOLD, splits=SPLITS, units=units, cache=cache, findings=found
    )


def test_units_are_merged_and_told(staging: Staging) -> None:
    drafted(staging, "2026-01-01", "2026-01-02")
    text = (Path(staging.scratch) / PROFILE).read_bytes()
    profiled = Profiled.from_json(text, path=PROFILE)
    assert profiled.rows == {"train": 6, "eval": 0}
    assert profiled.ledger == {
        "train": Ledger(read=9, written=6, duplicates=2, rejected={"nan": 1}),
        "eval": Ledger(),
    }
    assert profiled.repeats == {"train": 4, "eval": 0}
    assert (profiled.name, profiled.label, profiled.images) == ("small", "label", {})
    assert [span.date for span in profiled.spans] == ["2026-01-01", "2026-01-02"]
    assert [source.path for source in drafted_sources(staging)] == [
        "2026-01-01.csv",
        "2026-01-02.csv",
    ]
    assert sorted(path.name for path in Path(staging.folder, "stats").iterdir()) == [
        "eval.pb",
        "train.pb",
    ]


def test_rejects_of_the_units_are_joined(staging: Staging) -> None:
    for place in range(2):
        path = Path(staging.scratch, f"unit-{place}", "rejects", "train", "0.jsonl")
        path.parent.mkdir(parents=True)
        path.write_text(f'{{"line": {place}}}\n')
    drafted(staging, "2026-01-01", "2026-01-02")
    text = Path(staging.folder, "rejects", "train.jsonl").read_text()
    assert [json.loads(line)["line"] for line in text.splitlines()] == [0, 1]
    assert Path(staging.folder, "rejects", "eval.jsonl").read_text() == ""


def test_rows_that_got_lost_fail_the_draft(staging: Staging) -> None:
    lost = replace(findings(0, "d", rows=3), profiles={})
    with pytest.raises(DataError, match="train"):
        draft(staging, [unit("d")], [lost])


def test_a_cached_unit_that_is_gone(staging: Staging, tmp_path: Path) -> None:
    cache = StatisticsCache(str(tmp_path / "cache"), SMALL)
    units = [unit("2026-01-01", key="ab" * 32, cached=True)]
    with pytest.raises(DataError) as error:
        draft(staging, units, cache=cache)
    assert str(error.value) == (
        "{date}.csv of 2026-01-01: its statistics have just gone from the cache. Run again."
    )


def test_a_day_that_is_missing_adds_nothing(staging: Staging, tmp_path: Path) -> None:
    cache = StatisticsCache(str(tmp_path / "cache"), SMALL)
    draft(staging, [unit("2026-01-01", cached=True)], cache=cache)
    assert read_draft(staging, FOLD, SPLITS)["train"].rows == 0


@pytest.mark.parametrize("facets", [False, True])
def test_publishing(facets: bool, staging: Staging) -> None:
    drafted(staging, "2026-01-01")
    profiled = publish_profile(staging, SMALL, facets=facets)
    names = {
        str(path.relative_to(staging.output))
        for path in Path(staging.output).rglob("*")
        if path.is_file()
    }
    assert names == {
        *(PROFILE, "report.html", "schema/schema.pbtxt", "stats/train.pb", "stats/eval.pb"),
        *("rejects/train.jsonl", "rejects/eval.jsonl"),
        *(("facets.pb",) if facets else ()),
    }
    assert {file.path for file in profiled.files} == names - {PROFILE}
    if facets:
        stats = Path(staging.output, "stats")
        both = (stats / "train.pb").read_bytes() + (stats / "eval.pb").read_bytes()
        assert Path(staging.output, "facets.pb").read_bytes() == both
