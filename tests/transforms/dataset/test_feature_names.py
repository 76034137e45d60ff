"""Features chosen by name."""

from __future__ import annotations

from typing import Any

import pytest

from recordmill.schemas.errors import RecipeError
from recordmill.transforms.dataset.feature_names import choose_features

FEATURES = ("age", "sex", "words")


def test_the_order_is_that_of_the_names() -> None:
    assert choose_features(("words", "age"), FEATURES) == ["words", "age"]
    assert choose_features(None, FEATURES) == [*FEATURES]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ("age", "expected a list of names, got 'age'"),
        ([], "expected at least one name, got none"),
        (["age", "age"], 'expected each name once, got "age" again'),
        (["word"], 'the dataset has no feature "word"; did you mean "words"?'),
        (["zzz"], 'the dataset has no feature "zzz"; there are age, sex, words'),
        (["pay"], '"pay" is the label, which dataset(...) returns separately; leave it out'),
    ],
)
def test_names_that_are_refused(names: Any, message: str) -> None:
    with pytest.raises(RecipeError) as error:
        choose_features(names, FEATURES, label={"pay"})
    assert str(error.value) == f"features: {message}"
