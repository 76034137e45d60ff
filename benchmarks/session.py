"""Session of measurements: every contender in a new process, in turns, on the same rows."""

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
from .measure import ContenderError, Run, run
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
    """Measure cases, one after the other.

    Args:
      names: Names of `CASES`.
      runs: Runs of each contender; only one if the first takes over a minute.
      adult: Folder that may contain adult.data and adult.test.
      hotdog: Folder that may contain hot_dog/*.jpg and not_hot_dog/*.jpg.

    Yields:
      Each case with the results of its entries.

    Raises:
      ContenderError: A contender failed, or the number of records that it wrote, or of rows that it
        profiled or timed, is wrong.
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
    """Write a small input of the problems that have one; the others warm up with "adult"."""
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
    """Run on a few rows without measuring, which writes the bytecode."""
    run(contender(problem, inputs, output), environment=environment())
    shutil.rmtree(output, ignore_errors=True)


def measure(case: Case, runs: int, output: Path) -> Results:
    """Return the result of each entry of a case; the entries run in turns.

    Args:
      case: The comparison.
      runs: As in `session`.
      output: Folder that every run writes, and that is removed after it.
    """
    finished: dict[str, list[Run]] = {entry.label: [] for entry in case.entries}
    digests: dict[str, dict[str, str]] = {}
    profiles: dict[str, Profile] = {}
    timings: dict[str, list[Timing]] = {entry.label: [] for entry in case.entries}
    for _ in range(runs):
        for entry in case.entries:
            before = finished[entry.label]
            if before and before[0].seconds > _LONG_SECONDS:
                continue
            before.append(_run(entry, output))
            digests[entry.label] = vocabularies(output)
            if entry.profiles:
                profiles[entry.label] = _profile(entry, output)
            if entry.times:
                timings[entry.label].append(_timing(entry, output))
            shutil.rmtree(output, ignore_errors=True)
    return {
        label: Result(entry_runs, digests[label], profiles.get(label, Profile()), timings[label])
        for label, entry_runs in finished.items()
    }


def _run(entry: Entry, output: Path) -> Run:
    command = entry.contender(entry.problem, entry.inputs, output)
    result = run(command, environment=environment())
    print(f"{entry.label}: {result.seconds:.1f} s", file=sys.stderr)
    for split, expected in entry.rows.items() if entry.writes else ():
        written = count_records(output / split)
        if written != expected:
            raise ContenderError(
                f"{entry.label} wrote {written:,} {split} records of {expected:,} rows"
            )
    return result


def _profile(entry: Entry, output: Path) -> Profile:
    profile, expected = read_profile(output), sum(entry.rows.values())
    if profile.rows != expected:
        raise ContenderError(f"{entry.label} profiled {profile.rows:,} rows of {expected:,}")
    return profile


def _timing(entry: Entry, output: Path) -> Timing:
    timing, expected = read_timing(output), sum(entry.rows.values())
    if timing.rows != expected:
        raise ContenderError(f"{entry.label} timed {timing.rows:,} rows of {expected:,}")
    print(f"{entry.label}: {timing.seconds:.4g} s by itself", file=sys.stderr)
    return timing
