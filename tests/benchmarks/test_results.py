from benchmarks.measure import Run
from benchmarks.results import Result
from benchmarks.timings import Timing


def test_medians_of_the_times_and_the_most_memory() -> None:
    result = Result([Run(3.0, 4.0, 10), Run(1.0, 9.0, 30), Run(2.0, 2.0, 20)], {})

    assert (result.seconds, result.cpu_seconds, result.peak_bytes) == (2.0, 4.0, 30)


def test_one_run_is_its_own_median() -> None:
    result = Result([Run(61.0, 70.0, 5)], {})

    assert (result.seconds, result.cpu_seconds, result.peak_bytes) == (61.0, 70.0, 5)


def test_the_median_of_what_a_contender_told() -> None:
    timings = [Timing(5, seconds) for seconds in (0.3, 0.1, 0.2)]

    assert Result([Run(9.0, 9.0, 1)] * 3, {}, timings=timings).own_seconds == 0.2
