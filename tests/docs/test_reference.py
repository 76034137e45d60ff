"""API reference: one page for each module from which the documentation imports."""

from __future__ import annotations

import doctest
from importlib import import_module
from pathlib import Path
from types import ModuleType

import griffe
import pytest

ROOT = Path(__file__).parents[2]


def test_its_examples_hold(reference: ModuleType) -> None:
    assert doctest.testmod(reference) == (0, 1)


def test_what_pages_and_examples_import_is_public(reference: ModuleType, tmp_path: Path) -> None:
    for name in ("docs", "examples", "transforms", "schemas"):
        (tmp_path / name).mkdir()
    for name in ("transforms/__init__", "transforms/images", "schemas/column", "schemas/inner"):
        (tmp_path / f"{name}.py").touch()
    (tmp_path / "README.md").write_text(
        "```python\nfrom recordmill.transforms import images, load\n```\n"
    )
    (tmp_path / "docs" / "page.md").write_text(
        "```sh\nfrom recordmill.schemas.inner import x\n```\n"
    )
    (tmp_path / "examples" / "it.py").write_text("from recordmill.schemas.column import Column\n")
    assert reference.public_modules(tmp_path) == [
        "recordmill.schemas.column",
        "recordmill.transforms",
        "recordmill.transforms.images",
    ]


def test_the_packages_and_the_operations_are_public(reference: ModuleType) -> None:
    public = set(reference.public_modules(ROOT))
    packages = {"recordmill.pipelines", "recordmill.schemas", "recordmill.transforms"}
    operations = {
        f"recordmill.transforms.{name}"
        for name in (
            *("augment", "boxes", "categorical", "cleaning", "dates", "encodings", "images"),
            *("missing", "multivalued", "numeric", "text", "tiles", "yolo"),
        )
    }
    assert packages | operations <= public


def test_public_modules_list_what_is_public(reference: ModuleType) -> None:
    for name in reference.public_modules(ROOT):
        assert import_module(name).__all__, name


def test_what_the_documentation_imports_is_listed(reference: ModuleType) -> None:
    """Pages import only names in `__all__`, or modules."""
    public = set(reference.public_modules(ROOT))
    for code in reference._documented_code(ROOT):
        for name in reference._imports(code):
            module, _, last = name.rpartition(".")
            assert name in public or last in import_module(module).__all__, name


@pytest.mark.slow
def test_every_public_name_is_seen_without_importing_it(
    reference: ModuleType, tmp_path: Path
) -> None:
    """`__all__`, and where its names come from, can be read off the source."""
    (tmp_path / "recordmill").mkdir()
    for folder in reference.FOLDERS:
        (tmp_path / "recordmill" / folder).symlink_to(ROOT / folder)
    loader = griffe.GriffeLoader(search_paths=[tmp_path], allow_inspection=False)
    for name in reference.public_modules(ROOT):
        module = loader.load(name)
        names = import_module(name).__all__
        assert sorted(map(str, module.exports or ())) == sorted(names), name
        for public in names:
            member = module.members[public]
            target = member.final_target if member.is_alias else member
            assert target.docstring or target.is_attribute, f"{name}.{public}"
