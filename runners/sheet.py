"""Contact sheets: the first images of a split in a PNG file."""

from __future__ import annotations

from ..pipelines.images.contact_sheet import sheet_of
from ..schemas.errors import RecipeError

__all__ = ["contact_sheet"]

_MAX_RECORDS = 400


def contact_sheet(directory: str, *, split: str, count: int, path: str) -> int:
    """Draw the first records of a split, in the order of the shards.

    Args:
      directory: A prepared dataset of images.
      split: Name of the split, such as "train".
      count: Number of records, 1 to 400; a split that has fewer is drawn whole.
      path: PNG file to write; an existing file is replaced.

    Returns:
      The number of records drawn.

    Raises:
      DataError: The dataset is damaged.
      RecipeError: There is no such split, the dataset holds no images, `count` is out of range,
        or the file cannot be written.
    """
    from ..transforms.dataset.loader import load

    if not 1 <= count <= _MAX_RECORDS:
        raise RecipeError(f"expected 1 to {_MAX_RECORDS} records on a contact sheet, got {count}")
    data = load(directory)
    if not data.manifest.images:
        raise RecipeError(f"{directory}: a contact sheet shows images, and this dataset has none")
    sheet, drawn = sheet_of(data, split=split, count=count)
    try:
        sheet.save(path, format="PNG")
    except OSError as error:
        raise RecipeError(f"{path}: cannot be written: {error}") from error
    return drawn
