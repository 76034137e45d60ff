"""The structure of the code stays within its limits; `make structure` prints the measurements."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from helpers import structure
from helpers.structure import Module

CODE = structure.modules()
ARROWS = structure.imports(CODE)
UNTESTED = {
    "transforms.serving.export_estimator": "needs tf.estimator, which ended with TensorFlow 2.15: "
    "tests/interop/estimator_census.py runs it there, for `make interop`",
    "transforms.serving.trained_on": "an interface; its methods have no bodies",
}
"""Modules without a test module of their own, and why."""


def test_no_circle_of_imports() -> None:
    assert structure.circle(ARROWS) == []


@pytest.mark.parametrize(
    "rule",
    [
        "imports go from runners to pipelines to transforms to schemas",
        "config and runtime import no stage",
        "tables and images do not import each other",
        "only top-level modules of pipelines import sources",
    ],
)
def test_imports_obey_the_rules(rule: str) -> None:
    assert [line for line in structure.broken_rules(ARROWS) if line.endswith(rule)] == []


def test_files_and_folders_are_small() -> None:
    assert structure.long_files(CODE) == []
    assert structure.large_folders(CODE) == []


def test_functions_are_short() -> None:
    lengths = structure.function_lengths(CODE)
    long = [name for name, lines in lengths.items() if lines > structure.MAX_FUNCTION_LINES]
    assert len(long) < structure.MAX_LONG_FUNCTIONS * len(lengths), long


def test_docstrings_say_what_a_thing_is_or_does() -> None:
    count, total = structure.wh_docstrings(CODE)
    assert count < structure.MAX_WH_DOCSTRINGS * total


def test_bindings_have_nouns_for_names() -> None:
    count, total = structure.vague_bindings(CODE)
    assert count < structure.MAX_VAGUE_BINDINGS * total


def test_every_module_has_a_test_module_at_the_mirrored_place() -> None:
    missing = {line.partition(":")[0]: line for line in structure.untested(CODE)}
    assert [line for name, line in missing.items() if name not in UNTESTED] == []
    assert UNTESTED.keys() <= missing.keys(), "this one is no exception any more"


def module(name: str, text: str) -> Module:
    return Module(name, Path(f"{name.replace('.', '/')}.py"), ast.parse(text))


def test_imports_are_found_wherever_they_stand() -> None:
    code = {
        part.name: part
        for part in (
            module("pipelines.readers.scan", "from ..runtime import files\nimport os"),
            module("pipelines.runtime.files", "def f():\n  from ...schemas.errors import Error"),
            module("schemas.errors", "from recordmill.pipelines.readers.scan import scan"),
        )
    }
    arrows = structure.imports(code)
    assert arrows == {
        "pipelines.readers.scan": {"pipelines.runtime.files"},
        "pipelines.runtime.files": {"schemas.errors"},
        "schemas.errors": {"pipelines.readers.scan"},
    }
    assert set(structure.circle(arrows)) == set(code)
    assert structure.circle({"a": {"b"}, "b": set()}) == []


@pytest.mark.parametrize(
    ("importer", "target", "rule"),
    [
        ("schemas.a", "transforms.b", "imports go from runners to pipelines to transforms to"),
        ("pipelines.runtime.a", "pipelines.tables.b", "config and runtime import no stage"),
        ("pipelines.images.a", "pipelines.tables.b", "tables and images do not import each other"),
        ("pipelines.parity.a", "pipelines.sources", "only top-level modules of pipelines import"),
    ],
)
def test_broken_rules_are_named(importer: str, target: str, rule: str) -> None:
    (line,) = structure.broken_rules({importer: {target}})
    assert line.startswith(f"{importer} -> {target}: {rule}")
    assert structure.broken_rules({"runners.a": {"schemas.b"}, "pipelines.b": {importer}}) == []


def test_a_module_without_tests_is_named(tmp_path: Path) -> None:
    code = {
        part.name: part
        for part in (
            module("pipelines.tables.scan", "def scan(): ..."),
            module("pipelines.tables.parse", "class Parser:\n  def parse(self): ..."),
            module("pipelines.tables.names", "A = 1\nclass B: ..."),
            module("pipelines.tables.__init__", "def f(): ..."),
        )
    }
    (tmp_path / "pipelines" / "tables").mkdir(parents=True)
    (tmp_path / "pipelines" / "tables" / "test_parse.py").touch()
    (tmp_path / "pipelines" / "tables" / "test_scan_parquet.py").touch()
    assert structure.untested(code, tmp_path) == [
        "pipelines.tables.scan: there is no tests/pipelines/tables/test_scan.py"
    ]
