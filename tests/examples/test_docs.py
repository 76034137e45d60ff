"""The pages in docs/ hold: their Python runs, and their commands are commands."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from recordmill.runners.cli import _parser, _split_at_dashes

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "images.md"
PAGES = (PAGE, ROOT / "README.md", ROOT / "benchmarks" / "README.md")


def blocks(page: Path, language: str) -> list[str]:
    """The code of each block of that language, padded so that errors tell the page's line."""
    text = page.read_text()
    return [
        "\n" * text.count("\n", 0, found.start(1)) + found[1]
        for found in re.finditer(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    ]


def commands(page: Path) -> list[list[str]]:
    """The words behind each `recordmill` in the blocks for a shell."""
    lines = "".join(blocks(page, "sh")).replace("\\\n", " ").splitlines()
    words = [shlex.split(line, comments=True) for line in lines]
    return [one[1:] for one in words if one and Path(one[0]).name == "recordmill"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_parse(page: Path) -> None:
    for words in commands(page):
        given, _ = _split_at_dashes(words)
        _parser().parse_args(given)


def test_there_are_commands_and_code_to_check() -> None:
    assert len(commands(PAGE)) >= 5 and len(blocks(PAGE, "python")) >= 5


def test_shells_keep_their_hands_off_globs() -> None:
    """A pattern that a shell would expand stands in quotes: split without them, it is one word."""
    for page in PAGES:
        for line in "".join(blocks(page, "sh")).splitlines():
            lexer = shlex.shlex(line, posix=False, punctuation_chars=False)
            lexer.whitespace_split, lexer.commenters = True, "#"
            for word in lexer:
                assert "'" in word or not {"*", "?", "["} & set(word), line


@pytest.mark.slow
def test_python_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    namespace = {"__name__": "docs_images"}
    for block in blocks(PAGE, "python"):
        exec(compile(block, str(PAGE), "exec"), namespace)
