"""`recordmill sample`."""

from __future__ import annotations

from pathlib import Path

import pytest

from recordmill.runners.cli import main


def test_it_writes_files_and_prints_the_command_that_prepares_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["sample", "census", str(tmp_path)]) == 0
    assert capsys.readouterr().out == (
        f"recordmill run census --output out/census --input train={tmp_path}/adult.data "
        f"--input eval={tmp_path}/adult.test\n"
    )
    assert (tmp_path / "adult.data").read_text().count("\n") == 2_001
    (tmp_path / "adult.data").write_text("mine")
    assert main(["sample", "census", str(tmp_path)]) == 2
    assert capsys.readouterr().err == (
        f"recordmill: {tmp_path}: is not empty. Name a new folder for the sample.\n"
    )
    assert (tmp_path / "adult.data").read_text() == "mine"
    assert (tmp_path / "adult.test").read_text().startswith("|1x3 Cross validator\n")
