"""How data flows: read, clean, split, shuffle, profile, analyze, transform, write, publish."""

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
