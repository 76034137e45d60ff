"""How data flows: read, clean, split, shuffle, profile, analyze, transform, write, publish.

To read in this order:

    preparation                  the whole way, on one screen; `roads` is what differs below
    read, scan, parse            CSV files to blocks of text            table_road
    rows, clean, convert, keys   blocks to clean rows with keys
    annotations*, image_rows,    folders and annotations to checked     image_road
      image_chunks, image_check    images with keys
    image_near, near_duplicates  pictures that look the same
    split, layout, shuffle       rows to buckets in canonical order
    analyze, fused*, passes      buckets to the transform graph, and the profile beside it
    feed, transform, encode      buckets through the graph to tf.Examples
    image_feed, image_transform, the same of images: pixels, tiles,
      image_pieces, image_records  copies, records
    framing, shards              records to shards
    parity, image_parity         what the graph serves is what was stored
    findings, publish, verify    the manifest, last
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .analyze import AnalyzeDataset
    from .image_check import Limits
    from .image_options import Images
    from .image_refs import ImageFormat
    from .preparation import prepare
    from .read import CsvFormat, Input
    from .recipe import Recipe, find_recipe
    from .split import Splitting

__all__ = [
    "AnalyzeDataset",
    "CsvFormat",
    "ImageFormat",
    "Images",
    "Input",
    "Limits",
    "Recipe",
    "Splitting",
    "find_recipe",
    "prepare",
]

_HOMES = {
    "AnalyzeDataset": "analyze",
    "CsvFormat": "read",
    "ImageFormat": "image_refs",
    "Images": "image_options",
    "Input": "read",
    "Limits": "image_check",
    "Recipe": "recipe",
    "Splitting": "split",
    "find_recipe": "recipe",
    "prepare": "preparation",
}


def __getattr__(name: str) -> Any:
    """Imports a name when it is first asked for: TensorFlow takes seconds, and not all need it."""
    if name in _HOMES:
        return getattr(import_module(f".{_HOMES[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
