"""Maps the top-level folders into the one namespace package `recordmill`."""

from setuptools import setup

FOLDERS = ("schemas", "transforms", "pipelines", "runners")

setup(
    packages=[f"recordmill.{folder}" for folder in FOLDERS],
    package_dir={f"recordmill.{folder}": folder for folder in FOLDERS},
    package_data={
        **{f"recordmill.{folder}": ["py.typed"] for folder in FOLDERS},
        "recordmill.pipelines": ["py.typed", "recipes/*.yaml", "templates/report/*"],
    },
)
