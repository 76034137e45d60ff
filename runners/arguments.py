"""The words of the command line: a parser a command, whose names are those of what it calls.

Each command says where the function is that does it ("module:function"); what is parsed are the
function's keyword arguments.
"""

from __future__ import annotations

import argparse
from typing import Any, TypeAlias

__all__ = ["CALL", "parser"]

CALL = "call"
"""Under this name a parsed command has the function to call."""

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

_Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def parser() -> argparse.ArgumentParser:
    """The parser of all commands."""
    whole = argparse.ArgumentParser(
        prog="recordmill",
        description="CSV files and images into sharded TFRecords plus one transform graph that "
        "training and serving share.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = whole.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for add in (_run, _sample, _verify, _show):
        add(commands)
    return whole


def _command(commands: _Commands, name: str, call: str, **words: Any) -> argparse.ArgumentParser:
    one = commands.add_parser(name, **words)
    one.set_defaults(**{CALL: call})
    return one


def _run(commands: _Commands) -> None:
    run = _command(
        commands,
        "run",
        "commands:run",
        help="prepare a dataset",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    run.add_argument(
        "name", metavar="RECIPE", help="census, hotdog, planes, or FILE.py:NAME, or MODULE:NAME"
    )
    _output(run, "the dataset's folder")
    _inputs(run, "without it a built-in recipe reads its own sample")
    run.add_argument(
        "--runner", choices=("direct", "dataflow"), default="direct", help="where it runs"
    )
    run.add_argument(
        "--shuffle",
        choices=("disk", "group"),
        help="how rows get into canonical order: through files that all workers see (disk, the "
        "default of --runner direct), or through the runner's GroupByKey (group)",
    )


def _sample(commands: _Commands) -> None:
    words = "write a built-in recipe's small synthetic input"
    sample = _command(commands, "sample", "commands:sample", help=words)
    sample.add_argument("name", metavar="NAME", help="census, hotdog or planes")
    sample.add_argument("directory", metavar="DIR")


def _verify(commands: _Commands) -> None:
    verify = _command(commands, "verify", "commands:verify", help="check every byte of a dataset")
    verify.add_argument("directory", metavar="DIR")


def _show(commands: _Commands) -> None:
    words = "print the first records of a dataset, or draw them"
    show = _command(commands, "show", "commands:show", help=words)
    show.add_argument("directory", metavar="DIR")
    show.add_argument("--split", default="train")
    show.add_argument("-n", type=int, dest="records", metavar="N", help="how many records")
    show.add_argument("--sheet", metavar="FILE.png", help="where images are drawn")


def _output(one: argparse.ArgumentParser, words: str) -> None:
    one.add_argument("--output", metavar="DIR", required=True, help=words)
    one.add_argument("--overwrite", action="store_true", help="replace what was put there before")


def _inputs(one: argparse.ArgumentParser, without: str) -> None:
    one.add_argument(
        "--input",
        metavar="[SPLIT=]GLOB",
        action="append",
        dest="inputs",
        default=[],
        help=f"files to read, and the split they are; may be given several times; {without}",
    )
