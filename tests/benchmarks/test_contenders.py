import sys
from pathlib import Path

import pytest

from benchmarks import contenders
from benchmarks.contenders import Contender


@pytest.mark.parametrize(
    ("contender", "peer", "way"),
    [
        (contenders.recordmill_loading, "loading", "recordmill"),
        (contenders.batched_features, "loading", "batched_features"),
        (contenders.bare_records, "loading", "bare"),
        (contenders.recordmill_serving, "serving", "served_graph"),
        (contenders.pandas_serving, "serving", "pandas"),
    ],
)
def test_a_peer_of_several_ways_is_told_which(contender: Contender, peer: str, way: str) -> None:
    command = contender("", {"dataset": Path("in")}, Path("out"))

    assert command == [
        sys.executable,
        "-m",
        f"benchmarks.peers.{peer}",
        way,
        "--output=out",
        "--input=dataset=in",
    ]
