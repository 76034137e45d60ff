"""How data flows: read, clean, split, shuffle, profile, analyze, transform, write, publish.

To read in this order:

    recipe                       what a dataset is made of; `recipe_*` read it from YAML, `infer*`
                                 and `sniff` from a CSV
    preparation                  the whole way, on one screen; `roads` is what differs below
    gather: spans, frames,       days of a window, DataFrames, reshaped rows: what there is to
      reshape, reshaping           read
    read, scan, parse            CSV files to blocks of text            table_road
    parquet, arrow_text          Parquet files to the same
    rows, clean, convert, keys   blocks to clean rows with keys
    annotations*, image_rows,    folders and annotations to checked     image_road
      image_chunks, image_files,   images with keys
      image_check
    image_look, image_near,      pictures that look the same
      near_duplicates
    split, layout, shuffle       rows to buckets in canonical order
    analyze, fused*, passes      buckets to the transform graph, and the profile beside it
    feed, transform, encode      buckets through the graph to tf.Examples
    image_press, image_feed,     the same of images: pixels, tiles,
      image_graph, image_pieces,   copies, records; before the shuffle,
      image_records,               where there is nothing to analyze
      image_transform
    framing, shards              records to shards
    parity, image_parity         what the graph serves is what was stored
    transformed                  the statistics of features
    findings, publish, verify    the manifest, last
    model_parity*, input_rows    an exported model held against the records
    report*, contact_sheet       what people look at
    profiling, profiled,         statistics and a report without a dataset
      statistics_cache
    examine*, validation         new data against a schema, training or yesterday
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .analyze_dataset import AnalyzeDataset
    from .frames import FrameInput
    from .image_check import Limits
    from .image_options import Images
    from .image_refs import ImageFormat
    from .preparation import prepare
    from .profiling import profile
    from .read import CsvFormat, Input
    from .recipe import Recipe, find_recipe
    from .reshape import Reshape, Table
    from .split import Splitting
    from .validation import Expect, validate

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
    "AnalyzeDataset": "analyze_dataset",
    "CsvFormat": "read",
    "Expect": "validation",
    "FrameInput": "frames",
    "ImageFormat": "image_refs",
    "Images": "image_options",
    "Input": "read",
    "Limits": "image_check",
    "Recipe": "recipe",
    "Reshape": "reshape",
    "Splitting": "split",
    "Table": "reshape",
    "find_recipe": "recipe",
    "prepare": "preparation",
    "profile": "profiling",
    "validate": "validation",
}


def __getattr__(name: str) -> Any:
    """Imports a name when it is first asked for: TensorFlow takes seconds, and not all need it."""
    if name in _HOMES:
        return getattr(import_module(f".{_HOMES[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
