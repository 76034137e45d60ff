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
