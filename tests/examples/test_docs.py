"""Commands and the Python code on the pages of docs/ run, and shells leave their patterns alone."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from helpers.doc_pages import PAGES, ROOT, blocks, lines, run_page

from recordmill.runners.cli import parser, split_at_dashes

ELSEWHERE = (ROOT / "docs" / "planes.md",)
"""Pages that train for a minute: the test of their example runs them (`test_planes_keras`)."""

READMES = (ROOT / "README.md", ROOT / "benchmarks" / "README.md")


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("page", [page for page in PAGES if page not in ELSEWHERE], ids=name_of)
def test_a_page_does_what_it_says(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_page(page, tmp_path, monkeypatch)


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
