from pathlib import Path

import pytest

from benchmarks import consumers
from benchmarks.case import Case, Inputs
from benchmarks.cases import CASES
from benchmarks.measure import Run
from benchmarks.report import section
from benchmarks.results import Result
from benchmarks.timings import Timing

ROW = "25, Private, 1, 11th, 7, Single, ?, Own-child, Black, Male, 0, 0, 40, Peru, <=50K\n"
RUN = Run(9.0, 8.0, 7_000_000)


def make_case(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Case:
    """Return a case with a table of two rows, without preparing a dataset."""
    (folder / "adult.data").write_text(ROW * 2)
    files = dict.fromkeys(("train", "eval"), folder / "adult.data")
    monkeypatch.setattr(consumers, "_prepared", lambda files, folder: folder)
    return CASES[name](Inputs(files, True, folder, True, folder))


def cells(line: str, count: int) -> list[str]:
    return [cell.strip() for cell in line.split("|")[1 : 1 + count]]


@pytest.mark.parametrize(("seconds", "verdict"), [(10.0, "met"), (9.0, "MISS")])
def test_loading_is_compared_with_tensorflow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seconds: float, verdict: str
) -> None:
    case = make_case("loading", tmp_path, monkeypatch)
    times = {
        "recordmill": 5.0,
        "make_batched_features_dataset": seconds,
        "bare TFRecordDataset": 2.5,
    }
    results = {
        label: Result([RUN], {}, timings=[Timing(2_083_904, each)]) for label, each in times.items()
    }

    lines = section(case, results).splitlines()

    assert lines[0] == "### Loading Adult, training rows, 64 copies, batches of 512"
    assert cells(lines[2], 5) == [
        "",
        "seconds an epoch",
        "of bare TFRecordDataset",
        "examples/s",
        "whole seconds",
    ]
    assert cells(lines[4], 5) == ["recordmill", "5.00", "2.00", "416,781", "9.00"]
    target = "examples/s, of make_batched_features_dataset"
    assert cells(lines[10], 4) == [target, "at least 2", f"{seconds / 5:g}", verdict]
    assert (tmp_path / "adult-x64.data").read_text() == ROW * 128


def test_serving_is_compared_with_pandas(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    case = make_case("serving", tmp_path, monkeypatch)
    timings = {
        "served graph": Timing(1, 0.002, {"age": [0.5]}),
        "pandas and numpy": Timing(1, 0.004, {"age": [0.5]}),
        "served graph, 1,024 requests": Timing(1024, 0.003, {"age": [0.5], "sex": [1]}),
        "pandas and numpy, 1,024 requests": Timing(1024, 0.006, {"age": [0.5], "sex": [2]}),
    }
    results = {label: Result([RUN], {}, timings=[timing]) for label, timing in timings.items()}

    lines = section(case, results).splitlines()

    assert [entry.rows for entry in case.entries] == [{"requests": 1}] * 2 + [
        {"requests": 1024}
    ] * 2
    assert lines[0] == "### Features of raw requests, Adult, one alone and 1,024 at a time"
    assert [cells(line, 4)[1:] for line in lines[4:8]] == [
        ["2.00", "0.50", "500"],
        ["4.00", "1.00", "250"],
        ["3.00", "0.50", "341,333"],
        ["6.00", "1.00", "170,667"],
    ]
    target = "features that differ from those of pandas and numpy"
    assert cells(lines[11], 4) == [target, "at most 0", "1", "MISS"]


def test_a_dataset_is_prepared_by_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commands = []
    monkeypatch.setattr(consumers, "run", lambda command, **_: commands.append(command))

    folder = consumers._prepared({"train": tmp_path / "adult.data"}, tmp_path / "loading")

    (command,) = commands
    assert folder == tmp_path / "loading"
    assert command[-4:] == [
        "run",
        "census",
        f"--output={folder}",
        f"--input=train={tmp_path / 'adult.data'}",
    ]
