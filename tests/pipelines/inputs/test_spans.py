"""Spans: the days that exist, those in a window, and the warnings about others."""

from __future__ import annotations

import calendar
import logging
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recordmill.pipelines.config.input import Input
from recordmill.pipelines.inputs.spans import Span, resolve, window
from recordmill.pipelines.readers.csv_stages import match
from recordmill.schemas.errors import DataError, RecipeError

DAYS = st.dates(date(1999, 12, 1), date(2032, 3, 31))


def touch(folder: Path, *paths: str) -> None:
    for path in paths:
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("a\n1\n")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


class TestWindow:
    @given(st.sets(DAYS, min_size=1, max_size=20), st.integers(1, 400))
    def test_so_many_days_in_a_row_up_to_the_newest(self, existing: set[date], last: int) -> None:
        days = window(existing, last)
        assert len(days) == last
        assert days[-1] == max(existing)
        assert all(b - a == timedelta(1) for a, b in pairwise(days))

    @given(st.sets(DAYS, min_size=1, max_size=20))
    def test_all_days_found(self, existing: set[date]) -> None:
        assert window(existing, None) == tuple(sorted(existing))

    @given(st.integers(1600, 2400))
    def test_the_first_of_march_comes_after_the_last_of_february(self, year: int) -> None:
        last_of_february = 29 if calendar.isleap(year) else 28
        assert window([date(year, 3, 1)], 2)[0] == date(year, 2, last_of_february)

    def test_the_calendar_begins_somewhere(self) -> None:
        assert window([date(1, 1, 2)], 10**9) == (date(1, 1, 1), date(1, 1, 2))


class TestResolve:
    def test_a_nightly_run_moves_on_by_a_day(self, folder: Path) -> None:
        """Resolve the same inputs with seven folders, then with an eighth."""
        inputs = [Input("train", "data/{date}/*.csv", last=7)]
        touch(folder, *(f"data/2026-02-{day}/{name}.csv" for day in range(22, 29) for name in "ab"))
        resolved, spans = resolve(inputs)
        assert [span.date for span in spans] == [f"2026-02-{day}" for day in range(22, 29)]
        assert resolved[0] == Input("train", "data/2026-02-22/*.csv")
        assert spans[0] == Span(
            "2026-02-22",
            "data/{date}/*.csv",
            ("data/2026-02-22/a.csv", "data/2026-02-22/b.csv"),
        )
        touch(folder, "data/2026-03-01/a.csv")
        resolved, spans = resolve(inputs)
        assert [span.date for span in spans] == [
            *(f"2026-02-{day}" for day in range(23, 29)),
            "2026-03-01",
        ]
        assert resolved[-1] == Input("train", "data/2026-03-01/*.csv")
        assert [file.path for file in match(resolved)] == [f for s in spans for f in s.files]

    @pytest.mark.parametrize(
        ("pattern", "paths"),
        [
            ("{date}.csv", ["2024-02-28.csv", "2024-02-29.csv"]),
            ("x/day-{date}-*.csv", ["x/day-20240228-1.csv", "x/day-20240229-1.csv"]),
            ("x/*{date}*", ["x/a20240228b", "x/2024-02-29"]),
            ("{date}/x_{date}.csv", ["2024-02-28/x_20240228.csv", "2024-02-29/x_2024-02-29.csv"]),
            ("x/{YYYY}/{MM}/{DD}/*.csv", ["x/2024/02/28/a.csv", "x/2024/02/29/a.csv"]),
            ("{YYYY}-{MM}-{DD}.csv", ["2024-02-28.csv", "2024-02-29.csv"]),
            ("y={YYYY}/{MM}{DD}/{date}.x", ["y=2024/0228/20240228.x", "y=2024/0229/20240229.x"]),
            ("**/{date}/**", ["a/2024-02-28/b/c", "a/2024-02-29/d"]),
            ("./{date}.csv", ["./2024-02-28.csv", "./2024-02-29.csv"]),
        ],
    )
    def test_positions_of_a_day(self, folder: Path, pattern: str, paths: list[str]) -> None:
        touch(folder, *paths)
        for path_pattern in (pattern, f"{folder}/{pattern.removeprefix('./')}"):
            resolved, spans = resolve([Input(None, path_pattern, last=2)])
            resolved_paths = [path for span in spans for path in span.files]
            assert [Path(path).resolve() for path in resolved_paths] == [
                (folder / path).resolve() for path in paths
            ]
            assert [span.date for span in spans] == ["2024-02-28", "2024-02-29"]
            assert [file.path for file in match(resolved)] == sorted(resolved_paths)

    def test_a_day_written_in_both_ways_is_one_day(self, folder: Path) -> None:
        touch(folder, "20240301.csv", "2024-03-01.csv")
        resolved, spans = resolve([Input(None, "{date}.csv")])
        assert spans == (Span("2024-03-01", "{date}.csv", ("2024-03-01.csv", "20240301.csv")),)
        assert {entry.pattern for entry in resolved} == {"20240301.csv", "2024-03-01.csv"}

    def test_missing_days_are_spans_without_files_and_logged(
        self, folder: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        touch(folder, "2024-02-20.csv", "2024-02-27.csv", "2024-03-01.csv")
        with caplog.at_level(logging.WARNING):
            resolved, spans = resolve([Input("eval", "{date}.csv", last=4)])
        assert [(span.date, len(span.files)) for span in spans] == [
            ("2024-02-27", 1),
            ("2024-02-28", 0),
            ("2024-02-29", 0),
            ("2024-03-01", 1),
        ]
        assert [entry.pattern for entry in resolved] == ["2024-02-27.csv", "2024-03-01.csv"]
        assert caplog.messages == ['"{date}.csv": missing in the window: 2024-02-28, 2024-02-29']

    def test_paths_without_a_date_are_skipped_and_logged(
        self, folder: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        touch(folder, "2024-02-28/a", "2024-02-30/a", "latest/a", "2023-2-1/a", "20230229/a")
        with caplog.at_level(logging.WARNING):
            resolved, _ = resolve([Input(None, "{date}/*")])
        assert resolved == (Input(None, "2024-02-28/*"),)
        assert caplog.messages == [
            '"{date}/*": paths without a date were skipped: '
            "2023-2-1/a, 20230229/a, 2024-02-30/a, latest/a"
        ]

    def test_two_days_in_one_path_are_none(self, folder: Path) -> None:
        touch(folder, "2024-02-28/2024-02-27.csv", "2024-02-26/20240226.csv")
        _, spans = resolve([Input(None, "{date}/{date}.csv")])
        assert [span.date for span in spans] == ["2024-02-26"]

    def test_folders_of_images(self, folder: Path) -> None:
        touch(folder, "photos/2024-02-28/train/cat/a.jpg", "photos/2024-02-29/train/dog/b.jpg")
        resolved, spans = resolve([Input("train", "photos/{date}/train", last=2)])
        assert [entry.pattern for entry in resolved] == [
            "photos/2024-02-28/train",
            "photos/2024-02-29/train",
        ]
        assert [span.files for span in spans] == [(entry.pattern,) for entry in resolved]

    def test_undated_inputs_are_passed_on_in_order(self, folder: Path) -> None:
        touch(folder, "2024-02-28.csv")
        first, last = Input("eval", "gs://bucket/*.csv"), Input("eval", "{day}.csv")
        resolved, spans = resolve([first, Input("train", "{date}.csv"), last])
        assert resolved == (first, Input("train", "2024-02-28.csv"), last)
        assert len(spans) == 1

    def test_each_input_has_its_own_window(self, folder: Path) -> None:
        touch(folder, "a/20240301.csv", "b/20240228.csv")
        resolved, _ = resolve(
            [Input("train", "a/{date}.csv", last=1), Input("eval", "b/{date}.csv", last=1)]
        )
        assert [entry.pattern for entry in resolved] == ["a/20240301.csv", "b/20240228.csv"]

    @pytest.mark.parametrize(
        ("names", "problem"),
        [(["x.csv"], "no file of it has a date there"), ([], "nothing matches it")],
    )
    def test_no_day(self, folder: Path, names: list[str], problem: str) -> None:
        touch(folder, *names)
        with pytest.raises(DataError) as caught:
            resolve([Input(None, "{date}.csv", last=7)])
        assert str(caught.value) == (
            f'no day is found for "{{date}}.csv": {problem}; expected a path with a day written '
            "2026-11-21 or 20261121 in the place of {date}"
        )

    def test_last_without_a_day(self) -> None:
        with pytest.raises(RecipeError) as caught:
            resolve([Input(None, "data/*.csv", last=7)])
        assert str(caught.value) == (
            "input data/*.csv: last: 7 needs the position of the day: write {date} in the files, "
            "as in data/{date}/*.csv"
        )

    def test_half_a_day(self) -> None:
        with pytest.raises(RecipeError) as caught:
            resolve([Input(None, "{YYYY}/*.csv")])
        assert str(caught.value) == (
            "input {YYYY}/*.csv: {DD}, {MM} is missing: a day is written {date}, or {YYYY}, {MM} "
            "and {DD}"
        )
