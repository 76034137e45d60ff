import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from benchmarks.case import Case, Entry
from benchmarks.measure import ContenderError
from benchmarks.profiles import Column, Profile
from benchmarks.session import measure
from benchmarks.timings import Timing

WRITE = """
import struct, sys
from pathlib import Path
output, count = Path(sys.argv[1]), int(sys.argv[2])
(output / "train").mkdir(parents=True)
(output / "transform_fn" / "assets").mkdir(parents=True)
(output / "transform_fn" / "assets" / "sex").write_text("Male")
frame = struct.pack("<Q", 3) + b"crc.rowcrc."
(output / "train" / "data-00000-of-00001").write_bytes(frame * count)
"""


def contender(problem: str, inputs: Mapping[str, Path], output: Path) -> list[str]:
    return [sys.executable, "-c", WRITE, str(output), "5"]


def test_contenders_take_turns_and_their_output_is_removed(tmp_path: Path) -> None:
    entries = tuple(Entry(name, contender, "adult", {}, {"train": 5}) for name in ("a", "b"))

    results = measure(Case("", "", entries, ()), 3, tmp_path / "output")

    assert {label: len(result.runs) for label, result in results.items()} == {"a": 3, "b": 3}
    assert list(results["a"].vocabularies) == ["sex"]
    assert list(tmp_path.iterdir()) == []


def test_a_record_too_few_fails(tmp_path: Path) -> None:
    entry = Entry("a", contender, "adult", {}, {"train": 6})

    with pytest.raises(ContenderError, match=r"^a wrote 5 train records of 6 rows$"):
        measure(Case("", "", (entry,), ()), 1, tmp_path / "output")


def test_an_entry_that_writes_nothing_is_not_counted(tmp_path: Path) -> None:
    entry = Entry("a", contender, "hotdog", {}, {"train": 6}, writes=False)

    results = measure(Case("", "", (entry,), ()), 1, tmp_path / "output")

    assert len(results["a"].runs) == 1


WRITE_PROFILE = """
import sys
from pathlib import Path
output = Path(sys.argv[1])
output.mkdir()
(output / "columns.json").write_text('{"rows": 5, "columns": {"sex": {"missing": 1}}}')
"""


def profiler(problem: str, inputs: Mapping[str, Path], output: Path) -> list[str]:
    return [sys.executable, "-c", WRITE_PROFILE, str(output)]


@pytest.mark.parametrize("rows", [5, 6])
def test_a_profile_tells_of_every_row(tmp_path: Path, rows: int) -> None:
    entry = Entry("a", profiler, "mixed", {}, {"all": rows}, writes=False, profiles=True)
    case = Case("", "", (entry,), ())

    if rows == 5:
        results = measure(case, 1, tmp_path / "output")
        assert results["a"].profile == Profile(5, {"sex": Column(1)})
    else:
        with pytest.raises(ContenderError, match=r"^a profiled 5 rows of 6$"):
            measure(case, 1, tmp_path / "output")


WRITE_TIMING = """
import sys
from pathlib import Path
output = Path(sys.argv[1])
output.mkdir()
(output / "timing.json").write_text('{"rows": 5, "seconds": 0.25, "features": {"age": [1.5]}}')
"""


def timer(problem: str, inputs: Mapping[str, Path], output: Path) -> list[str]:
    return [sys.executable, "-c", WRITE_TIMING, str(output)]


@pytest.mark.parametrize("rows", [5, 6])
def test_a_contender_times_every_row(tmp_path: Path, rows: int) -> None:
    entry = Entry("a", timer, "", {}, {"train": rows}, writes=False, times=True)
    case = Case("", "", (entry,), ())

    if rows == 5:
        results = measure(case, 2, tmp_path / "output")
        assert results["a"].timings == [Timing(5, 0.25, {"age": [1.5]})] * 2
    else:
        with pytest.raises(ContenderError, match=r"^a timed 5 rows of 6$"):
            measure(case, 1, tmp_path / "output")
