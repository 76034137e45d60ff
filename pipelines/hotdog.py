"""The recipe of "hot dog or not": a folder a class, cropped to one size."""

from __future__ import annotations

from ..schemas.images import ImageSchema
from ..transforms import hotdog as transforms
from .hotdog_sample import write_hotdog_sample
from .image_options import Images
from .read import Input
from .recipe import Recipe

__all__ = ["HOTDOG"]


def _sample(directory: str) -> tuple[Input, ...]:
    train, test = write_hotdog_sample(directory)
    return Input("train", train), Input("eval", test)


HOTDOG = Recipe(
    name="hotdog",
    schema=ImageSchema("classification", transforms.CLASSES),
    preprocessing_fn=transforms.preprocessing_fn,
    images=Images(storage="jpeg", quality=95),
    sample=_sample,
)
"""Give each split a folder with the folders `hot_dog` and `not_hot_dog` in it."""
