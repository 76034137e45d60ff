"""Program `recordmill`: a thin layer over `recordmill.pipelines` and `recordmill.transforms`.

Exit status: 0 done; 1 the data or the dataset is bad; 2 the command or the recipe is wrong; 130
interrupted. TensorFlow and Beam are imported only by the command that uses them.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from types import FrameType
from typing import NoReturn

from ..schemas.errors import RecipeError, RecordmillError
from ..schemas.suggestions import nearest_name
from . import init, predict, profile, recipe_schema, run, sample, schema, show, validate, verify

__all__ = ["entry_point", "main", "parse", "parser", "split_at_dashes"]

_EPILOG = """\
examples:
  recordmill run census --output out/census
  recordmill run census --output out/census --input train=adult.data --input eval=adult.test
  recordmill run hotdog --output out/hotdog --input train=photos/train --input eval=photos/test
  recordmill run my_recipe.py:RECIPE --output out/mine -- --direct_num_workers=2 \\
      --direct_running_mode=multi_processing
  recordmill init houses.csv > houses.yaml
  recordmill run houses.yaml --output out/houses
  recordmill profile houses.csv --output out/profile
  recordmill validate tomorrow.csv --against out/houses
  recordmill verify out/census
  recordmill show out/hotdog -n 25 --sheet hotdog.png

Beam's own flags follow a lone --. Exit status: 0 done, 1 the data or the dataset is bad,
2 the command or the recipe is wrong, 130 interrupted.
"""

_AddArguments = Callable[[argparse.ArgumentParser], None]

_COMMANDS: Mapping[str, tuple[str, _AddArguments]] = {
    "run": ("prepare a dataset", run.add_arguments),
    "init": ("infer a recipe from CSV or Parquet files and print it", init.add_arguments),
    "profile": (
        "write statistics and a report of files or of a recipe's inputs, without a dataset",
        profile.add_arguments,
    ),
    "validate": (
        "validate files against a schema or a prepared dataset; exit status 1 on anomalies",
        validate.add_arguments,
    ),
    "schema": ("change a schema.pbtxt: `schema update`", schema.add_arguments),
    "verify": ("check every byte of a dataset", verify.add_arguments),
    "show": ("print the first records of a dataset, or draw its images", show.add_arguments),
    "predict": ("run an exported model on JSON requests", predict.add_arguments),
    "sample": ("write the small synthetic input of a built-in recipe", sample.add_arguments),
    "recipe-schema": (
        "print the JSON Schema of recipes, for editors",
        recipe_schema.add_arguments,
    ),
}
"""Help line and arguments of each command, in the order of `--help`.

`add_arguments` also sets the default of `function` to the function of the command. Its keyword
arguments are the parsed arguments; it returns the exit status.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status."""
    words, beam_flags = split_at_dashes(sys.argv[1:] if arguments is None else arguments)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        status = _call(parse(words), beam_flags)
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


def entry_point() -> NoReturn:
    """Run the command of `sys.argv` and end the process at once.

    The interpreter's own shutdown takes a second or two with these libraries. It never ends if an
    interrupt fell between the start of one of Beam's threads and the code that stops it.
    """
    status = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


program = entry_point
"""Deprecated alias, gone in 0.3.0: console scripts that 0.1.0 installed call it."""


def split_at_dashes(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the arguments before a lone `--`, and those behind it, which are Beam's flags.

    >>> split_at_dashes(["run", "census", "--", "--direct_num_workers=2"])
    (['run', 'census'], ['--direct_num_workers=2'])
    """
    arguments = list(arguments)
    if "--" not in arguments:
        return arguments, []
    index = arguments.index("--")
    return arguments[:index], arguments[index + 1 :]


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Parse the arguments of a command.

    Raises:
      RecipeError: The command does not take an argument; the message suggests one that it takes.
        For missing arguments and wrong values, argparse ends the process itself.
    """
    main_parser, commands = _parsers()
    options, unrecognized = main_parser.parse_known_args(arguments)
    if unrecognized:
        option_names = sorted(commands[options.command]._option_string_actions)
        raise RecipeError(_advice(unrecognized[0], options.command, option_names))
    return options


def parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    return _parsers()[0]


def _parsers() -> tuple[argparse.ArgumentParser, Mapping[str, argparse.ArgumentParser]]:
    """Return the parser of all commands, and the parser of each command by its name."""
    main_parser = argparse.ArgumentParser(
        prog="recordmill",
        description="CSV files and images into sharded TFRecords plus one transform graph that "
        "training and serving share.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = main_parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, (help_line, add_arguments) in _COMMANDS.items():
        description = f"{help_line[0].upper()}{help_line[1:]}."
        add_arguments(commands.add_parser(name, help=help_line, description=description))
    return main_parser, commands.choices


def _advice(argument: str, command: str, options: Sequence[str]) -> str:
    """Return the error message for an argument that a command with these options does not take."""
    if argument.startswith("-"):
        near = nearest_name(argument.partition("=")[0], options)
        cure = f'Did you mean "{near}"?' if near else f"See recordmill {command} --help."
        return f'{command}: unrecognized option "{argument}". {cure}'
    message = f'{command}: unrecognized argument "{argument}".'
    if "--input" in options and os.path.exists(argument):
        pattern = os.path.join(os.path.dirname(argument), f"*{os.path.splitext(argument)[1]}")
        return (
            f"{message} Give each file its own --input, or one pattern in quotes for all of them: "
            f"--input '{pattern}'"
        )
    return f"{message} See recordmill {command} --help."


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


def _call(options: argparse.Namespace, beam_flags: list[str]) -> int:
    """Call the function of the command and return its exit status."""
    arguments = vars(options)
    command = arguments.pop("command")
    arguments.pop("subcommand", None)
    function = arguments.pop("function")
    if command == "run":
        arguments["beam_flags"] = beam_flags
    elif beam_flags:
        raise RecipeError(
            f"{command}: unrecognized flags behind --. Only `run` passes flags to Beam."
        )
    return int(function(**arguments))


if __name__ == "__main__":
    entry_point()
