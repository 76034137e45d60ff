"""Navigation has every page, and warnings are errors when the site is built."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml
from mkdocs.commands.build import build
from mkdocs.config import load_config
from mkdocs.exceptions import Abort

ROOT = Path(__file__).parents[2]


class Loader(yaml.SafeLoader):
    """Loader that ignores the only tag of mkdocs.yml, a function."""


Loader.add_multi_constructor("tag:yaml.org,2002:python/", lambda *_: None)
CONFIG = yaml.load((ROOT / "mkdocs.yml").read_text(), Loader)


def pages(nav: Any) -> Iterator[str]:
    """Yield the pages of a navigation, in its order."""
    if isinstance(nav, str):
        yield nav
    elif isinstance(nav, dict):
        for value in nav.values():
            yield from pages(value)
    else:
        for value in nav:
            yield from pages(value)


def test_every_page_is_in_the_navigation_once() -> None:
    listed = list(pages(CONFIG["nav"]))
    assert sorted(page for page in listed if "/" not in page) == sorted(
        page.name for page in (ROOT / "docs").glob("*.md")
    )
    assert len(listed) == len(set(listed))


def test_pages_outside_docs_are_in_the_navigation(repository: ModuleType) -> None:
    assert {repository.page_uri(page) for page in repository.START} <= set(pages(CONFIG["nav"]))


def site(tmp_path: Path, pages: dict[str, str]) -> None:
    """Build a site of some pages with the settings of ours, but for its hooks and plugins."""
    (tmp_path / "docs").mkdir()
    for name, text in pages.items():
        (tmp_path / "docs" / name).write_text(text)
    (tmp_path / "mkdocs.yml").write_text(
        yaml.safe_dump(
            {
                **{key: CONFIG[key] for key in ("site_name", "strict", "validation")},
                "nav": [{"Start": "README.md"}],
                "plugins": [],
            }
        )
    )
    build(load_config(str(tmp_path / "mkdocs.yml"), site_dir=str(tmp_path / "site")))


def test_a_good_site_is_built(tmp_path: Path) -> None:
    site(tmp_path, {"README.md": "# Start\n\n[here](README.md#start)\n"})
    assert (tmp_path / "site" / "index.html").is_file()


@pytest.mark.parametrize(
    "pages",
    [
        {"README.md": "[gone](gone.md)"},
        {"README.md": "# Start\n\n[gone](README.md#gone)"},
        {"README.md": "[gone](#gone)"},
        {"README.md": "[root](/README.md)"},
        {"README.md": "[folder](pages/)"},
        {"README.md": "", "other.md": ""},
    ],
    ids=["no-page", "no-anchor", "no-anchor-here", "absolute", "folder", "not-in-navigation"],
)
def test_a_warning_is_an_error(tmp_path: Path, pages: dict[str, str]) -> None:
    with pytest.raises(Abort):
        site(tmp_path, pages)
