from pathlib import Path

import numpy as np
import pytest

from benchmarks.timings import (
    Timing,
    differing,
    read_timing,
    time_calls,
    time_epoch,
    write_timing,
)


class Batches:
    """Counts how often it is gone through."""

    def __init__(self) -> None:
        self.epochs = 0

    def __iter__(self):
        self.epochs += 1
        return iter([[1, 2], [3]])


def test_the_second_epoch_is_timed() -> None:
    batches = Batches()

    timing = time_epoch(batches, len)

    assert (batches.epochs, timing.rows, timing.features) == (2, 3, {})
    assert 0 < timing.seconds < 1


def test_calls_are_timed_after_some_that_warm_up() -> None:
    called = []

    def call() -> dict[str, np.ndarray]:
        called.append(1)
        return {"age": np.array([0.5, -1], np.float32), "sex": np.array([1, 0])}

    timing = time_calls(call, calls=3)

    assert len(called) == 23
    assert (timing.rows, timing.features) == (2, {"age": [0.5, -1.0], "sex": [1, 0]})
    assert 0 < timing.seconds < 1


def test_what_is_told_is_read(tmp_path: Path) -> None:
    timing = Timing(2, 0.1 + 0.2, {"age": [0.1, -3.0], "sex": [1, 0]})

    write_timing(timing, str(tmp_path / "new"))

    assert read_timing(tmp_path / "new") == timing


@pytest.mark.parametrize(
    ("theirs", "count"),
    [
        ({"age": [0.500001, 2], "sex": [1, 0]}, 0),
        ({"age": [0.5001, 2], "sex": [1, 0]}, 1),
        ({"age": [0.5, 2], "sex": [1, 1]}, 1),
        ({"age": [0.5], "sex": [1, 0]}, 1),
        ({"age": [0.5, 2]}, 1),
        ({"race": [1]}, 3),
    ],
)
def test_features_that_differ(theirs: dict[str, list[float]], count: int) -> None:
    mine = Timing(features={"age": [0.5, 2], "sex": [1, 0]})
    timing = Timing(features=theirs)

    assert differing(mine, timing) == differing(timing, mine) == count
