"""`recordmill show`: prints the first records of a dataset, or draws its images."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from ..schemas.errors import RecipeError
from .logging_setup import start_tensorflow

__all__ = ["add_arguments", "show"]

_DEFAULT_RECORDS = 5
_DEFAULT_IMAGES = 25


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of `recordmill show`."""
    parser.set_defaults(function=show)
    parser.add_argument("directory", metavar="DIR", help="folder of the dataset")
    parser.add_argument("--split", default="train", help="split to show (default train)")
    parser.add_argument(
        "-n",
        type=int,
        dest="records",
        metavar="N",
        help=f"number of records (default {_DEFAULT_RECORDS}, or {_DEFAULT_IMAGES} images)",
    )
    parser.add_argument(
        "--sheet", metavar="FILE.png", help="contact sheet to draw (default NAME-SPLIT.png)"
    )


def show(directory: str, *, split: str, records: int | None, sheet: str | None) -> int:
    """Print the first records of a split, one feature a line; draw a contact sheet of images.

    Args:
      directory: Folder of the dataset.
      split: Name of the split.
      records: Number of records; None for 5, or 25 images.
      sheet: PNG file to write for a dataset of images; None for `NAME-SPLIT.png`.

    Raises:
      DataError: The dataset is damaged.
      RecipeError: There is no such split, or `sheet` is given for a table.
    """
    start_tensorflow()
    from ..transforms.dataset.loader import load

    data = load(directory)
    if data.manifest.images:
        return _show_images(directory, data.manifest.name, split, records, sheet)
    if sheet is not None:
        raise RecipeError(f"{directory}: --sheet is for a dataset of images")
    elements = data.dataset(split, batch_size=1, shuffle=False).take(
        _DEFAULT_RECORDS if records is None else records
    )
    for number, element in enumerate(elements.as_numpy_iterator()):
        features, label = element if isinstance(element, tuple) else (element, None)
        print(f"{split} record {number}")
        width = max(map(len, features))
        for name in sorted(features):
            print(f"  {name:<{width}}  {_text(features[name][0])}")
        if label is not None:
            print(f"  label {data.manifest.label}: {_text(label[0])}")
    return 0


def _show_images(
    directory: str, name: str, split: str, records: int | None, sheet: str | None
) -> int:
    from .sheet import contact_sheet

    path = sheet or f"{name}-{split}.png"
    count = _DEFAULT_IMAGES if records is None else records
    drawn = contact_sheet(directory, split=split, count=count, path=path)
    print(f"{directory}: drew {drawn:,} records of {split} in {path}")
    return 0


def _text(value: Any) -> str:
    return value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else str(value)
