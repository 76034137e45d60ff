from __future__ import annotations

from typing import Any

import pytest

from recordmill.pipelines.config.image_format import ImageFormat
from recordmill.pipelines.images.annotations.box_format import XYWH, XYXY, BoxFormat
from recordmill.schemas import RecipeError


def test_boxes_are_as_usual_where_nothing_is_said() -> None:
    assert ImageFormat().boxes_of(XYWH) == XYWH
    assert ImageFormat(box="cxcywh").boxes_of(XYWH) == BoxFormat("cxcywh", "pixels")
    assert ImageFormat(units="relative").boxes_of(XYXY) == BoxFormat("xyxy", "relative")


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
