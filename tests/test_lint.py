"""Whoever commits sees what CI sees: pre-commit runs the commands of `make lint`, no others."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]


def test_pre_commit_runs_what_make_lint_runs() -> None:
    makefile = (ROOT / "Makefile").read_text()
    variables = dict(re.findall(r"^(\w+) \??:?= (.*)$", makefile, re.M))
    recipe = re.search(r"^lint:.*\n((?:\t.*\n)+)", makefile, re.M)
    assert recipe
    commands = recipe[1].replace("\t", "").splitlines()
    for name in ("SOURCES", "BIN", "VENV"):
        commands = [command.replace(f"$({name})", variables[name]) for command in commands]
    (repo,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    assert repo["repo"] == "local"
    assert [hook["entry"] for hook in repo["hooks"]] == commands
    assert all(hook["language"] == "system" for hook in repo["hooks"])
    assert not any(hook["pass_filenames"] for hook in repo["hooks"])
