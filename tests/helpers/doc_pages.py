"""Blocks of the pages in docs/, and a run of a page: its commands and its Python code, in order.

Blocks of `sh` are run line by line, blocks of `python` as a whole, all of a page in one folder and
one namespace. A line with `recordmill` runs in this process, where TensorFlow is loaded once. A
line that ends with <<'EOF' includes the lines up to EOF. The last command of a block `sh exit=1`
has that status; a block of `text` is output.
"""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from recordmill.runners.cli import main

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "docs").glob("*.md"))


def blocks(page: Path) -> Iterator[tuple[str, int, str]]:
    """Yield language, expected status and code of each block, padded to its line of the page."""
    text = page.read_text()
    for match in re.finditer(r"^```(\w+)(?: exit=(\d))?\n(.*?)^```$", text, re.DOTALL | re.M):
        padding = "\n" * text.count("\n", 0, match.start(3))
        yield match[1], int(match[2] or 0), padding + match[3]


def lines(code: str) -> list[str]:
    """Return the commands of a block for a shell."""
    commands = re.findall(r"^[^\n]*<<'EOF'\n(?s:.*?)^EOF$|^.+$", code.replace("\\\n", " "), re.M)
    return [line for line in commands if line.strip() and not line.lstrip().startswith("#")]


def run_line(line: str) -> int:
    """Run one command and return its status."""
    if Path(line.split()[0]).name != "recordmill":
        return subprocess.run(["bash", "-euo", "pipefail", "-c", line], check=False).returncode
    words = shlex.split(line, comments=True)
    if ">" not in words:
        return main(words[1:])
    index = words.index(">")
    with open(words[index + 1], "w") as file, contextlib.redirect_stdout(file):
        return main(words[1:index])


def run_page(page: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run all of a page in an empty folder, and assert the status of each command."""
    monkeypatch.chdir(folder)
    (folder / "examples").symlink_to(ROOT / "examples")
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    namespace = {"__name__": page.stem}
    for language, status, code in blocks(page):
        if language == "python":
            exec(compile(code, str(page), "exec"), namespace)
        elif language == "sh":
            *before, last = lines(code)
            assert [(line, run_line(line)) for line in before] == [(line, 0) for line in before]
            assert (last, run_line(last)) == (last, status)
