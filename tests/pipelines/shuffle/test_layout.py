"""How many buckets rows go to, and where a bucket of images is cut."""

from __future__ import annotations

import pickle
from itertools import pairwise

import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from recordmill.pipelines.shuffle.layout import BATCH_ROWS, IMAGES, KEY, TABLE, BucketLayout

PIXELS = 1 << 24
SIZES = st.tuples(st.integers(1, 9000), st.integers(1, 6000))


def pictures(sizes: list[tuple[int, int]]) -> pa.RecordBatch:
    """Rows of these widths and heights; "row" counts them."""
    return pa.RecordBatch.from_pydict(
        {
            "row": pa.array(range(len(sizes)), pa.int64()),
            "width": pa.array([width for width, _ in sizes], pa.int64()),
            "height": pa.array([height for _, height in sizes], pa.int64()),
        }
    )


def cut(sizes: list[tuple[int, int]]) -> list[list[tuple[int, int]]]:
    """The sizes in each batch."""
    batches = [batch.column("row").to_pylist() for batch in IMAGES.cut(pictures(sizes))]
    return [[sizes[row] for row in rows] for rows in batches]


def pixels(batch: list[tuple[int, int]]) -> int:
    return sum(width * height for width, height in batch)


@given(st.lists(SIZES, max_size=150))
@example([])
@example([(9000, 6000)] * 3)
@example([(1, 1)] * 65)
def test_images_are_cut_into_batches_as_large_as_the_limits_allow(
    sizes: list[tuple[int, int]],
) -> None:
    batches = cut(sizes)
    assert [size for batch in batches for size in batch] == sizes
    for batch in batches:
        assert 1 <= len(batch) <= 32
        assert len(batch) == 1 or pixels(batch) <= PIXELS
    for batch, after in pairwise(batches):
        assert len(batch) == 32 or pixels(batch) + pixels(after[:1]) > PIXELS


@pytest.mark.parametrize(
    ("sizes", "lengths"),
    [
        ([], []),
        ([(1, 1)], [1]),
        ([(16, 16)] * 32, [32]),
        ([(16, 16)] * 33, [32, 1]),
        ([(4096, 2048)] * 3, [2, 1]),
        ([(4096, 2048), (4096, 2049), (1, 1)], [1, 2]),
        ([(1, 1), (9000, 6000), (1, 1)], [1, 1, 1]),
        ([(4096, 4096)] * 2, [1, 1]),
    ],
)
def test_where_images_are_cut(sizes: list[tuple[int, int]], lengths: list[int]) -> None:
    assert [len(batch) for batch in cut(sizes)] == lengths


@pytest.mark.parametrize("rows", [0, 1, BATCH_ROWS, BATCH_ROWS + 1])
def test_a_table_is_cut_by_rows(rows: int) -> None:
    batch = pa.RecordBatch.from_pydict({"x": pa.array(range(rows), pa.int64())})
    batches = list(TABLE.cut(batch))
    full, rest = divmod(rows, BATCH_ROWS)
    assert [one.num_rows for one in batches] == [BATCH_ROWS] * full + [rest] * bool(rest)
    assert [x for one in batches for x in one.column("x").to_pylist()] == list(range(rows))


def test_a_table_weighs_its_values_and_images_their_bytes() -> None:
    keys = {name: pa.array([1, 2], pa.uint64()) for name in KEY}
    table = pa.RecordBatch.from_pydict({"a": [1, 2], "b": [3, 4], "c": [5, 6]} | keys)
    assert TABLE.weigh(table) == 6
    assert TABLE.weigh(table.slice(0, 0)) == 0
    encoded = pa.array([b"12345", b""], pa.large_binary())
    images = pa.RecordBatch.from_pydict({"image": encoded, "width": [9000, 9000]} | keys)
    assert IMAGES.weigh(images) == 5
    assert IMAGES.weigh(images.slice(1)) == 0
    assert IMAGES.weigh(images.slice(0, 0)) == 0


@pytest.mark.parametrize(
    ("layout", "weight", "buckets"),
    [
        (IMAGES, 0, 1),
        (IMAGES, 1 << 20, 1),
        (IMAGES, (1 << 20) + 1, 2),
        (IMAGES, 5 << 20, 8),
        (IMAGES, 128 << 20, 16),
        (IMAGES, (128 << 20) + 1, 32),
        (IMAGES, 1 << 40, 1024),
        (TABLE, 1 << 18, 1),
        (TABLE, (1 << 18) + 1, 2),
        (TABLE, 8 << 20, 8),
        (TABLE, (8 << 20) + 1, 16),
    ],
)
def test_the_number_of_buckets(layout: BucketLayout, weight: int, buckets: int) -> None:
    assert layout.buckets(weight) == buckets


@given(st.integers(0, 1 << 44), st.sampled_from([TABLE, IMAGES]))
def test_buckets_are_a_power_of_two_and_grow_only_beyond_1024(
    weight: int, layout: BucketLayout
) -> None:
    buckets = layout.buckets(weight)
    assert buckets.bit_count() == 1
    assert buckets <= layout.buckets(2 * weight)
    assert buckets == 1024 or weight <= buckets * layout.large


def test_what_makes_a_row_a_repeat() -> None:
    assert TABLE.equal == ("__key_hi", "__key_lo")
    assert IMAGES.equal == ("__key_hi",)


@pytest.mark.parametrize("layout", [TABLE, IMAGES])
def test_layouts_pickle(layout: BucketLayout) -> None:
    assert pickle.loads(pickle.dumps(layout)) == layout
