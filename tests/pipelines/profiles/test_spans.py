from __future__ import annotations

from pathlib import Path

import pytest
from helpers.small_recipe import HEADER, SMALL, rows

from recordmill.pipelines import Input
from recordmill.pipelines.profiles.cache import Entry, StatisticsCache
from recordmill.pipelines.profiles.profiled import ProfiledSpan
from recordmill.pipelines.profiles.spans import Unit, dated, units_of
from recordmill.schemas import DataError
from recordmill.schemas.statistics.fold import StatisticsFold


@pytest.fixture
def data(tmp_path: Path) -> Path:
    for day in ("2026-01-01", "2026-01-03"):
        path = tmp_path / "data" / day / "rows.csv"
        path.parent.mkdir(parents=True)
        path.write_text(HEADER + "".join(rows(2, seed=int(day[-1]))))
    return tmp_path / "data"


@pytest.fixture
def cache(tmp_path: Path) -> StatisticsCache:
    return StatisticsCache(str(tmp_path / "cache"), SMALL)


def path_of(data: Path, day: str) -> str:
    return f"{data}/{day}/rows.csv"


def test_a_unit_a_day(data: Path, cache: StatisticsCache) -> None:
    pattern = f"{data}/{{date}}/*.csv"
    units = units_of(dated([Input("train", pattern, last=3)]), cache)
    paths = [(path_of(data, day),) for day in ("2026-01-01", "2026-01-03")]
    assert [unit.spans for unit in units] == [
        (ProfiledSpan("2026-01-01", pattern, paths[0]),),
        (ProfiledSpan("2026-01-02", pattern, ()),),
        (ProfiledSpan("2026-01-03", pattern, paths[1]),),
    ]
    assert units[1] == Unit((), units[1].spans, cached=True)
    assert units[0].inputs == (Input("train", paths[0][0]),)
    assert len({unit.key for unit in units}) == 3


def test_an_input_without_days_is_one_unit(data: Path, cache: StatisticsCache) -> None:
    (unit,) = units_of(dated([Input(None, f"{data}/*/rows.csv")]), cache)
    (span,) = unit.spans
    assert (span.date, span.files) == (
        "",
        tuple(path_of(data, day) for day in ("2026-01-01", "2026-01-03")),
    )


def test_a_file_that_two_inputs_name_is_read_with_the_first(
    data: Path, cache: StatisticsCache
) -> None:
    inputs = [Input(None, path_of(data, "2026-01-03")), Input(None, f"{data}/{{date}}/*.csv")]
    first, *days = units_of(dated(inputs), cache)
    assert first.spans[0].files == (path_of(data, "2026-01-03"),)
    assert [unit.spans[0].files for unit in days] == [(path_of(data, "2026-01-01"),), ()]


def test_what_is_in_the_cache_is_known(data: Path, cache: StatisticsCache) -> None:
    inputs = dated([Input(None, path_of(data, "2026-01-01"))])
    (unit,) = units_of(inputs, cache)
    assert not unit.cached
    fold = StatisticsFold(SMALL.schema)  # type: ignore[arg-type]
    cache.save(unit.key, Entry((), {}, {}, {"train": fold.start()}))
    (again,) = units_of(inputs, cache)
    assert (again.cached, again.spans[0].cached, again.key) == (True, True, unit.key)
    Path(path_of(data, "2026-01-01")).write_text(HEADER)
    (changed,) = units_of(inputs, cache)
    assert not changed.cached and changed.key != unit.key


def test_no_file(cache: StatisticsCache, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no file matches"):
        units_of(dated([Input(None, f"{tmp_path}/*.csv")]), cache)
