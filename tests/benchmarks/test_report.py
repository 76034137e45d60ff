from pathlib import Path

import pytest

from benchmarks import cases
from benchmarks.case import Case, Clock, Entry, Inputs, Target
from benchmarks.cases import CASES
from benchmarks.contenders import help_page, stock_tft
from benchmarks.measure import Run
from benchmarks.profiles import Column, Profile
from benchmarks.report import section
from benchmarks.results import Result
from benchmarks.timings import Timing


def test_ratios_rates_and_verdicts() -> None:
    def entry(label: str, *, train: int = 600) -> Entry:
        contender = stock_tft if label == "stock TFT" else help_page
        return Entry(label, contender, "adult", {}, {"train": train, "eval": 400})

    case = Case(
        "Some rows",
        "A note.",
        (entry("recordmill"), entry("stock TFT"), entry("few rows", train=100)),
        (
            Target("time", 0.5, lambda results: results["recordmill"].seconds / 10),
            Target("memory, GB", 0.5, lambda results: results["recordmill"].peak_bytes / 1e9),
        ),
    )
    results = {
        "recordmill": Result([Run(5.0, 6.0, 700_000_000)], {}),
        "stock TFT": Result([Run(10.0, 9.0, 1_200_000_000)] * 3, {}),
        "few rows": Result([Run(2.0, 2.0, 500_000_000)], {}),
    }

    assert section(case, results).splitlines() == [
        "### Some rows",
        "",
        "|            | seconds | of stock TFT | rows/s | CPU seconds | peak memory | runs |",
        "|------------|--------:|-------------:|-------:|------------:|------------:|-----:|",
        "| recordmill |    5.00 |         0.50 |    200 |        6.00 |      700 MB |    1 |",
        "| stock TFT  |   10.00 |         1.00 |    100 |        9.00 |    1,200 MB |    3 |",
        "| few rows   |    2.00 |              |    250 |        2.00 |      500 MB |    1 |",
        "",
        "| target     |       limit | measured |      |",
        "|------------|------------:|---------:|-----:|",
        "| time       | at most 0.5 |      0.5 |  met |",
        "| memory, GB | at most 0.5 |      0.7 | MISS |",
        "",
        "A note.",
    ]


def test_contenders_that_time_themselves() -> None:
    def entry(label: str, *, rows: int = 1) -> Entry:
        contender = stock_tft if label.startswith("stock TFT") else help_page
        return Entry(label, contender, "", {}, {"requests": rows}, writes=False, times=True)

    entries = (entry("mine"), entry("stock TFT"), entry("m4", rows=4), entry("stock TFT4", rows=4))
    clock = Clock("ms a call", unit=1e-3)
    case = Case("Calls", "", entries, (), unit="requests", clock=clock)
    run = Run(9.0, 8.0, 7_000_000)

    def result(*seconds: float) -> Result:
        return Result([run] * len(seconds), {}, timings=[Timing(1, each) for each in seconds])

    results = {
        "mine": result(0.002, 0.009, 0.001),
        "stock TFT": result(0.004),
        "m4": result(0.003),
        "stock TFT4": result(0.002),
    }

    lines = section(case, results).splitlines()

    assert [
        [cell.strip() for cell in line.split("|")[1:6]] for line in (lines[2], *lines[4:8])
    ] == [
        ["", "ms a call", "of stock TFT", "requests/s", "whole seconds"],
        ["mine", "2.00", "0.50", "500", "9.00"],
        ["stock TFT", "4.00", "1.00", "250", "9.00"],
        ["m4", "3.00", "1.50", "1,333", "9.00"],
        ["stock TFT4", "2.00", "1.00", "2,000", "9.00"],
    ]


@pytest.mark.slow
def test_images_are_compared_with_reading_alone(tmp_path: Path) -> None:
    for index in range(3):
        (tmp_path / "few" / "hot_dog").mkdir(parents=True, exist_ok=True)
        (tmp_path / "few" / "hot_dog" / f"{index}.jpg").write_bytes(b"\xff\xd8")
    case = CASES["hotdog"](Inputs({}, True, tmp_path / "few", False, tmp_path))
    seconds = {
        "recordmill": 10.0,
        "tf.data, reading only": 8.0,
        "classic Beam": 25.0,
        "recordmill, 5,000 images": 5.0,
        "tf.data, reading only, 5,000 images": 3.0,
        "classic Beam, 5,000 images": 8.0,
        "tf.data, storing": 10.0,
        "recordmill, 300 images": 3.0,
    }
    results = {label: Result([Run(each, each, 100)], {}) for label, each in seconds.items()}

    lines = section(case, results).splitlines()

    assert lines[0] == "### 20,000 drawn pictures in place of photos, to 224x224"
    assert [cell.strip() for cell in lines[2].split("|")[3:5]] == [
        "of tf.data, reading only",
        "images/s",
    ]
    assert [[cell.strip() for cell in line.split("|")[2:5]] for line in lines[4:12]] == [
        ["10.00", "1.25", "2,000"],
        ["8.00", "1.00", "2,500"],
        ["25.00", "3.12", "800"],
        ["5.00", "1.67", "1,000"],
        ["3.00", "1.00", "1,667"],
        ["8.00", "2.67", "625"],
        ["10.00", "1.25", "2,000"],
        ["3.00", "", "100"],
    ]
    assert [[cell.strip() for cell in line.split("|")[1:5]] for line in lines[15:20]] == [
        ["images/s, of tf.data, reading only", "at least 0.85", "0.8", "MISS"],
        ["images/s, of classic Beam", "at least 2", "2.5", "met"],
        ["images/s, of tf.data, reading only, 5,000 images", "at least 0.85", "0.6", "MISS"],
        ["images/s, of classic Beam, 5,000 images", "at least 2", "1.6", "MISS"],
        ["peak memory at 5,000, of that at 300 images", "at most 1.25", "1", "met"],
    ]


def test_a_vocabulary_that_differs_is_a_miss(tmp_path: Path) -> None:
    case = CASES["adult"](Inputs({}, True, tmp_path, True, tmp_path))
    stock = {"sex": "1", "race": "2"}
    run = [Run(1.0, 1.0, 1)]
    measure = case.targets[1].measure

    def differing(mine: dict[str, str]) -> float:
        return measure({"recordmill": Result(run, mine), "stock TFT": Result(run, stock)})

    assert differing(stock) == 0
    assert differing({"sex": "1", "race": "3"}) == 1
    assert differing({"sex": "1"}) == 1
    assert differing({"sex": "1", "race": "2", "education": "4"}) == 1


def test_a_report_that_no_browser_drew_is_a_miss(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cases, "mixed", lambda folder, *, rows: Path(__file__))
    monkeypatch.setattr(cases.environments, "make", lambda requirements: "no such package")
    monkeypatch.setattr(cases.browser, "chromium", lambda: "/usr/bin/chromium")
    case = CASES["profile"](Inputs({}, True, tmp_path, True, tmp_path))
    run = [Run(10.0, 10.0, 100)]
    age = {"age": Column(0, 2.0)}
    mine = Profile(5, age, page_bytes=1_500_000)
    results = {
        "recordmill": Result(run, {}, mine),
        "pandas": Result(run, {}, Profile(5, age)),
        "recordmill, 25,000 rows": Result([Run(3.0, 3.0, 50)], {}, mine),
    }

    lines = section(case, results).splitlines()

    assert [[cell.strip() for cell in line.split("|")[1:5]] for line in lines[10:14]] == [
        ["peak memory, of that at 25,000 rows", "at most 1.25", "2", "MISS"],
        ["columns that differ from pandas'", "at most 0", "0", "met"],
        ["report.html, MB", "at most 5", "1.5", "met"],
        ["seconds until Chromium has drawn report.html", "at most 2", "inf", "MISS"],
    ]
    assert lines[-1] == "ydata-profiling, minimal is not here: no such package"
