"""What `recordmill verify` prints; `pipelines/test_verify` has all that it finds."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from recordmill.pipelines.parity.comparison import ModelParity
from recordmill.runners.verify import verify


def report(**fields: Any) -> Any:
    known = {"shards": [1, 2], "records": 1200, "bytes": 3_400_000, "parity": None}
    return SimpleNamespace(**known | fields)


def printed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], found: Any
) -> list[str]:
    monkeypatch.setattr("recordmill.pipelines.verify.verify", lambda directory, *, parity: found)
    assert verify("out", parity="m/1" if found.parity else None) == 0
    return capsys.readouterr().out.splitlines()


def test_a_good_dataset(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert printed(monkeypatch, capsys, report()) == [
        "out: good. 1,200 records in 2 shards, 3.4 MB, each hashed and read; ledger, graph and "
        "parity hold."
    ]


def test_a_model_that_agrees(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    parity = ModelParity({"train": 64}, 2, ("JSON lines",), notes=("no signature",))
    _, result, note = printed(monkeypatch, capsys, report(parity=parity))
    assert result == "m/1: 64 of train rows, 2 features, by JSON lines: all values are equal"
    assert note == "note: no signature"
