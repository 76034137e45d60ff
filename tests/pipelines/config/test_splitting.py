from __future__ import annotations

import pytest

from recordmill.pipelines.config.splitting import Splitting
from recordmill.schemas.census import CENSUS
from recordmill.schemas.errors import RecipeError
from recordmill.schemas.split_names import UNSPLIT


def test_splitting() -> None:
    assert dict(Splitting().ratios) == {"train": 0.8, "eval": 0.2}
    assert Splitting().key_columns(CENSUS) == CENSUS.names
    assert Splitting(columns=("age", "sex")).key_columns(CENSUS) == ("age", "sex")
    Splitting({"a": 1 / 3, "b": 1 / 3, "c": 1 / 3})
    Splitting({str(i): 0.1 for i in range(10)})


@pytest.mark.parametrize(
    ("ratios", "message"),
    [
        ({}, "expected 1 to 256 splits, got 0"),
        (
            {"train": 0.8, "eval": 0.1},
            "expected split ratios that sum to 1, got 0.8 + 0.1 = 0.9",
        ),
        ({"train": 1.2, "eval": -0.2}, 'split "train": expected a ratio above 0, up to 1, got 1.2'),
        ({"train": 1.0, "eval": 0}, 'split "eval": expected a ratio above 0, up to 1, got 0'),
        (
            {"train": float("nan")},
            'split "train": expected a ratio above 0, up to 1, got nan',
        ),
        (
            {"train": 0.7, ".scratch": 0.3},
            'Splitting: ratios: expected a name of letters a to z and A to Z, digits, "_" and '
            '"-", at most 64 of them, the first not "-"; got ".scratch". Name the split '
            '"scratch", say.',
        ),
        (
            {"train": 0.7, UNSPLIT: 0.3},
            "Splitting: ratios: expected a name that the folder of a dataset does not use itself; "
            'got "unsplit". Name the split "unsplit_split", say.',
        ),
        (
            {"train": 0.7, "TRAIN": 0.3},
            "Splitting: ratios: expected names that differ in more than capitals, since some "
            'filesystems take them for one; got "train" and "TRAIN". Rename one of them.',
        ),
    ],
)
def test_a_splitting_that_cannot_be(ratios: dict[str, float], message: str) -> None:
    with pytest.raises(RecipeError) as error:
        Splitting(ratios)
    assert str(error.value) == message


def test_key_columns_are_of_the_schema() -> None:
    with pytest.raises(RecipeError) as error:
        Splitting(columns=("aeg",)).key_columns(CENSUS)
    assert str(error.value) == 'no column "aeg" in the schema; did you mean "age"?'
