from __future__ import annotations

from collections import Counter

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from recordmill.pipelines.analysis.fused.sums import Sums, partition_of


@given(st.lists(st.lists(st.tuples(st.integers(-3, 3), st.integers(0, 9)), max_size=8), max_size=5))
def test_sums_are_sums_however_they_are_cut(parts: list[list[tuple[int, int]]]) -> None:
    expected: Counter[int] = Counter()
    pieces: dict[int, list[Sums]] = {}
    for rows in parts:
        sums = Sums(("key",))
        table = pa.table({"key": [key for key, _ in rows], "n": [n for _, n in rows]})
        sums.add([table.cast(pa.schema([("key", pa.int64()), ("n", pa.int64())]))])
        for place, piece in enumerate(sums.split(2)):
            pieces.setdefault(place, []).append(piece)
        for key, n in rows:
            expected[key] += n
    if not parts:
        return
    joined = Sums.joined({place: Sums.merged(some) for place, some in pieces.items()})
    table = joined.settle()
    rows_of = [] if table is None else table.to_pylist()
    assert sorted((row["key"], row["n"]) for row in rows_of) == sorted(expected.items())


def test_partitions_are_the_same_in_every_process() -> None:
    tokens = pa.chunked_array([pa.array([b"", b"a", b"\xff"], pa.binary())])
    assert partition_of(tokens, 16).tolist() == [15, 3, 7]
    integers = pa.chunked_array([pa.array([-1, 0, 17], pa.int8())])
    assert partition_of(integers, 16).tolist() == [15, 0, 1]


def _table(rows: list[tuple[str, float]]) -> pa.Table:
    keys, numbers = [key for key, _ in rows], [number for _, number in rows]
    return pa.table({"key": pa.array(keys, pa.binary()), "n": pa.array(numbers, pa.float64())})


def test_keys_stand_in_the_order_of_their_first_row() -> None:
    sums = Sums(("key",))
    sums.add([_table([("b", 1.0), ("a", 2.0)]), _table([("c", 0.5), ("b", 4.0)])])
    table = sums.settle()
    assert table is not None
    assert table.to_pydict() == {"key": [b"b", b"a", b"c"], "n": [5.0, 2.0, 0.5]}
    assert (sums.settled, len(sums.tables)) == (3, 1)
    assert sums.settle() is table


def test_sums_of_floats_depend_on_the_order_of_rows_alone() -> None:
    rows = [("a", 1e16), ("a", 1.0), ("a", -1e16), ("a", 1.0)]
    at_once, one_by_one = Sums(("key",)), Sums(("key",))
    at_once.add([_table(rows)])
    for row in rows:
        one_by_one.add([_table([row])])
    both = [sums.settle() for sums in (at_once, one_by_one)]
    assert [table.to_pydict() for table in both if table] == [{"key": [b"a"], "n": [1.0]}] * 2


def test_no_rows() -> None:
    sums = Sums(("key",))
    assert sums.settle() is None
    assert [piece.settle() for piece in sums.split(3)] == [None] * 3
    assert Sums.joined({0: sums, 1: Sums(("key",))}).settle() is None


def test_a_part_that_is_not_cut_is_merged_with_pieces_that_are() -> None:
    small = Sums(("key",), [_table([("a", 1.0)])])
    pieces = Sums(("key",), [_table([("a", 2.0), ("b", 3.0)])]).split(2)
    joined = Sums.joined({None: small, **dict(enumerate(pieces))}).settle()
    assert joined is not None
    assert dict(zip(*joined.to_pydict().values(), strict=True)) == {b"a": 3.0, b"b": 3.0}
