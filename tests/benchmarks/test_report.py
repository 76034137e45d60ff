from pathlib import Path

from benchmarks.cases import CASES, Case, Entry, Inputs, Target
from benchmarks.contenders import help_page
from benchmarks.measure import Run
from benchmarks.report import section
from benchmarks.results import Result


def test_ratios_rates_and_verdicts() -> None:
    def entry(label: str, *, train: int = 600) -> Entry:
        return Entry(label, help_page, "adult", {}, {"train": train, "eval": 400})

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
        "| target     | at most | measured |      |",
        "|------------|--------:|---------:|-----:|",
        "| time       |     0.5 |      0.5 |  met |",
        "| memory, GB |     0.5 |      0.7 | MISS |",
        "",
        "A note.",
    ]


def test_a_vocabulary_that_differs_is_a_miss(tmp_path: Path) -> None:
    case = CASES["adult"](Inputs({}, True, tmp_path))
    stock = {"sex": "1", "race": "2"}
    run = [Run(1.0, 1.0, 1)]
    measure = case.targets[1].measure

    def differing(mine: dict[str, str]) -> float:
        return measure({"recordmill": Result(run, mine), "stock TFT": Result(run, stock)})

    assert differing(stock) == 0
    assert differing({"sex": "1", "race": "3"}) == 1
    assert differing({"sex": "1"}) == 1
    assert differing({"sex": "1", "race": "2", "education": "4"}) == 1
