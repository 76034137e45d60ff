"""How data flows: read, clean, split, shuffle, profile, analyze, transform, write, publish.

To read in this order:

    recipe                       what a dataset is made of; recipes/ reads it from YAML, inference/
                                 makes one for a CSV, samples/ draws inputs for the built-in ones
    preparation                  the whole way, on one screen; `roads` is what differs below
    inputs/                      days of a window, Parquet, DataFrames, reshaped rows: what there
                                 is to read beside CSV
    read, scan, parse            CSV files to blocks of text              table_road
    checksums                    what is parsed is what was scanned
    rows, clean, convert, keys   blocks to clean rows with keys
    annotations/, images/        folders and annotations to checked       images/road
                                 images with keys
    split, layout, runs,         rows to buckets in canonical order; and a sample of them
      shuffle, smallest
    analyze, fused/, passes      buckets to the transform graph, and the profile beside it
    feed, transform, encode      buckets through the graph to tf.Examples
    images/press, images/graph,  the same of images: pixels, tiles, copies, records; before the
      images/transform             shuffle, where there is nothing to analyze
    framing, shards              records to shards
    parity, images/parity        what the graph serves is what was stored
    transformed                  the statistics of features
    described, findings          what is told of rows, and the manifest
    publish, verify              the folder in its place, last; and whether it is whole
    contents                     what belongs to such a folder, and what is a user's own
    report/                      what people look at
    profiles/                    statistics and a report without a dataset
    validation/                  new data against a schema, training or yesterday
    serving/                     an exported model held against the records
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .analysis.analyze_dataset import AnalyzeDataset
    from .images.annotations.refs import ImageFormat
    from .images.check import Limits
    from .images.options import Images
    from .preparation import prepare
    from .profiles.profile import profile
    from .recipes.recipe import Recipe, find_recipe
    from .reshape.reshape import Reshape, Table
    from .shuffle.split import Splitting
    from .tables.csv_source import CsvFormat, Input
    from .tables.dataframes import FrameInput
    from .validation.validate import Expect, validate

__all__ = [
    "AnalyzeDataset",
    "CsvFormat",
    "Expect",
    "FrameInput",
    "ImageFormat",
    "Images",
    "Input",
    "Limits",
    "Recipe",
    "Reshape",
    "Splitting",
    "Table",
    "find_recipe",
    "prepare",
    "profile",
    "validate",
]

_HOMES = {
    "AnalyzeDataset": "analysis.analyze_dataset",
    "CsvFormat": "tables.csv_source",
    "Expect": "validation.validate",
    "FrameInput": "tables.dataframes",
    "ImageFormat": "images.annotations.refs",
    "Images": "images.options",
    "Input": "tables.csv_source",
    "Limits": "images.check",
    "Recipe": "recipes.recipe",
    "Reshape": "reshape.reshape",
    "Splitting": "shuffle.split",
    "Table": "reshape.reshape",
    "find_recipe": "recipes.recipe",
    "prepare": "preparation",
    "profile": "profiles.profile",
    "validate": "validation.validate",
}


def __getattr__(name: str) -> Any:
    """Imports a name when it is first asked for: TensorFlow takes seconds, and not all need it."""
    if name in _HOMES:
        return getattr(import_module(f".{_HOMES[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
