"""`ImageLimits`: limits of image files, checked before anything is decoded."""

from __future__ import annotations

from dataclasses import dataclass

from ...schemas.errors import RecipeError

__all__ = ["ImageLimits"]


@dataclass(frozen=True)
class ImageLimits:
    """Limits beyond which an image is rejected before it is decoded.

    Attributes:
      max_bytes: Largest size of the file.
      max_pixels: Largest size of the picture, width times height.

    Raises:
      RecipeError: A limit is below 1.
    """

    max_bytes: int = 50_000_000
    max_pixels: int = 50_000_000

    def __post_init__(self) -> None:
        for name in ("max_bytes", "max_pixels"):
            if getattr(self, name) < 1:
                raise RecipeError(f"expected {name} of at least 1, got {getattr(self, name)}")
