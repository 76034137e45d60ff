"""Workers in this process print nothing."""

from __future__ import annotations

import builtins
import threading

import grpc
import pytest
from apache_beam.runners.worker import sdk_worker

from recordmill.runners.engines.quiet import silence_workers


def test_workers_and_closed_streams_are_silent(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sdk_worker, "print", builtins.print, raising=False)
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    silence_workers()
    sdk_worker.print("Traceback")

    def fail(error: Exception) -> None:
        raise error

    for error in (grpc.RpcError("Stream removed"), ValueError("a bug")):
        thread = threading.Thread(target=fail, args=(error,))
        thread.start()
        thread.join()
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.endswith("ValueError: a bug\n")
    assert "Stream removed" not in captured.err
