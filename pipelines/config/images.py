"""`Images`: what a recipe says of images beyond their schema."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, get_args

from ...schemas.errors import RecipeError
from ...transforms.augment import Augmentation
from ...transforms.tiles import Tiling
from .image_format import ImageFormat
from .image_limits import ImageLimits

__all__ = ["Images", "Storage"]

Storage = Literal["png", "jpeg", "raw"]


@dataclass(frozen=True, kw_only=True)
class Images:
    """How images are found, checked, cut, copied and stored.

    Attributes:
      format: How annotations name them.
      limits: What is too large to be decoded.
      near_duplicates: What becomes of pictures that look the same: "count" tells of them, "drop"
        keeps one of each group; one of eval, where there is one, so that training loses it.
      tiling: How the pictures are cut into tiles; None to keep them whole.
      min_visible: The share of a box that a tile must show to have it, in (0, 1].
      empty_tiles: The share of the tiles that show no part of any box to keep, in [0, 1]; the
        tile's place and the image's content decide which. Tiles that show only parts below
        `min_visible` are left out.
      augmentation: What makes further copies of the records of the split "train"; None for none.
      storage: How pixels are stored: "png" and "raw" exactly, "jpeg" with losses.
      quality: Of the JPEG, from 1 to 100.
      max_clipped_ratio: The run fails when more than this share of the boxes of a split reach out
        of their picture by more than a pixel.
      max_tiny_ratio: The run fails when of more than this share of the boxes of a split less than
        1.5 pixels of the height or the width lie in their picture.
      allow_no_boxes: Whether a split whose images have no box at all is published; for detection.

    Raises:
      RecipeError: A field is out of its range; the message names it.
    """

    format: ImageFormat = field(default_factory=ImageFormat)
    limits: ImageLimits = field(default_factory=ImageLimits)
    near_duplicates: Literal["count", "drop"] = "count"
    tiling: Tiling | None = None
    min_visible: float = 0.5
    empty_tiles: float = 0.1
    augmentation: Augmentation | None = None
    storage: Storage = "png"
    quality: int = 95
    max_clipped_ratio: float = 0.05
    max_tiny_ratio: float = 0.05
    allow_no_boxes: bool = False

    def __post_init__(self) -> None:
        checks = [
            (
                self.near_duplicates not in ("count", "drop"),
                f'near_duplicates: expected "count" or "drop", got "{self.near_duplicates}"',
            ),
            (
                not 0 < self.min_visible <= 1,
                f"min_visible: expected (0, 1], got {self.min_visible}",
            ),
            (
                not 0 <= self.empty_tiles <= 1,
                f"empty_tiles: expected [0, 1], got {self.empty_tiles}",
            ),
            (
                self.storage not in get_args(Storage),
                f'storage: expected {", ".join(get_args(Storage))}, got "{self.storage}"',
            ),
            (not 1 <= self.quality <= 100, f"quality: expected [1, 100], got {self.quality}"),
            (
                not 0 <= self.max_clipped_ratio <= 1,
                f"max_clipped_ratio: expected [0, 1], got {self.max_clipped_ratio}",
            ),
            (
                not 0 <= self.max_tiny_ratio <= 1,
                f"max_tiny_ratio: expected [0, 1], got {self.max_tiny_ratio}",
            ),
        ]
        for wrong, message in checks:
            if wrong:
                raise RecipeError(f"images: {message}")

    @property
    def expands(self) -> bool:
        """Whether an image can become another number of records than one."""
        return bool(self.tiling or self.augmentation)
