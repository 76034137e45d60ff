"""Compare recordmill with its peers in one session, on the same rows, including start-up."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import NoReturn

from . import machine
from .cases import CASES
from .contenders import ROOT
from .measure import ContenderError
from .report import section
from .session import session
from .table import between_markers

__all__ = ["main"]

_README = Path(__file__).with_name("README.md")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run cases and print a section for each; return 1 if a contender fails, 0 also for a miss."""
    options = _options(arguments)
    signal.signal(signal.SIGTERM, _end)
    names = options.cases or list(CASES)
    measured = session(names, runs=options.runs, adult=options.adult, hotdog=options.hotdog)
    try:
        for name, (case, results) in zip(names, measured, strict=True):
            text = f"{section(case, results)}\n\n{machine.describe()}"
            print(f"\n{text}", flush=True)
            if options.write:
                _README.write_text(between_markers(_README.read_text(), name, text))
    except KeyboardInterrupt:
        print("benchmarks: interrupted", file=sys.stderr)
        return 130
    except ContenderError as failure:
        print(f"benchmarks: {failure}", file=sys.stderr)
        return 1
    return 0


def _end(number: int, frame: FrameType | None) -> NoReturn:
    """End as after ctrl-C, so that the contender ends too and no file is left."""
    raise KeyboardInterrupt


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "cases", nargs="*", metavar="CASE", help=f"{', '.join(CASES)}; default: all"
    )
    parser.add_argument(
        "--runs",
        type=int,
        default=3,
        help="runs of each contender; only one if it takes over a minute (default: %(default)s)",
    )
    parser.add_argument(
        "--adult",
        type=Path,
        metavar="DIR",
        default=ROOT.parent / "shared" / "data" / "census",
        help="folder of adult.data and adult.test (default: ../shared/data/census); without "
        "them, synthetic rows are used",
    )
    parser.add_argument(
        "--hotdog",
        type=Path,
        metavar="DIR",
        default=ROOT.parent / "shared" / "data" / "hotdog" / "train",
        help="folder of hot_dog and not_hot_dog (default: ../shared/data/hotdog/train); without "
        "them, drawn pictures are used",
    )
    parser.add_argument(
        "--write", action="store_true", help="write the table of each case into README.md"
    )
    options = parser.parse_args(arguments)
    unknown = [name for name in options.cases if name not in CASES]
    if unknown:
        parser.error(f"no case {', '.join(unknown)}; there is {', '.join(CASES)}")
    if options.runs < 1:
        parser.error(f"--runs: expected at least 1, got {options.runs}")
    return options


if __name__ == "__main__":
    sys.exit(main())
