"""Maps the top-level folders into the one namespace package `recordmill`."""

from setuptools import find_packages, setup

FOLDERS = ("schemas", "transforms", "pipelines", "runners")

setup(
    packages=[
        f"recordmill.{name}"
        for folder in FOLDERS
        for name in (folder, *(f"{folder}.{inner}" for inner in find_packages(folder)))
    ],
    package_dir={f"recordmill.{folder}": folder for folder in FOLDERS},
    package_data={"": ["py.typed", "*.yaml", "templates/*"]},
)
