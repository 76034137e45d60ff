"""The recipe of aeroplanes in pictures from above: `recipes/planes.yaml`."""

from __future__ import annotations

from .recipes.built_in import built_in

__all__ = ["PLANES"]

PLANES = built_in("planes")
"""Annotations lie in a folder beside `images`: Pascal VOC, COCO, or a CSV of boxes."""
