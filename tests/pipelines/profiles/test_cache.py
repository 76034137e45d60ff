"""Statistics of spans: read once, found again by their content, and the same either way."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pytest
from helpers.small_images import PETS
from helpers.small_recipe import HEADER, SMALL, rows

from recordmill.pipelines import CsvFormat, Input, Recipe, Splitting
from recordmill.pipelines.profiles import cache as module
from recordmill.pipelines.profiles.cache import Entry, StatisticsCache, read_profiles
from recordmill.pipelines.profiles.profiled import PROFILE, Profiled
from recordmill.pipelines.profiling import profile, write_cached_profiles
from recordmill.pipelines.runtime.elements import InputFile
from recordmill.schemas import DataError, RecipeError
from recordmill.schemas.manifest import Ledger
from recordmill.schemas.statistics.fold import StatisticsFold

GOOD = rows(300)
DAYS = {"2026-11-19": GOOD[:100], "2026-11-20": [*GOOD[100:200], "x,NA,Rome,no\n"]}
TODAY = {"2026-11-21": GOOD[200:]}


def write(folder: Path, days: dict[str, list[str]]) -> None:
    for day, lines in days.items():
        (folder / day).mkdir(parents=True, exist_ok=True)
        (folder / day / "rows.csv").write_text(HEADER + "".join(lines))


def files_of(folder: Path) -> dict[str, bytes]:
    """All files of a profile but those that say when it was made."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name not in (PROFILE, "report.html")
    }


def inputs(folder: Path, **options: Any) -> list[Input]:
    return [Input(None, f"{folder}/{{date}}/*.csv", **options)]


def run(folder: Path, output: Path, **options: Any) -> Profiled:
    return profile(SMALL, inputs=inputs(folder), output=str(output), **options)


def told(profiled: Profiled) -> list[tuple[str, bool]]:
    return [(span.date, span.cached) for span in profiled.spans]


@pytest.mark.slow
def test_a_span_is_read_once_and_the_profile_is_the_same(tmp_path: Path) -> None:
    data, cache = tmp_path / "data", str(tmp_path / "cache")
    write(data, DAYS)
    run(data, tmp_path / "first", statistics_cache=cache)
    write(data, TODAY)
    second = run(data, tmp_path / "second", statistics_cache=cache)
    assert told(second) == [("2026-11-19", True), ("2026-11-20", True), ("2026-11-21", False)]
    third = run(data, tmp_path / "third", statistics_cache=cache)
    assert told(third) == [(day, True) for day in (*DAYS, *TODAY)]
    fresh = run(data, tmp_path / "fresh", statistics_cache=str(tmp_path / "other"))
    assert told(fresh) == [(day, False) for day in (*DAYS, *TODAY)]
    for folder in ("third", "fresh"):
        assert files_of(tmp_path / folder) == files_of(tmp_path / "second")
    timeless: dict[str, Any] = {"created": "", "spans": (), "files": ()}
    assert replace(third, **timeless) == replace(fresh, **timeless)
    plain = run(data, tmp_path / "plain")
    # All of this is exact but the association, so the bytes are nearly those without a cache.
    assert (plain.rows, plain.ledger, plain.inputs) == (third.rows, third.ledger, third.inputs)
    assert plain.ledger["unsplit"].rejected == {"not_an_integer": 1}
    assert json.loads((tmp_path / "third/rejects/unsplit.jsonl").read_text())["line"] == 102


def test_the_profiles_for_a_run_are_those_of_the_profile(tmp_path: Path) -> None:
    data, cache = tmp_path / "data", str(tmp_path / "cache")
    write(data, DAYS)
    write_cached_profiles(
        SMALL, inputs=inputs(data), statistics_cache=cache, folder=str(tmp_path / "profiles")
    )
    fold = StatisticsFold(SMALL.schema)  # type: ignore[arg-type]
    found = read_profiles(str(tmp_path / "profiles"), fold, ["train", "eval"])
    profiled = run(data, tmp_path / "out", statistics_cache=cache)
    assert told(profiled) == [(day, True) for day in DAYS]
    assert {split: one.rows for split, one in found.items()} == profiled.rows
    proto = fold.to_proto({"eval": found["eval"]}).SerializeToString(deterministic=True)
    assert proto == (tmp_path / "out/stats/eval.pb").read_bytes()


def test_a_missing_day_and_files_without_days(tmp_path: Path) -> None:
    data, cache = tmp_path / "data", str(tmp_path / "cache")
    write(data, {"2026-11-18": GOOD[:10], "2026-11-21": GOOD[10:30]})
    (tmp_path / "more.csv").write_text(HEADER + "".join(GOOD[30:40]))
    given = [*inputs(data, last=3), Input(None, f"{tmp_path}/*.csv")]
    profiled = profile(SMALL, inputs=given, output=str(tmp_path / "out"), statistics_cache=cache)
    assert [(one.date, len(one.files), one.cached) for one in profiled.spans] == [
        ("2026-11-19", 0, False),
        ("2026-11-20", 0, False),
        ("2026-11-21", 1, False),
        ("", 1, False),
    ]
    assert sum(profiled.rows.values()) == 30


@pytest.fixture
def span(tmp_path: Path) -> list[InputFile]:
    (tmp_path / "a.csv").write_text(HEADER + "".join(GOOD[:5]))
    return [InputFile(str(tmp_path / "a.csv"), "train", 0)]


def key(recipe: Recipe, span: list[InputFile]) -> str:
    return StatisticsCache("cache", recipe).key(span)


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 1},
        {"sampling": 0.5},
        {"csv": CsvFormat(header=True, comment="#")},
        {"split": Splitting({"train": 0.5, "eval": 0.5})},
        {"filters": (pc.field("age") > 3,)},
    ],
)
def test_the_key_depends_on_what_decides_the_rows(
    change: dict[str, Any], span: list[InputFile]
) -> None:
    assert key(replace(SMALL, **change), span) != key(SMALL, span)


def test_the_key_depends_on_nothing_else(span: list[InputFile]) -> None:
    other = replace(
        SMALL, name="other", target_shard_mb=1, max_reject_ratio=1.0, shards={"train": 2}
    )
    assert key(other, span) == key(SMALL, span)


def test_the_key_sees_all_of_a_long_filter(span: list[InputFile]) -> None:
    cities = [f"c{i}" for i in range(100)]
    one, other = (
        replace(SMALL, filters=(pc.field("city").isin([*cities[:50], name, *cities[50:]]),))
        for name in ("x", "y")
    )
    assert str(one.filters[0]) == str(other.filters[0])
    assert key(one, span) != key(other, span)


def test_content_decides_and_not_the_time(span: list[InputFile]) -> None:
    path, before = Path(span[0].path), key(SMALL, span)
    stat, text = path.stat(), path.read_text()
    path.write_text(text.replace("no", "yo", 1))
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert key(SMALL, span) != before
    path.write_text(text)
    assert key(SMALL, span) == before
    assert key(SMALL, [replace(span[0], split="eval")]) != before


def entry() -> Entry:
    profiles = {"train": StatisticsFold(SMALL.schema).start()}  # type: ignore[arg-type]
    return Entry((), {"train": Ledger()}, {"train": 0}, profiles, {"train": ()})


KEY = "ab" * 32


def test_an_entry_comes_back(tmp_path: Path) -> None:
    cache = StatisticsCache(str(tmp_path / "cache"), SMALL)
    assert cache.load(KEY) is None
    for _ in range(2):
        cache.save(KEY, entry())
    found = cache.load(KEY)
    assert found and (found.ledger, found.repeats) == ({"train": Ledger()}, {"train": 0})
    assert [path.name for path in (tmp_path / "cache" / "ab").iterdir()] == [KEY]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("entry.json", "{", "entry.json: is damaged (Invalid JSON"),
        ("entry.json", '{"sources": 3}', "entry.json: is damaged (Input should be"),
        ("train.profile", "\x80\x04.", "expected the profile of a span, of version 2"),
    ],
)
def test_a_damaged_entry_is_read_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, name: str, content: str, said: str
) -> None:
    cache = StatisticsCache(str(tmp_path), SMALL)
    cache.save(KEY, entry())
    (tmp_path / "ab" / KEY / name).write_text(content)
    assert cache.load(KEY) is None
    assert "the span is read again: " in caplog.text and said in caplog.text
    cache.save(KEY, entry())
    assert cache.load(KEY) is not None


def test_an_entry_whose_numbers_differ_is_read_again(tmp_path: Path) -> None:
    cache = StatisticsCache(str(tmp_path), SMALL)
    cache.save(KEY, replace(entry(), ledger={"train": Ledger(read=1, written=1)}))
    assert cache.load(KEY) is None


def test_a_save_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise DataError("the disk is full")

    cache = StatisticsCache(str(tmp_path / "cache"), SMALL)
    monkeypatch.setattr(module, "write_profiles", fail)
    with pytest.raises(DataError):
        cache.save(KEY, entry())
    assert list((tmp_path / "cache" / "ab").iterdir()) == []
    shutil.rmtree(tmp_path / "cache")
    (tmp_path / "cache").write_text("a file")
    with pytest.raises(RecipeError, match=r"cannot be written .*Choose another --statistics-cache"):
        cache.save(KEY, entry())


@pytest.mark.parametrize(
    ("recipe", "folder", "said"),
    [
        (replace(SMALL, distinct=True), "c", "with distinct: true a row can repeat one of another"),
        (PETS, "c", "it is for tables, not for images"),
        (SMALL, "gs://b/c", "gs://b/c is remote; give a local folder"),
    ],
)
def test_where_a_cache_cannot_be(recipe: Recipe, folder: str, said: str) -> None:
    with pytest.raises(RecipeError) as caught:
        StatisticsCache(folder, recipe)
    assert said in str(caught.value)
