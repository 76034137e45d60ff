"""Source distribution of the installed package, which remote workers install."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from ..schemas.errors import RecipeError

__all__ = ["build_sdist"]

_FOLDERS = ("schemas", "transforms", "pipelines", "runners")

_SETUP = """\
from setuptools import find_packages, setup

FOLDERS = {folders!r}
setup(
    name="recordmill",
    version={version!r},
    packages=[
        f"recordmill.{{name}}"
        for folder in FOLDERS
        for name in (folder, *(f"{{folder}}.{{inner}}" for inner in find_packages(folder)))
    ],
    package_dir={{f"recordmill.{{folder}}": folder for folder in FOLDERS}},
    package_data={{"": ["py.typed", "*.yaml", "templates/*"]}},
    install_requires={requires!r},
)
"""


def build_sdist() -> str:
    """Build `recordmill-VERSION.tar.gz` in a temporary folder and return its path.

    It contains the package as it is imported here, whether from a clone, an editable install or a
    wheel. Workers install it with the requirements of `recordmill[pipelines]`.

    Raises:
      RecipeError: The build failed; the message ends with its output.
    """
    source = Path(tempfile.mkdtemp(prefix="recordmill-sdist-"))
    for folder in _FOLDERS:
        shutil.copytree(
            _folder(folder), source / folder, ignore=shutil.ignore_patterns("__pycache__")
        )
    version = metadata.version("recordmill")
    (source / "setup.py").write_text(
        _SETUP.format(folders=_FOLDERS, version=version, requires=_requirements())
    )
    build = subprocess.run(
        [sys.executable, "setup.py", "--quiet", "sdist", "--formats=gztar", "--dist-dir", "dist"],
        cwd=source,
        capture_output=True,
        text=True,
    )
    archives = list((source / "dist").glob("*.tar.gz"))
    if build.returncode or not archives:
        raise RecipeError(f"building the sdist for the workers failed: {build.stderr[-2000:]}")
    return str(archives[0])


def _folder(name: str) -> Path:
    spec = find_spec(f"recordmill.{name}")
    if spec is None or spec.origin is None:
        raise RecipeError(f"recordmill.{name} is not installed as files")
    return Path(spec.origin).parent


def _requirements() -> list[str]:
    """Return the requirements of `recordmill[pipelines]`, without the marker of the extra."""
    requirements = []
    for requirement in metadata.requires("recordmill") or []:
        spec, _, marker = requirement.partition(";")
        if not marker or 'extra == "pipelines"' in marker:
            requirements.append(spec.strip())
    return requirements
