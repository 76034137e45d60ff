"""The command line: a thin layer over `recordmill.pipelines` and `recordmill.transforms`.

Exit status: 0 done; 1 the data or the dataset is bad; 2 the command or the recipe is wrong; 130
interrupted. TensorFlow and Beam are imported only by the command that uses them.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from types import FrameType
from typing import NoReturn

from ..schemas.errors import RecordmillError

__all__ = ["main", "program"]

_EPILOG = """\
examples:
  recordmill run census --output out/census
  recordmill run census --output out/census --input train=adult.data --input eval=adult.test
  recordmill run hotdog --output out/hotdog --input train=photos/train --input eval=photos/test
  recordmill run my_recipe.py:RECIPE --output out/mine -- --direct_num_workers=2 \\
      --direct_running_mode=multi_processing
  recordmill verify out/census
  recordmill show out/hotdog -n 25 --sheet hotdog.png

Beam's own flags follow a lone --. Exit status: 0 done, 1 the data or the dataset is bad,
2 the command or the recipe is wrong, 130 interrupted.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit status."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    given, beam_flags = _split_at_dashes(given)
    options = _parser().parse_args(given)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        status = _command(options, beam_flags)
        sys.stdout.flush()
        return status
    except RecordmillError as error:
        print(f"recordmill: {error}", file=sys.stderr)
        return error.exit_status
    except KeyboardInterrupt:
        print("recordmill: interrupted; nothing was published", file=sys.stderr)
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def program() -> NoReturn:
    """The `recordmill` program: runs the command of `sys.argv` and ends the process at once.

    What the interpreter does at its end takes a second or two with these libraries, and for ever
    where an interrupt fell between the start of one of Beam's threads and the code that stops it.
    """
    status = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def _split_at_dashes(arguments: list[str]) -> tuple[list[str], list[str]]:
    if "--" not in arguments:
        return arguments, []
    place = arguments.index("--")
    return arguments[:place], arguments[place + 1 :]


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="recordmill",
        description="CSV files and images into sharded TFRecords plus one transform graph that "
        "training and serving share.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)

    run = commands.add_parser("run", help="prepare a dataset", epilog=_EPILOG)
    run.formatter_class = argparse.RawDescriptionHelpFormatter
    run.add_argument(
        "recipe", metavar="RECIPE", help="census, hotdog, planes, or FILE.py:NAME, or MODULE:NAME"
    )
    run.add_argument("--output", metavar="DIR", required=True, help="the dataset's folder")
    run.add_argument(
        "--input",
        metavar="[SPLIT=]GLOB",
        action="append",
        default=[],
        help="files to read, and the split they are; may be given several times; without it a "
        "built-in recipe reads its own sample",
    )
    run.add_argument("--overwrite", action="store_true", help="replace the dataset that is there")
    run.add_argument(
        "--runner", choices=("direct", "dataflow"), default="direct", help="where it runs"
    )
    run.add_argument(
        "--shuffle",
        choices=("disk", "group"),
        help="how rows get into canonical order: through files that all workers see (disk, the "
        "default of --runner direct), or through the runner's GroupByKey (group)",
    )

    sample = commands.add_parser("sample", help="write a built-in recipe's small synthetic input")
    sample.add_argument("name", metavar="NAME", help="census, hotdog or planes")
    sample.add_argument("directory", metavar="DIR")

    verify = commands.add_parser("verify", help="check every byte of a dataset")
    verify.add_argument("directory", metavar="DIR")

    show = commands.add_parser("show", help="print the first records of a dataset, or draw them")
    show.add_argument("directory", metavar="DIR")
    show.add_argument("--split", default="train")
    show.add_argument("-n", type=int, metavar="N", help="how many records")
    show.add_argument("--sheet", metavar="FILE.png", help="where images are drawn")
    return parser


def _command(options: argparse.Namespace, beam_flags: list[str]) -> int:
    from .commands import run, sample, show, verify

    match options.command:
        case "run":
            return run(
                options.recipe,
                output=options.output,
                inputs=options.input,
                overwrite=options.overwrite,
                runner=options.runner,
                shuffle=options.shuffle,
                beam_flags=beam_flags,
            )
        case "sample":
            return sample(options.name, options.directory)
        case "verify":
            return verify(options.directory)
        case _:
            return show(
                options.directory,
                split=options.split,
                records=options.n,
                sheet=options.sheet,
            )


if __name__ == "__main__":
    program()
