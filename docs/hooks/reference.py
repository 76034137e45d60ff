"""Write a page of the API reference for each public module, from its docstrings.

A module is public if a page, the README or an example imports from it. The modules are parsed and
never imported, so the site is built without TensorFlow.
"""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

__all__ = ["on_config", "on_files", "on_page_content", "on_startup", "public_modules"]

PACKAGE = "recordmill"
FOLDERS = ("schemas", "transforms", "pipelines", "runners")
SECTION = "API reference"

_PYTHON = re.compile(r"^```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def public_modules(root: Path) -> list[str]:
    """Return the dotted names of the modules from which the documentation imports, sorted.

    Args:
      root: Root of the repository.
    """
    imported = {name for code in _documented_code(root) for name in _imports(code)}
    return sorted({module for name in imported if (module := _module(root, name))})


def on_startup(command: str, dirty: bool) -> None:
    """Make a folder in which mkdocstrings finds the package under its name.

    It links to the four folders, because the root also contains environments and builds.
    """
    root = Path(__file__).parents[2]
    package = root / "build" / "reference" / PACKAGE
    package.mkdir(parents=True, exist_ok=True)
    for folder in FOLDERS:
        link = package / folder
        if not link.is_symlink():
            link.symlink_to(root / folder, target_is_directory=True)


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Add the pages of the reference to the navigation."""
    modules = public_modules(Path(config.config_file_path).parent)
    assert config.nav is not None
    config.nav.append(
        {SECTION: [{name.removeprefix(f"{PACKAGE}."): _uri(name)} for name in modules]}
    )
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the files of the pages of the reference."""
    for name in public_modules(Path(config.config_file_path).parent):
        files.append(File.generated(config, _uri(name), content=f"::: {name}\n"))
    return files


def on_page_content(html: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Replace paths in the folder of `on_startup` by paths in the repository."""
    return html.replace(f"build/reference/{PACKAGE}/", "")


def _uri(module: str) -> str:
    return f"api/{module}.md"


def _documented_code(root: Path) -> Iterator[str]:
    """Yield the Python of all pages and examples."""
    for page in (root / "README.md", *sorted((root / "docs").glob("*.md"))):
        for code in _PYTHON.findall(page.read_text(encoding="utf-8")):
            yield textwrap.dedent(code)
    for example in sorted((root / "examples").glob("*.py")):
        yield example.read_text(encoding="utf-8")


def _imports(code: str) -> Iterator[str]:
    """Yield the dotted names that code imports from the package.

    >>> list(_imports("from recordmill.transforms import images, load"))
    ['recordmill.transforms.images', 'recordmill.transforms.load']
    """
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(f"{PACKAGE}."):
            yield from (f"{node.module}.{name.name}" for name in node.names)


def _module(root: Path, name: str) -> str:
    """Return the longest prefix of a dotted name that is a module."""
    while name != PACKAGE:
        path = root.joinpath(*name.split(".")[1:])
        if path.with_suffix(".py").is_file() or (path / "__init__.py").is_file():
            return name
        name = name.rpartition(".")[0]
    return ""
