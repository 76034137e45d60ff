"""Measures the structure of the code, and prints it: `make structure`.

Imports are read from the syntax tree, those inside functions and for type checkers too.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LAYERS = ("schemas", "transforms", "pipelines", "runners")
"""The top-level folders; each imports only itself and those before it."""

GROUND = ("pipelines.config", "pipelines.runtime")
"""Packages that import no stage."""

STRANGERS = (("pipelines.tables", "pipelines.images"),)
"""Packages that never import each other."""

VAGUE_NAMES = frozenset(["one", "found", "told", "held", "kept", "place", "whole", "known"])
WH_OPENING = re.compile(r"(What|How|Whether|Which|Where)\b")
MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 50
MAX_FOLDER_MODULES = 20
MAX_LONG_FUNCTIONS = 0.005
MAX_WH_DOCSTRINGS = 0.01
MAX_VAGUE_BINDINGS = 0.005
"""Largest shares of all functions, docstrings and bindings."""


@dataclass(frozen=True)
class Module:
    """A Python file of the project.

    Attributes:
      name: Its dotted name below `recordmill`.
      path: Where it is.
      tree: Its syntax tree.
    """

    name: str
    path: Path
    tree: ast.Module = field(repr=False)

    @property
    def package(self) -> str:
        """The dotted name of the package it is in, or is."""
        return self.name if self.path.name == "__init__.py" else self.name.rpartition(".")[0]

    @cached_property
    def lines(self) -> int:
        """The number of its lines."""
        return len(self.path.read_text("utf-8").splitlines())

    def imports(self) -> Iterator[tuple[str, str]]:
        """Yield (module, name) of each `from module import name`, below `recordmill`."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.ImportFrom):
                base = self._base_of(node)
                yield from ((base, alias.name) for alias in node.names)

    def _base_of(self, node: ast.ImportFrom) -> str:
        if not node.level:
            return (node.module or "").removeprefix("recordmill.")
        parents = self.package.split(".")
        parents = parents[: len(parents) - node.level + 1]
        return ".".join([*parents, *([node.module] if node.module else [])])

    def functions(self) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
        """Yield every function and method."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield node

    def docstrings(self) -> Iterator[str]:
        """Yield the docstrings of the module, its classes and its functions."""
        kinds = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
        for node in ast.walk(self.tree):
            if isinstance(node, kinds):
                text = ast.get_docstring(node)
                if text:
                    yield text

    def bindings(self) -> Iterator[str]:
        """Yield the name of every parameter and assigned variable, once a binding."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                yield node.id
            elif isinstance(node, ast.arg):
                yield node.arg


def modules() -> dict[str, Module]:
    """Return every module of the package by its dotted name below `recordmill`."""
    result = {}
    for layer in LAYERS:
        for path in sorted((ROOT / layer).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            result[name] = Module(name, path, ast.parse(path.read_text("utf-8")))
    return result


def imports(code: Mapping[str, Module]) -> dict[str, set[str]]:
    """Return the modules that each module imports; a name of a package counts as the package."""
    return {name: _imported(module, code) - {name} for name, module in code.items()}


def _imported(module: Module, code: Mapping[str, Module]) -> set[str]:
    pairs = [(base, f"{base}.{name}" if base else name) for base, name in module.imports()]
    return {full if full in code else base for base, full in pairs if {full, base} & code.keys()}


def circle(arrows: Mapping[str, set[str]]) -> list[str]:
    """Return the modules of a circle of imports, in order; none where there is no circle."""
    try:
        TopologicalSorter(arrows).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def broken_rules(arrows: Mapping[str, set[str]]) -> list[str]:
    """Return the imports that break a rule, as `importer -> imported: rule`, sorted."""
    return sorted(
        f"{importer} -> {target}: {rule}"
        for importer, targets in arrows.items()
        for target in targets
        if (rule := _broken_rule(importer, target))
    )


def _broken_rule(importer: str, target: str) -> str:
    layers = [LAYERS.index(name.partition(".")[0]) for name in (importer, target)]
    if layers[0] < layers[1]:
        return "imports go from runners to pipelines to transforms to schemas"
    if _within(importer, *GROUND) and _within(target, "pipelines") and not _within(target, *GROUND):
        return "config and runtime import no stage"
    for pair in STRANGERS:
        if any(_within(importer, a) and _within(target, b) for a, b in (pair, pair[::-1])):
            return "tables and images do not import each other"
    if target == "pipelines.sources" and importer.count(".") > 1:
        return "only top-level modules of pipelines import sources"
    return ""


def _within(name: str, *packages: str) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def long_files(code: Mapping[str, Module]) -> list[str]:
    """Return the files of more than 400 lines."""
    return [f"{m.name}: {m.lines} lines" for m in code.values() if m.lines > MAX_FILE_LINES]


def function_lengths(code: Mapping[str, Module]) -> dict[str, int]:
    """Return the lines of each function, by `module:line name`."""
    return {
        f"{module.name}:{node.lineno} {node.name}": (node.end_lineno or 0) - node.lineno + 1
        for module in code.values()
        for node in module.functions()
    }


def large_folders(code: Mapping[str, Module]) -> list[str]:
    """Return the folders with more than 20 modules, not counting `__init__.py`."""
    sizes = Counter(m.path.parent for m in code.values() if m.path.name != "__init__.py")
    return [
        f"{folder.relative_to(ROOT)}: {count} modules"
        for folder, count in sorted(sizes.items())
        if count > MAX_FOLDER_MODULES
    ]


def untested(code: Mapping[str, Module], tests: Path = ROOT / "tests") -> list[str]:
    """Return the modules with a function but no test module at the mirrored place.

    Args:
      code: All modules.
      tests: The folder of the tests.

    Returns:
      Lines such as `pipelines.tables.scan: there is no tests/pipelines/tables/test_scan.py`. Files
      beside that one, such as `test_scan_parquet.py`, take no one's place.
    """
    lines = []
    for module in code.values():
        if module.path.name == "__init__.py" or next(module.functions(), None) is None:
            continue
        *folders, name = module.name.split(".")
        path = Path(*folders, f"test_{name}.py")
        if not (tests / path).is_file():
            lines.append(f"{module.name}: there is no tests/{path}")
    return lines


def wh_docstrings(code: Mapping[str, Module]) -> tuple[int, int]:
    """Return the number of docstrings that open with What, How, … and of all docstrings."""
    docs = [text for module in code.values() for text in module.docstrings()]
    return sum(bool(WH_OPENING.match(text)) for text in docs), len(docs)


def vague_bindings(code: Mapping[str, Module]) -> tuple[int, int]:
    """Return the number of bindings with a vague name, and of all bindings."""
    names = [name for module in code.values() for name in module.bindings()]
    return sum(name in VAGUE_NAMES for name in names), len(names)


def main() -> None:
    """Print the measurements."""
    code = modules()
    arrows = imports(code)
    loop, rules = circle(arrows), broken_rules(arrows)
    lengths = function_lengths(code)
    long = {name: lines for name, lines in lengths.items() if lines > MAX_FUNCTION_LINES}
    print(f"{len(code)} modules, {sum(m.lines for m in code.values()):,} lines")
    print(f"circle of imports: {' -> '.join(loop) or 'none'}")
    for title, items in [
        ("imports against the rules", rules),
        (f"files over {MAX_FILE_LINES} lines", long_files(code)),
        (f"folders of over {MAX_FOLDER_MODULES} modules", large_folders(code)),
        ("modules without a test module at the mirrored place", untested(code)),
    ]:
        print(f"{title}: {len(items)}", *items, sep="\n  ")
    print(f"functions over {MAX_FUNCTION_LINES} lines: {len(long)} of {len(lengths):,}", *long)
    for title, (count, total) in [
        ("docstrings that open with What, How, Whether, Which, Where", wh_docstrings(code)),
        (f"bindings named {', '.join(sorted(VAGUE_NAMES))}", vague_bindings(code)),
    ]:
        print(f"{title}: {count:,} of {total:,} ({count / total:.2%})")


if __name__ == "__main__":
    main()
