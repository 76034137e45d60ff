"""The recipe of aeroplanes in pictures from above: tiles with boxes, and copies of them."""

from __future__ import annotations

from ..schemas.images import ImageSchema
from ..transforms import planes as transforms
from ..transforms.augment import Augmentation, RandomFlip, RandomHue, RandomQuarterTurns
from .image_options import Images
from .image_refs import ImageFormat
from .planes_sample import write_planes_sample
from .read import Input
from .recipe import Recipe

__all__ = ["PLANES"]


def _sample(directory: str) -> tuple[Input, ...]:
    train, evaluation = write_planes_sample(directory)
    return (
        Input("train", f"{train}/annotations/*.xml"),
        Input("eval", f"{evaluation}/annotations/*.xml"),
    )


PLANES = Recipe(
    name="planes",
    schema=ImageSchema("detection", transforms.CLASSES),
    preprocessing_fn=transforms.preprocessing_fn,
    images=Images(
        format=ImageFormat(root="../images"),
        tiling=transforms.TILING,
        augmentation=Augmentation(
            (RandomFlip(horizontal=True, vertical=True), RandomQuarterTurns(), RandomHue(0.05)),
            copies=2,
        ),
    ),
    sample=_sample,
)
"""Annotations lie in a folder beside `images`: Pascal VOC, COCO, or a CSV of boxes."""
