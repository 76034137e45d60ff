"""Integers that are equal as floats fail a run if a feature casts them."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from recordmill.pipelines import Input, prepare
from recordmill.pipelines.analysis.number_ranges import NumberRangesFold, few_steps
from recordmill.pipelines.recipes.file import recipe_of_text
from recordmill.schemas import Column, DataError, ImageSchema, Schema
from recordmill.schemas.manifest import Manifest
from recordmill.transforms import load

LARGE = 2**62
TEXT = """\
columns:
  id: {{type: int64, missing: ["?"]}}
  y: {{type: int64, role: label}}
{transforms}
"""
SCHEMA = Schema(
    (
        Column("id", "int64"),
        Column("size", "float32"),
        Column("row", "int64", role="unused"),
        Column("y", "int64", role="label"),
    )
)


def batch(*ids: int | None) -> pa.RecordBatch:
    columns = {
        "id": pa.array(ids, pa.int64()),
        "size": pa.array([0.5] * len(ids), pa.float32()),
        "y": pa.array([1] * len(ids), pa.int64()),
    }
    return pa.RecordBatch.from_pydict(columns)


def test_ranges_are_exact_and_merge() -> None:
    fold = NumberRangesFold.of(SCHEMA)
    assert fold.columns == ("id", "size", "y")
    first = fold.add(fold.start(), batch(LARGE + 1, None, LARGE + 3))
    assert fold.add(first, batch(LARGE + 2, 5)) == {
        "id": (5, LARGE + 3),
        "size": (0.5, 0.5),
        "y": (1, 1),
    }
    assert fold.merge([first, fold.add({}, batch(None))]) == {
        "id": (LARGE + 1, LARGE + 3),
        "size": (0.5, 0.5),
        "y": (1, 1),
    }
    assert NumberRangesFold.of(ImageSchema("classification", ("cat",))).columns == ()


@pytest.mark.parametrize(
    ("low", "high", "dtype", "few"),
    [
        (2**53, 2**53 + 999, "float64", True),
        (2**53, 2**53 + 2000, "float64", False),
        (-(2**53) - 999, -(2**53), "float64", True),
        (2**53 - 999, 2**53 - 1, "float64", False),
        (LARGE, LARGE, "float64", False),
        (1_700_000_000_000_000_000, 1_700_000_001_000_000_000, "float64", False),
        (2**24, 2**24 + 999, "float32", True),
        (0, 2**31, "float32", False),
    ],
)
def test_few_steps(low: int, high: int, dtype: str, few: bool) -> None:
    assert few_steps(low, high, dtype=dtype) is few


def made(folder: Path, transforms: str, values: list[object]) -> Manifest:
    """Run a recipe on a column of ids."""
    rows = "".join(f"{value},{index}\n" for index, value in enumerate(values))
    (folder / "ids.csv").write_text("id,y\n" + rows)
    recipe = recipe_of_text(TEXT.format(transforms=transforms), name="ids", folder=str(folder))
    inputs = [Input("train", str(folder / "ids.csv"))]
    return prepare(recipe, output=str(folder / "out"), inputs=inputs)


@pytest.mark.slow
def test_numbers_of_close_large_integers_are_refused(tmp_path: Path) -> None:
    transforms = """\
values:
  distance: {expression: id - 4611686018427387904}
transforms:
  z: {of: id, steps: z_score}
  share: {of: id, steps: [{clip: {minimum: 0}}, min_max]}
  quarter: {of: id, steps: {bucketize_by_quantiles: 4}}
  filled: {of: id, steps: impute}
  distance: as_is
  word: {of: id, steps: vocabulary_ids}
  bucket: {of: id, steps: {hash_buckets: 8}}
  known: {of: id, steps: missing_indicator}
  id: as_is
"""
    with pytest.raises(DataError) as error:
        made(tmp_path, transforms, [LARGE + index for index in range(1, 300)])
    assert str(error.value) == (
        'train: column "id": the integers from 4611686018427387905 to 4611686018427388203 lie too '
        "close together for float64, which makes neighbours beyond 2^53 equal, and in which "
        '"distance", "filled", "quarter", "share", "z" would be computed. Of an identifier make '
        "vocabulary_ids or hash_buckets; write an amount into the input as its distance from a "
        "number near by, such as 4611686018427387905"
    )
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_identifiers_stay_different(tmp_path: Path) -> None:
    ids = [LARGE + index for index in range(1, 300)]
    transforms = "transforms: {id: as_is, word: {of: id, steps: vocabulary_ids}}"
    made(tmp_path, transforms, [*ids, "?"])
    frame = load(str(tmp_path / "out")).to_pandas("train")
    assert sorted(frame["id"]) == [-(2**63), *ids]
    assert len(set(frame["word"])) == 300


@pytest.mark.slow
def test_large_integers_far_apart_have_different_scores(tmp_path: Path) -> None:
    ids = [LARGE + index * 2**40 for index in range(300)]
    made(tmp_path, "transforms: {id: z_score}", [*ids, "?"])
    frame = load(str(tmp_path / "out")).to_pandas("train").sort_values("y")
    scores = frame["id"].to_list()
    assert scores[:-1] == sorted(set(scores[:-1]))
    assert scores[-1] == 0  # of the missing one


@pytest.mark.slow
def test_a_float32_of_16_million_and_one_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError) as error:
        made(tmp_path, "transforms: {id: impute}", [2**24 + index for index in range(300)])
    assert str(error.value).startswith(
        'train: column "id": the integers from 16777216 to 16777515 lie too close together for '
        'float32, which makes neighbours beyond 2^24 equal, and in which "id" would be computed. '
    )
    made(tmp_path, "transforms: {id: z_score}", [2**24 + index for index in range(300)])
    assert load(str(tmp_path / "out")).to_pandas("train")["id"].is_unique
