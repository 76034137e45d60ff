"""Commands and the Python code on the pages of docs/ run, in the order of the page.

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

from recordmill.runners.cli import main, parser, split_at_dashes

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "docs").glob("*.md"))
READMES = (ROOT / "README.md", ROOT / "benchmarks" / "README.md")


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


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_a_page_does_what_it_says(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    namespace = {"__name__": page.stem}
    for language, status, code in blocks(page):
        if language == "python":
            exec(compile(code, str(page), "exec"), namespace)
        elif language == "sh":
            *before, last = lines(code)
            assert [(line, run_line(line)) for line in before] == [(line, 0) for line in before]
            assert (last, run_line(last)) == (last, status)


@pytest.mark.parametrize("page", READMES, ids=name_of)
def test_the_commands_of_a_readme_parse(page: Path) -> None:
    count = 0
    for language, _, code in blocks(page):
        for line in lines(code) if language == "sh" else ():
            if Path(line.split()[0]).name == "recordmill":
                words = shlex.split(line, comments=True)
                parser().parse_args(split_at_dashes(words[1:])[0])
                count += 1
    assert count or page != READMES[0]


@pytest.mark.parametrize("page", [*PAGES, *READMES], ids=name_of)
def test_globs_are_quoted(page: Path) -> None:
    """Patterns that a shell would expand are in quotes."""
    for line in (line for kind, _, code in blocks(page) if kind == "sh" for line in lines(code)):
        lexer = shlex.shlex(line.partition("\n")[0], posix=False, punctuation_chars=False)
        lexer.whitespace_split, lexer.commenters = True, "#"
        for word in lexer:
            assert word[0] in "'\"" or "'" in word or not {"*", "?", "[", "{"} & set(word), line
