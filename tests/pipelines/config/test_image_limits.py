from __future__ import annotations

import pytest

from recordmill.pipelines.config.image_limits import ImageLimits
from recordmill.schemas.errors import RecipeError


def test_limits_of_one_are_the_least() -> None:
    assert ImageLimits(max_bytes=1, max_pixels=1).max_pixels == 1
    assert ImageLimits() == ImageLimits(50_000_000, 50_000_000)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"max_bytes": 0}, "expected max_bytes of at least 1, got 0"),
        ({"max_pixels": -5}, "expected max_pixels of at least 1, got -5"),
    ],
)
def test_limits_that_no_image_meets(fields: dict[str, int], message: str) -> None:
    with pytest.raises(RecipeError) as error:
        ImageLimits(**fields)
    assert str(error.value) == message
