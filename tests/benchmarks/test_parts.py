"""Parts and the libraries that could take their place: each contender does its work."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from benchmarks import parts


@pytest.mark.parametrize("name", ["csv", "keys", "frames", "dates"])
def test_the_contenders_of_a_part_work(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts, "ROWS", 200)
    contenders = parts.PARTS[name](tmp_path)
    assert len(contenders) >= 2 and next(iter(contenders)).startswith("ours")
    for work in contenders.values():
        work()


def test_the_time_is_the_median_of_the_runs_but_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0, 100, 102, 110, 113, 120, 127])
    monkeypatch.setattr(time, "process_time", lambda: next(clock))
    calls: list[str] = []
    assert parts.timed({"ours": lambda: calls.append("x")}, runs=3) == {"ours": 3}
    assert calls == ["x"] * 4
