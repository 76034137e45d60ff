"""`Images`: settings of image datasets beyond their schema."""

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
    """Settings to find, check, tile, augment and store images.

    Attributes:
      format: Conventions of the annotations.
      limits: Limits beyond which an image is rejected.
      near_duplicates: "count" to report pictures that look the same, "drop" to store only one of
        each group: one of eval if there is any, so that training loses the others.
      tiling: Grid of tiles to cut the pictures into; None to store them as a whole.
      min_visible: Least share of a box that a tile must show to get the box, in (0, 1].
      empty_tiles: Share of the tiles without any part of a box to store, in [0, 1]; position of
        the tile and content of the image decide. Tiles that show only parts below `min_visible`
        are left out.
      augmentation: Random changes that make further copies of the records of the split "train";
        None for no copies.
      storage: Encoding of the pixels: "png" and "raw" are exact, "jpeg" is lossy.
      quality: Quality of the JPEG, from 1 to 100.
      max_clipped_ratio: Largest good share of the boxes of a split that extend beyond their
        picture by more than a pixel; above it the run fails.
      max_tiny_ratio: Largest good share of the boxes of a split of which less than 1.5 pixels of
        the height or the width lie in their picture; above it the run fails.
      allow_no_boxes: Whether to publish a split whose images have no box at all; for detection.

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
                "near_duplicates",
                self.near_duplicates in ("count", "drop"),
                f'"count" or "drop", got "{self.near_duplicates}"',
            ),
            ("min_visible", 0 < self.min_visible <= 1, f"(0, 1], got {self.min_visible}"),
            ("empty_tiles", 0 <= self.empty_tiles <= 1, f"[0, 1], got {self.empty_tiles}"),
            (
                "storage",
                self.storage in get_args(Storage),
                f'{", ".join(get_args(Storage))}, got "{self.storage}"',
            ),
            ("quality", 1 <= self.quality <= 100, f"[1, 100], got {self.quality}"),
            (
                "max_clipped_ratio",
                0 <= self.max_clipped_ratio <= 1,
                f"[0, 1], got {self.max_clipped_ratio}",
            ),
            (
                "max_tiny_ratio",
                0 <= self.max_tiny_ratio <= 1,
                f"[0, 1], got {self.max_tiny_ratio}",
            ),
        ]
        for name, good, problem in checks:
            if not good:
                raise RecipeError(f"expected {problem}", subject="images", field=name)

    @property
    def expands(self) -> bool:
        """True if the number of records of an image can differ from 1."""
        return bool(self.tiling or self.augmentation)
