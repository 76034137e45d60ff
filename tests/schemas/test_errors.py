from __future__ import annotations

import pickle

import pytest

from recordmill.schemas.errors import RecipeError


@pytest.mark.parametrize(
    ("subject", "field", "message"),
    [
        ("recipe census", "sampling", "recipe census: sampling: expected (0, 1]"),
        ("tiles", "", "tiles: expected (0, 1]"),
        ("", "sampling", "sampling: expected (0, 1]"),
        ("", "", "expected (0, 1]"),
    ],
)
def test_the_message_names_subject_and_field(subject: str, field: str, message: str) -> None:
    error = RecipeError("expected (0, 1]", subject=subject, field=field)
    assert str(error) == message
    assert (error.subject, error.field, error.problem) == (subject, field, "expected (0, 1]")


def test_an_error_stays_the_same_when_it_is_pickled() -> None:
    error = RecipeError("expected (0, 1]", subject="recipe census", field="sampling")
    copy = pickle.loads(pickle.dumps(error))
    assert (str(copy), vars(copy)) == (str(error), vars(error))
