"""Make a page for each file of the repository to which a page links.

So links such as `../examples/houses.py` work on the site, without a network, as in a checkout. A
link to a file that does not exist is not changed, so that mkdocs reports it.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

__all__ = ["linked_files", "on_files", "on_page_markdown", "page_uri"]

START = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "benchmarks/README.md")
FOLDER = "repository"

_LINK = re.compile(r"(?<=\]\()([\w./-]+)(?=(?:#[\w.-]+)?\))")
_FENCE = re.compile(r"^(`{3,}\w+) .*$", re.MULTILINE)
_LANGUAGES = {".py": "python", ".yaml": "yaml", ".toml": "toml"}


def linked_files(root: Path) -> list[str]:
    """Return the paths of the files outside docs/ that have a page, sorted.

    These are the pages of `START`, and the files to which they and the pages in docs/ link.

    Args:
      root: The root of the repository.
    """
    pages = [*(path for path in START if (root / path).is_file())]
    pages += [f"docs/{page.name}" for page in sorted((root / "docs").glob("*.md"))]
    files = set(pages)
    while pages:
        path = pages.pop()
        new = {file for _, file in _links(root, path)} - files
        files |= new
        pages += [file for file in new if file.endswith(".md")]
    return sorted(file for file in files if not file.startswith("docs/"))


def page_uri(path: str) -> str:
    """Return the page of a file of the repository, as mkdocs names it.

    >>> page_uri("docs/images.md"), page_uri("CHANGELOG.md"), page_uri("examples/pets.py")
    ('images.md', 'repository/CHANGELOG.md', 'repository/examples/pets.py.md')
    """
    if path.startswith("docs/"):
        return path.removeprefix("docs/")
    return f"{FOLDER}/{path}" if path.endswith(".md") else f"{FOLDER}/{path}.md"


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages of files outside docs/."""
    root = Path(config.config_file_path).parent
    for path in linked_files(root):
        files.append(File.generated(config, page_uri(path), content=_content(root, path)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Convert links to files of the repository to links to their pages.

    Text after the language of a block, such as the exit status for tests, is removed, because
    mkdocs would not recognize the language.
    """
    root = Path(config.config_file_path).parent
    uri = page.file.src_uri
    path = uri.removeprefix(f"{FOLDER}/") if uri.startswith(f"{FOLDER}/") else f"docs/{uri}"
    targets = {
        link: posixpath.relpath(page_uri(file), posixpath.dirname(uri) or ".")
        for link, file in _links(root, path)
    }
    markdown = _LINK.sub(lambda link: targets.get(link[0], link[0]), markdown)
    return _FENCE.sub(r"\1", markdown)


def _links(root: Path, path: str) -> list[tuple[str, str]]:
    """Return the links of a page, and their target files in the repository."""
    if not path.endswith(".md") or not (root / path).is_file():
        return []
    text = (root / path).read_text(encoding="utf-8")
    targets = {
        link: posixpath.normpath(posixpath.join(posixpath.dirname(path), link))
        for link in _LINK.findall(text)
    }
    return [(link, file) for link, file in targets.items() if (root / file).is_file()]


def _content(root: Path, path: str) -> str:
    """Return the Markdown of the page of a file: that of the file, or its text as code."""
    text = (root / path).read_text(encoding="utf-8")
    if path.endswith(".md"):
        return text
    language = _LANGUAGES.get(Path(path).suffix, "text")
    return f"# {path}\n\n````{language}\n{text.rstrip()}\n````\n"
