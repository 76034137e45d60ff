"""Pages of files outside docs/, and links to them."""

from __future__ import annotations

import doctest
from pathlib import Path
from types import ModuleType, SimpleNamespace

ROOT = Path(__file__).parents[2]


def test_its_examples_hold(repository: ModuleType) -> None:
    assert doctest.testmod(repository) == (0, 1)


def test_files_that_pages_link_to_have_a_page(repository: ModuleType, tmp_path: Path) -> None:
    for name in ("docs", "examples", "notes"):
        (tmp_path / name).mkdir()
    (tmp_path / "README.md").write_text("[a](docs/page.md) [b](notes/more.md#anchor)")
    (tmp_path / "docs" / "page.md").write_text("[c](../examples/c.py) [gone](../examples/d.py)")
    (tmp_path / "notes" / "more.md").write_text("[e](e.yaml) [f](https://example.org/f)")
    for name in ("examples/c.py", "notes/e.yaml", "examples/unlinked.py"):
        (tmp_path / name).write_text("x")
    assert repository.linked_files(tmp_path) == [
        "README.md",
        "examples/c.py",
        "notes/e.yaml",
        "notes/more.md",
    ]


def test_links_to_files_become_links_to_pages(repository: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "a.py").write_text("x")
    text = "[a](../a.py) [b](b.md#c) [gone](../gone.py)\n\n```sh exit=1\nfalse\n```\n"
    for name in ("page.md", "b.md"):
        (tmp_path / "docs" / name).write_text(text)
    page = SimpleNamespace(file=SimpleNamespace(src_uri="page.md"))
    config = SimpleNamespace(config_file_path=str(tmp_path / "mkdocs.yml"))
    assert repository.on_page_markdown(text, page, config, None) == (
        "[a](repository/a.py.md) [b](b.md#c) [gone](../gone.py)\n\n```sh\nfalse\n```\n"
    )


def test_pages_outside_docs_link_back_into_it(repository: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "page.md").touch()
    (tmp_path / "README.md").write_text("[a](docs/page.md)")
    page = SimpleNamespace(file=SimpleNamespace(src_uri="repository/README.md"))
    config = SimpleNamespace(config_file_path=str(tmp_path / "mkdocs.yml"))
    assert repository.on_page_markdown("[a](docs/page.md)", page, config, None) == (
        "[a](../page.md)"
    )
