"""Training-serving gap: steps of a run that are not applied to requests.

All other steps - blanks, missing tokens, spelling, clipping, the `preprocessing_fn` - are in the
transform graph, so they are applied to requests as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ...schemas.column import Column
from ...schemas.schema import Schema
from ..config.images import Images
from ..config.recipe import Recipe

__all__ = ["training_serving_gap"]


def training_serving_gap(recipe: Recipe) -> list[str]:
    """Describe the steps of a recipe that only the pipeline applies, for the manifest.

    Args:
      recipe: The recipe.

    Returns:
      A sentence for each step, in the order in which a row passes them; it says what happens to a
      request instead.
    """
    if isinstance(recipe.schema, Schema):
        steps = _of_table(recipe, recipe.schema)
    else:
        steps = _of_images(recipe.images or Images())
    return [*steps, *_of_rows(recipe)]


def _of_table(recipe: Recipe, schema: Schema) -> Iterator[str]:
    columns = schema.inputs
    numbers = [column for column in columns if column.type != "string"]
    if recipe.reshape is not None:
        yield "reshape: a function makes the rows; a request is such a row"
    if numbers:
        yield f"parsing: text becomes numbers; a request carries numbers ({_names(numbers)})"
    tokens = [column for column in numbers if any(map(_is_no_number, column.missing))]
    if tokens:
        yield (
            "missing: tokens that are no numbers become missing; a request leaves the field out "
            f"({_names(tokens)})"
        )
    lenient = [column for column in numbers if column.bad_value == "missing"]
    if lenient:
        yield f"bad_value: text that is no number becomes missing ({_names(lenient)})"
    rejecting = [
        column for column in columns if column.bad_value == "reject" and _is_bounded(column)
    ]
    if rejecting:
        yield (
            "rejecting: rows with a value outside its range or domain are left out; a request's "
            f"value is taken as it stands ({_names(rejecting)})"
        )
    required = [column for column in columns if column.required]
    if required:
        yield (
            "required: rows without the value are left out; in a request it is missing "
            f"({_names(required)})"
        )


def _of_images(images: Images) -> Iterator[str]:
    yield "limits: images that are broken or too large are left out"
    yield (
        "formats: images that the graph does not decode, such as TIFF or CMYK, are turned into "
        "PNG by Pillow; a request sends JPEG, PNG, GIF or BMP"
    )
    yield (
        "end markers: a JPEG that lacks nothing but its end marker is given one; such a request "
        "fails"
    )
    if images.near_duplicates == "drop":
        yield "near_duplicates: of pictures that look the same one is kept"
    if images.tiling is not None:
        yield "tiling: pictures are cut into tiles behind the graph, and most empty ones left out"
    if images.augmentation is not None:
        yield "augmentation: the training split has changed copies"
    if images.storage == "jpeg":
        yield f"storage: pixels are stored as JPEG of quality {images.quality}, with losses"


def _of_rows(recipe: Recipe) -> Iterator[str]:
    for condition in recipe.filters:
        yield f"filters: rows are left out unless {condition}"
    if recipe.sampling < 1:
        yield f"sampling: {recipe.sampling:.15g} of the rows are kept"
    if recipe.distinct:
        yield "distinct: of equal rows in a split one is kept"


def _names(columns: Iterable[Column]) -> str:
    return ", ".join(column.name for column in columns)


def _is_bounded(column: Column) -> bool:
    return bool(column.domain) or column.minimum is not None or column.maximum is not None


def _is_no_number(token: str) -> bool:
    try:
        float(token)
    except ValueError:
        return True
    return False
