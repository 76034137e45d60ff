from __future__ import annotations

from typing import Any

import pytest

from recordmill.pipelines.config.image_format import ImageFormat
from recordmill.schemas import RecipeError


def test_defaults() -> None:
    assert ImageFormat() == ImageFormat(path_column="path", label_column="label", frame="auto")
    assert ImageFormat(box="cxcywh", units="relative").box == "cxcywh"


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"path_column": ""}, "path_column: expected the name of a column, got an empty one"),
        ({"box": "yxyx"}, 'box: expected xywh, xyxy, cxcywh, got "yxyx"'),
        ({"units": "cm"}, 'units: expected pixels, relative, got "cm"'),
        ({"frame": "turned"}, 'frame: expected auto, upright, stored, got "turned"'),
    ],
)
def test_what_it_refuses(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(RecipeError) as error:
        ImageFormat(**fields)
    assert str(error.value) == message
