"""Tables on the pages of docs/ are complete, and links are valid."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from recordmill.pipelines.recipes.file import json_schema
from recordmill.transforms.recipe.operations import OPS, arguments

DOCS = Path(__file__).parents[2] / "docs"
PAGES = sorted(DOCS.glob("*.md"))


def rows(page: str, heading: str = "") -> list[list[str]]:
    """Return the cells of the tables below a heading, up to the next; of the page without one."""
    text = (DOCS / page).read_text()
    if heading:
        text = text.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return [
        [cell.strip() for cell in row.split("|")] for row in re.findall(r"^\| (.*) \|$", text, re.M)
    ]


def names(cell: str) -> list[str]:
    return re.findall(r"`(\w+)`", cell)


def test_all_operations_are_listed_with_their_arguments() -> None:
    listed = {names(row[0])[0]: row for row in rows("transforms.md") if names(row[0])}
    assert set(listed) == set(OPS)
    for name, op in OPS.items():
        parameters = arguments(op).parameters
        optional = {key for key, item in parameters.items() if item.default is not item.empty}
        cell = listed[name][-1]
        assert names(cell) == list(parameters), name
        assert set(re.findall(r"\[`(\w+)`\]", cell)) - {"classes"} == optional, name


def test_all_keys_of_a_recipe_are_listed() -> None:
    listed = [key for row in rows("recipes.md", "The keys") for key in names(row[0])]
    assert sorted(listed) == sorted(json_schema()["properties"])


def test_all_fields_of_a_column_are_listed() -> None:
    listed = [key for row in rows("recipes.md", "Columns") for key in names(row[0])]
    assert sorted([*listed, "shape"]) == sorted(json_schema()["$defs"]["Column"]["properties"])


def test_the_index_has_every_page() -> None:
    linked = set(re.findall(r"\]\((\w+\.md)\)", (DOCS / "README.md").read_text()))
    assert linked == {page.name for page in PAGES} - {"README.md"}


@pytest.mark.parametrize("page", [*PAGES, DOCS.parent / "README.md"], ids=lambda page: page.name)
def test_links_are_valid(page: Path) -> None:
    for target, anchor in re.findall(r"\]\(([\w./-]*)(#[\w-]+)?\)", page.read_text()):
        path = page.parent / target if target else page
        assert path.exists(), target
        headings = re.findall(r"^#+ (.*)$", path.read_text(), re.M) if anchor else ()
        slugs = {re.sub(r"[^\w -]", "", text.lower()).replace(" ", "-") for text in headings}
        assert not anchor or anchor[1:] in slugs, target + anchor
