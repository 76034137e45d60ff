from __future__ import annotations

import pytest

from recordmill.pipelines.config.input import Input
from recordmill.schemas.errors import RecipeError


def test_a_window_of_days() -> None:
    assert Input("train", "data/{date}/*.csv", last=7).last == 7
    assert Input(None, "a.csv") == Input(split=None, pattern="a.csv", last=None)


@pytest.mark.parametrize("last", [0, -3])
def test_a_window_without_days(last: int) -> None:
    with pytest.raises(RecipeError) as error:
        Input(None, "{date}.csv", last=last)
    assert str(error.value) == f"input {{date}}.csv: last: expected at least 1, got {last}"


@pytest.mark.parametrize("split", ["", "a/b", "..", "schema"])
def test_a_split_that_is_no_folder(split: str) -> None:
    with pytest.raises(RecipeError, match=r"^input a\.csv: split: expected a name "):
        Input(split, "a.csv")
