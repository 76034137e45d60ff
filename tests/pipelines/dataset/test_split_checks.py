"""A split without a row ends a run; one of few rows or classes is warned of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from helpers.small_recipe import HEADER, SMALL

from recordmill.pipelines import Input, Recipe, Splitting, prepare
from recordmill.pipelines.dataset.split_checks import (
    LABELS,
    LabelsFold,
    check_records,
    check_splits,
    split_warnings,
)
from recordmill.pipelines.selection.read_counts import ReadCounts
from recordmill.schemas import Column, DataError, ImageSchema, Schema
from recordmill.schemas.manifest import Ledger, Manifest

SPLITS = ("train", "eval")
CURE = ", or set allow_empty: true. Nothing was published"
PHOTOS = ImageSchema("classification", ("cat", "dog"))


def problem(
    ledger: Mapping[str, Ledger],
    *,
    recipe: Recipe = SMALL,
    contents: frozenset[int] | None = None,
    by_content: bool = True,
) -> str:
    counts = ReadCounts(ledger, 0, contents)
    allowed = replace(recipe, allow_empty=True)
    assert check_splits(counts, splits=SPLITS, recipe=allowed, by_content=by_content) is counts
    with pytest.raises(DataError) as error:
        check_splits(counts, splits=SPLITS, recipe=recipe, by_content=by_content)
    return str(error.value)


ALL_IN_TRAIN = {"train": Ledger(read=2000), "eval": Ledger(), "unsplit": Ledger()}
OWN_INPUTS = (
    ". Give each split inputs of its own (--input eval=FILE, as for the others), change "
    "split.ratios or the seed"
)


def test_few_contents() -> None:
    assert problem(ALL_IN_TRAIN, contents=frozenset(range(8))) == (
        "eval got no row: content decides the split, and all 2,000 rows went to train; they have "
        f"only 8 different contents, and equal ones stay together{OWN_INPUTS}{CURE}"
    )


@pytest.mark.parametrize("contents", [None, frozenset(range(2000))])
def test_many_contents(contents: frozenset[int] | None) -> None:
    assert problem(ALL_IN_TRAIN, contents=contents) == (
        f"eval got no row: content decides the split, and all 2,000 rows went to train{OWN_INPUTS}"
        f"{CURE}"
    )


def test_columns_that_decide() -> None:
    split = Splitting({"train": 0.5, "eval": 0.5}, columns=("city", "age"))
    recipe = replace(SMALL, split=split)
    assert problem(ALL_IN_TRAIN, recipe=recipe, contents=frozenset({1})) == (
        "eval got no row: content decides the split, and all 2,000 rows went to train; rows that "
        f'are equal in "city", "age" stay together{OWN_INPUTS}{CURE}'
    )


def test_nothing_was_read() -> None:
    assert problem({"unsplit": Ledger()}) == (
        f"train and eval got no row: the inputs have no row. Check the inputs{CURE}"
    )
    good = {"train": Ledger(read=9)}
    assert problem(good, by_content=False) == (
        f"eval got no row: the inputs have no row. Check the inputs{CURE}"
    )
    photos = replace(SMALL, schema=PHOTOS)
    assert problem(good, by_content=False, recipe=photos) == (
        f"eval got no image: the inputs have no image. Check the inputs{CURE}"
    )


def test_nothing_is_left() -> None:
    left_out = Ledger(read=1003, filtered=1000, sampled_out=1, rejected={"ragged": 2})
    assert problem({"train": Ledger(read=9), "eval": left_out}, by_content=False) == (
        "eval got no row: of 1,003 rows read none is left, 1,000 filtered, 1 sampled out, 2 "
        f"rejected as ragged. Check the inputs{CURE}"
    )


def test_every_split_has_a_row() -> None:
    counts = ReadCounts({"train": Ledger(read=9), "eval": Ledger(read=2, filtered=1)})
    assert check_splits(counts, splits=SPLITS, recipe=SMALL, by_content=True) is counts


@pytest.mark.parametrize(
    ("ledger", "why"),
    [
        (Ledger(written=4), "all its 4 images were cut into tiles that are left out"),
        (Ledger(duplicates=4), "all its 4 images are duplicates"),
    ],
)
def test_no_record_is_left(ledger: Ledger, why: str) -> None:
    recipe = replace(SMALL, schema=PHOTOS)
    counts = {"train": 9, "eval": 0}
    with pytest.raises(DataError) as error:
        check_records(counts, {"train": Ledger(), "eval": ledger}, recipe=recipe)
    assert str(error.value) == f"eval got no record: {why}. Change that in the recipe{CURE}"
    allowed = replace(recipe, allow_empty=True)
    check_records(counts, {"train": Ledger(), "eval": ledger}, recipe=allowed)


def schema(type: Any, domain: Sequence[str] = ()) -> Schema:
    return Schema((Column("x", "int64"), Column("kind", type, domain=tuple(domain), role="label")))


def test_labels_are_counted() -> None:
    fold = LabelsFold.of(schema("string"))
    words = pa.array(["b", None, "a", "b"]).dictionary_encode()
    found = fold.add(fold.start(), pa.RecordBatch.from_pydict({"kind": words}))
    assert found == {"a": 1, "b": 2}
    numbers = pa.RecordBatch.from_pydict({"kind": pa.array([3, None, 3], pa.int64())})
    assert fold.add(found, numbers) == {"a": 1, "b": 2, "3": 2}
    many = pa.RecordBatch.from_pydict({"kind": pa.array(range(1001))})
    assert fold.add(found, many) is None and fold.add(None, numbers) is None
    assert fold.merge([found, None]) is None
    assert fold.merge([found, Counter({"c": 1})]) == {"a": 1, "b": 2, "c": 1}


def test_classes_of_boxes_are_counted() -> None:
    fold = LabelsFold.of(ImageSchema("detection", ("cat", "dog")))
    boxes = pa.array([["cat", "cat"], [], ["dog"]], pa.list_(pa.string()))
    batch = pa.RecordBatch.from_pydict({fold.column: boxes})
    assert fold.add(fold.start(), batch) == {"cat": 2, "dog": 1}


@pytest.mark.parametrize("schema", [schema("float32"), Schema((Column("x", "int64"),))])
def test_there_is_no_class(schema: Schema) -> None:
    fold = LabelsFold.of(schema)
    batch = pa.RecordBatch.from_pydict({"kind": pa.array([1.5])})
    assert fold.add(fold.start(), batch) == {}
    assert warned(schema, train=(50, {}), eval=(50, {})) == []


def warned(schema: Schema | ImageSchema, **splits: tuple[int, Any]) -> list[str]:
    """The warnings of splits of so many rows, with so many rows of each label."""
    return split_warnings(
        {name: Ledger(written=count) for name, (count, _) in splits.items()},
        splits=list(splits),
        schema=schema,
        folds=[(LABELS, name, labels and Counter(labels)) for name, (_, labels) in splits.items()],
    )


def test_few_rows() -> None:
    few = "and numbers measured on less than 30 say little"
    full = {"a": 1}
    assert warned(schema("string"), train=(30, full), eval=(29, full), test=(1, full)) == [
        f"eval has 29 rows, {few}",
        f"test has 1 row, {few}",
    ]
    assert warned(PHOTOS, train=(0, {})) == [f"train has 0 images, {few}"]


@pytest.mark.parametrize(
    ("schema", "train", "evaluated", "warning"),
    [
        (schema("string"), {"a": 9, "b": 1}, {"a": 9}, 'eval has no row of the class "b"'),
        (
            schema("string", ["a", "b", "c"]),
            {"a": 9, "b": 1, "c": 2},
            {"b": 9},
            'eval has no row of 2 of the 3 classes: "a", "c"',
        ),
        (
            schema("string", ["a", "b"]),
            {"a": 9},
            {"a": 1, "b": 9},
            'train has no row of the class "b"',
        ),
        (schema("int64"), {"0": 9, "1": 1}, {"0": 9}, 'eval has no row of the class "1"'),
        (schema("int64"), {str(n): 1 for n in range(21)}, {"1": 9}, ""),
        (schema("string"), None, {"a": 9}, ""),
        (schema("string"), {"a": 9}, None, ""),
        (PHOTOS, {"cat": 9, "dog": 3}, {"cat": 1}, 'eval has no image of the class "dog"'),
        (
            ImageSchema("detection", tuple("abcdefgh")),
            dict.fromkeys("abcdefgh", 1),
            {"a": 1},
            'eval has no box of 7 of the 8 classes: "b", "c", "d", "e", "f" and 2 more',
        ),
    ],
)
def test_absent_classes(schema: Any, train: Any, evaluated: Any, warning: str) -> None:
    found = warned(schema, train=(100, train), eval=(100, evaluated))
    assert found == ([warning] if warning else [])


def run(folder: Path, lines: list[str], **changes: Any) -> Any:
    (folder / "rows.csv").write_text(HEADER + "".join(lines))
    recipe = replace(SMALL, **changes)
    return prepare(recipe, output=str(folder / "out"), inputs=[Input(None, f"{folder}/rows.csv")])


def test_equal_rows_all_in_train_are_an_error(tmp_path: Path) -> None:
    lines = ["30,1.75,Rome,no\n", "31,1.75,Rome,yes\n"] * 50
    with pytest.raises(DataError) as error:
        run(tmp_path, lines, seed=1)
    assert str(error.value) == (
        "eval got no row: content decides the split, and all 100 rows went to train; they have "
        f"only 2 different contents, and equal ones stay together{OWN_INPUTS}{CURE}"
    )
    assert not (tmp_path / "out").exists()


def test_a_header_alone_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"^train and eval got no row: the inputs have no row\."):
        run(tmp_path, [])


def test_an_empty_split_that_is_allowed_is_a_warning(tmp_path: Path) -> None:
    lines = [f"{age},1.75,Rome,{label}\n" for age in range(40) for label in ("no", "yes")]
    (tmp_path / "none.csv").write_text(HEADER)
    (tmp_path / "rows.csv").write_text(HEADER + "".join(lines))
    recipe = replace(SMALL, allow_empty=True)
    inputs = [Input("train", f"{tmp_path}/rows.csv"), Input("eval", f"{tmp_path}/none.csv")]
    manifest = prepare(recipe, output=str(tmp_path / "out"), inputs=inputs)
    few = "eval has 0 rows, and numbers measured on less than 30 say little"
    assert manifest.splits["eval"].records == 0
    assert manifest.warnings == (few,)
    assert Manifest.from_json((tmp_path / "out/manifest.json").read_text(), path="") == manifest
    assert f'<span class="names">{few}</span>' in (tmp_path / "out/report.html").read_text()
