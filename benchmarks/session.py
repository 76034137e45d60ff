"""One session: every contender in a fresh process, taking turns, on the same rows."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from . import data, images
from .case import Case, Entry, Inputs
from .cases import CASES
from .contenders import Contender, count_records, environment, vocabularies, write_sample
from .measure import Failed, Run, run
from .mixed import mixed
from .profiles import Profile, read_profile
from .results import Result, Results
from .timings import Timing, read_timing

__all__ = ["measure", "session"]

_LONG_SECONDS = 60
_FEW_ROWS, _FEW_COLUMNS = 1_000, 40


def session(
    names: Sequence[str], *, runs: int, adult: Path, hotdog: Path
) -> Iterator[tuple[Case, Results]]:
    """Measures cases, one after the other.

    Args:
      names: Of `CASES`.
      runs: How many runs of each contender; one whose first run takes over a minute has no more.
      adult: The folder of adult.data and adult.test, there or not.
      hotdog: The folder of hot_dog/*.jpg and not_hot_dog/*.jpg, there or not.

    Yields:
      Each case with the results of its entries.

    Raises:
      Failed: A contender failed, or wrote another number of records than there were rows, or
        profiled or timed another number of rows.
    """
    with tempfile.TemporaryDirectory(prefix="recordmill-bench-") as folder:
        scratch = Path(folder)
        samples = _write_samples(scratch)
        inputs = Inputs(
            *data.adult(adult, samples["adult"]["train"].parent, scratch),
            *images.hotdog(hotdog, samples["hotdog"]["train"]),
            scratch,
        )
        warm: set[tuple[Contender, str]] = set()
        for name in names:
            case = CASES[name](inputs)
            for entry in case.entries:
                problem = entry.problem if entry.problem in samples else "adult"
                if not entry.times and (entry.contender, problem) not in warm:
                    warm.add((entry.contender, problem))
                    print(f"warming up {entry.label}", file=sys.stderr)
                    _warm_up(entry.contender, problem, samples[problem], scratch / "output")
            yield case, measure(case, runs, scratch / "output")


def _write_samples(scratch: Path) -> dict[str, Mapping[str, Path]]:
    """A small input of each problem that has one; the others warm up with "adult"."""
    census, hotdog = scratch / "census-sample", scratch / "hotdog-sample"
    run(write_sample("census", census), environment=environment())
    run(write_sample("hotdog", hotdog), environment=environment())
    few = mixed(scratch, rows=_FEW_ROWS, columns=_FEW_COLUMNS)
    return {
        "adult": {"train": census / "adult.data", "eval": census / "adult.test"},
        "hotdog": {"train": hotdog / "train"},
        "mixed": {"all": few},
    }


def _warm_up(contender: Contender, problem: str, inputs: Mapping[str, Path], output: Path) -> None:
    """A run on a few rows that nobody measures: it writes the bytecode."""
    run(contender(problem, inputs, output), environment=environment())
    shutil.rmtree(output, ignore_errors=True)


def measure(case: Case, runs: int, output: Path) -> Results:
    """The result of each entry of a case; the entries take turns.

    Args:
      case: What to run.
      runs: As in `session`.
      output: The folder that every run writes, and that is removed after it.
    """
    done: dict[str, list[Run]] = {entry.label: [] for entry in case.entries}
    made: dict[str, dict[str, str]] = {}
    found: dict[str, Profile] = {}
    told: dict[str, list[Timing]] = {entry.label: [] for entry in case.entries}
    for _ in range(runs):
        for entry in case.entries:
            before = done[entry.label]
            if before and before[0].seconds > _LONG_SECONDS:
                continue
            before.append(_run(entry, output))
            made[entry.label] = vocabularies(output)
            if entry.profiles:
                found[entry.label] = _profile(entry, output)
            if entry.times:
                told[entry.label].append(_timing(entry, output))
            shutil.rmtree(output, ignore_errors=True)
    return {
        label: Result(runs_of_it, made[label], found.get(label, Profile()), told[label])
        for label, runs_of_it in done.items()
    }


def _run(entry: Entry, output: Path) -> Run:
    command = entry.contender(entry.problem, entry.inputs, output)
    one = run(command, environment=environment())
    print(f"{entry.label}: {one.seconds:.1f} s", file=sys.stderr)
    for split, expected in entry.rows.items() if entry.writes else ():
        written = count_records(output / split)
        if written != expected:
            raise Failed(f"{entry.label} wrote {written:,} {split} records of {expected:,} rows")
    return one


def _profile(entry: Entry, output: Path) -> Profile:
    profile, expected = read_profile(output), sum(entry.rows.values())
    if profile.rows != expected:
        raise Failed(f"{entry.label} profiled {profile.rows:,} rows of {expected:,}")
    return profile


def _timing(entry: Entry, output: Path) -> Timing:
    timing, expected = read_timing(output), sum(entry.rows.values())
    if timing.rows != expected:
        raise Failed(f"{entry.label} timed {timing.rows:,} rows of {expected:,}")
    print(f"{entry.label}: {timing.seconds:.4g} s by itself", file=sys.stderr)
    return timing
