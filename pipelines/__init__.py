"""Beam pipelines from files to a prepared dataset, and the tools around them.

To read in this order:

    config/                      describes what a run is to do, in frozen dataclasses
    preparation                  builds the whole pipeline, on one screen; `profiling` its front
    sources, stage_types         interface of the two kinds of records, and the types of its stages
    resolve, inputs/, reshape/   turn the inputs of a run into files to read
    readers/                     reads CSV and Parquet files into batches of text
    tables/                      converts text into clean rows with keys, and rows into tf.Examples
    images/                      does the same for pictures and their annotations
    selection/                   filters, samples and counts rows, and assigns them to splits
    shuffle/                     puts rows into buckets and canonical order
    analysis/                    analyzes a `preprocessing_fn` in one pass a phase
    tfrecord/                    encodes features as tf.Examples and writes shards
    checks, dataset/, finalize   check a run, and write the metadata files and the manifest
    parity/                      compares stored records with what the graph and models serve
    verify                       reads a published dataset again
    runtime/                     serves all stages: files, threads, folds, progress, publishing
    recipes/, inference/         read a recipe from YAML, and write one for a file
    profiles/, validation/       profile data, and compare new data with old
    report/, samples/            draw report.html, and the inputs of the built-in recipes
"""

import warnings
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .analysis.analyze_dataset import AnalyzeDataset
    from .config.csv_format import CsvFormat
    from .config.expect import Expect
    from .config.image_format import ImageFormat
    from .config.image_limits import ImageLimits
    from .config.images import Images
    from .config.input import Input
    from .config.recipe import Recipe
    from .config.reshape import Reshape, Table
    from .config.splitting import Splitting
    from .preparation import prepare
    from .profiling import profile
    from .recipes.find import find_recipe
    from .tables.dataframes import FrameInput
    from .validation.validate import validate

__all__ = [
    "AnalyzeDataset",
    "CsvFormat",
    "Expect",
    "FrameInput",
    "ImageFormat",
    "ImageLimits",
    "Images",
    "Input",
    "Recipe",
    "Reshape",
    "Splitting",
    "Table",
    "find_recipe",
    "prepare",
    "profile",
    "validate",
]

_MODULES = {
    "AnalyzeDataset": "analysis.analyze_dataset",
    "CsvFormat": "config.csv_format",
    "Expect": "config.expect",
    "FrameInput": "tables.dataframes",
    "ImageFormat": "config.image_format",
    "ImageLimits": "config.image_limits",
    "Images": "config.images",
    "Input": "config.input",
    "Recipe": "config.recipe",
    "Reshape": "config.reshape",
    "Splitting": "config.splitting",
    "Table": "config.reshape",
    "find_recipe": "recipes.find",
    "prepare": "preparation",
    "profile": "profiling",
    "validate": "validation.validate",
}
"""Module of each public name. The imports above name them again for tools that read the source,
such as mypy and the API reference; a test compares the two."""

_RENAMED = {"Limits": "ImageLimits"}
"""Names of version 0.1 and their names now; removed in 0.3.0."""


def __getattr__(name: str) -> Any:
    """Import a public name at its first use: TensorFlow takes seconds, and some do not need it."""
    if name in _RENAMED:
        warnings.warn(
            f"{__name__}.{name} is deprecated and goes in 0.3.0: use {_RENAMED[name]}",
            DeprecationWarning,
            stacklevel=2,
        )
        name = _RENAMED[name]
    if name in _MODULES:
        return getattr(import_module(f".{_MODULES[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
