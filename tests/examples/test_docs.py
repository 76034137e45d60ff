"""The pages in docs/ hold: what they tell a reader to type is typed here, in the order of the page.

A block of `sh` is run line by line, a block of `python` as it stands, all of a page in one folder
and one namespace. A line of `recordmill` runs in this process, where TensorFlow is loaded once; a
line that ends with <<'EOF' takes those up to EOF with it. A block of `sh exit=1` is one whose last
command gives that status; one of `text` is output.
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
    """The language, the expected status and the code of each block, padded to the page's lines."""
    text = page.read_text()
    for found in re.finditer(r"^```(\w+)(?: exit=(\d))?\n(.*?)^```$", text, re.DOTALL | re.M):
        padding = "\n" * text.count("\n", 0, found.start(3))
        yield found[1], int(found[2] or 0), padding + found[3]


def lines(code: str) -> list[str]:
    """The commands of a block for a shell."""
    found = re.findall(r"^[^\n]*<<'EOF'\n(?s:.*?)^EOF$|^.+$", code.replace("\\\n", " "), re.M)
    return [line for line in found if line.strip() and not line.lstrip().startswith("#")]


def run_line(line: str) -> int:
    """The status of one command."""
    if Path(line.split()[0]).name != "recordmill":
        return subprocess.run(["bash", "-euo", "pipefail", "-c", line], check=False).returncode
    words = shlex.split(line, comments=True)
    if ">" not in words:
        return main(words[1:])
    place = words.index(">")
    with open(words[place + 1], "w") as file, contextlib.redirect_stdout(file):
        return main(words[1:place])


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
    found = 0
    for language, _, code in blocks(page):
        for line in lines(code) if language == "sh" else ():
            if Path(line.split()[0]).name == "recordmill":
                words = shlex.split(line, comments=True)
                parser().parse_args(split_at_dashes(words[1:])[0])
                found += 1
    assert found or page != READMES[0]


@pytest.mark.parametrize("page", [*PAGES, *READMES], ids=name_of)
def test_shells_keep_their_hands_off_globs(page: Path) -> None:
    """A pattern that a shell would expand stands in quotes."""
    for line in (line for kind, _, code in blocks(page) if kind == "sh" for line in lines(code)):
        lexer = shlex.shlex(line.partition("\n")[0], posix=False, punctuation_chars=False)
        lexer.whitespace_split, lexer.commenters = True, "#"
        for word in lexer:
            assert word[0] in "'\"" or "'" in word or not {"*", "?", "[", "{"} & set(word), line
