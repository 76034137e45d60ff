from __future__ import annotations

import pytest
import tensorflow as tf

from recordmill.schemas.errors import RecipeError
from recordmill.transforms.encodings import target_encode


@pytest.mark.parametrize(
    ("label", "options", "message"),
    [
        (tf.constant([1.0]), {"smoothing": -1.0}, "expected a smoothing of at least 0, got -1.0"),
        (
            tf.constant([1.0]),
            {"smoothing": float("nan")},
            "expected a smoothing of at least 0, got nan",
        ),
        (
            tf.constant(["yes"]),
            {},
            "positive: expected the class of the string label whose share is taken",
        ),
        (tf.constant([1.0]), {"positive": "yes"}, 'positive: the label is a number, got "yes"'),
    ],
)
def test_wrong_options(label: tf.Tensor, options: dict[str, object], message: str) -> None:
    with pytest.raises(RecipeError) as error:
        target_encode(tf.constant(["a"]), label, **options)
    assert str(error.value) == message
