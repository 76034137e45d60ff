"""The words of the command line: a parser a command, whose names are those of what it calls.

Each command says where the function is that does it ("module:function"); what is parsed are the
function's keyword arguments.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any, TypeAlias

from ..schemas.errors import RecipeError

__all__ = ["CALL", "parse", "parser"]

CALL = "call"
"""Under this name a parsed command has the function to call."""

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

_Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def parse(words: Sequence[str]) -> argparse.Namespace:
    """What the words of a command line say.

    Raises:
      RecipeError: A word is none of the command's; the message says what is meant, if that can be
        told. Of words that are missing or have wrong values, argparse ends the process itself.
    """
    whole, commands = _parsers()
    options, unknown = whole.parse_known_args(words)
    if unknown:
        known = sorted(commands[options.command]._option_string_actions)
        raise RecipeError(_unknown(unknown[0], options.command, known))
    return options


def _unknown(word: str, command: str, known: Sequence[str]) -> str:
    """What is wrong with a word that a command of these options does not take."""
    if word.startswith("-"):
        near = get_close_matches(word.partition("=")[0], known, n=1)
        advice = f'Did you mean "{near[0]}"?' if near else f"See recordmill {command} --help."
        return f'{command} has no option "{word}". {advice}'
    if "--input" in known and os.path.exists(word):
        return (
            f'{command}: what is "{word}"? Give each file its own --input, or one pattern in '
            f"quotes for all of them: --input '{_pattern(word)}'"
        )
    return f'{command}: what is "{word}"? See recordmill {command} --help.'


def _pattern(path: str) -> str:
    """One that a file like this matches."""
    return os.path.join(os.path.dirname(path), "*" + os.path.splitext(path)[1])


def parser() -> argparse.ArgumentParser:
    """The parser of all commands."""
    return _parsers()[0]


def _parsers() -> tuple[argparse.ArgumentParser, Mapping[str, argparse.ArgumentParser]]:
    """The parser of all commands, and those of each by its name."""
    whole = argparse.ArgumentParser(
        prog="recordmill",
        description="CSV files and images into sharded TFRecords plus one transform graph that "
        "training and serving share.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = whole.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for add in _COMMANDS:
        add(commands)
    return whole, commands.choices


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
        "name",
        metavar="RECIPE",
        help="a YAML file, census, housing, hotdog or planes, or FILE.py:NAME, or MODULE:NAME",
    )
    _output(run, "the dataset's folder")
    _inputs(run, "without it the inputs of the recipe are read, or the sample of a built-in")
    _cache(run)
    run.add_argument(
        "--runner", choices=("direct", "dataflow"), default="direct", help="where it runs"
    )
    run.add_argument(
        "--shuffle",
        choices=("disk", "group"),
        help="how rows get into canonical order: through files that all workers see (disk, the "
        "default of --runner direct), or through the runner's GroupByKey (group)",
    )


def _predict(commands: _Commands) -> None:
    words = "what an exported model says of requests"
    predict = _command(commands, "predict", "predict:predict", help=words)
    predict.add_argument("model", metavar="MODEL", help="the folder of the SavedModel")
    predict.add_argument(
        "--json-instances",
        metavar="FILE",
        required=True,
        help="one JSON object a line; - for standard input",
    )
    predict.add_argument(
        "--json", dest="as_json", action="store_true", help="print a JSON object a line"
    )


def _sample(commands: _Commands) -> None:
    words = "write a built-in recipe's small synthetic input"
    sample = _command(commands, "sample", "commands:sample", help=words)
    sample.add_argument("name", metavar="NAME", help="census, housing, hotdog or planes")
    sample.add_argument("directory", metavar="DIR")


def _init(commands: _Commands) -> None:
    words = "infer a recipe from CSV or Parquet files, and print it to edit"
    init = _command(commands, "init", "init:init", help=words)
    init.add_argument("patterns", metavar="FILE", nargs="*", help="files, or globs in quotes")
    init.add_argument("--label", metavar="COLUMN", help="what a model is to tell; else guessed")
    init.add_argument(
        "--from", dest="source", metavar="NAME", help="print a built-in recipe instead"
    )


def _profile(commands: _Commands) -> None:
    words = "look at files before they are prepared: statistics and a report"
    profile = _command(commands, "profile", "profile:profile", help=words)
    profile.add_argument(
        "target", metavar="FILE|RECIPE", help="files, whose columns are inferred, or a recipe"
    )
    _output(profile, "the profile's folder")
    _inputs(profile, "without it the target itself is read, or the inputs of the recipe")
    profile.add_argument("--facets", action="store_true", help="write facets.pb too, for Facets")
    _cache(profile)


def _validate(commands: _Commands) -> None:
    words = "hold files against a schema or a prepared dataset; exit status 1 on anomalies"
    validate = _command(commands, "validate", "validate:validate", help=words)
    validate.add_argument(
        "data", metavar="DATA", nargs="+", help="CSV, Parquet or JSON lines files, or a dataset"
    )
    validate.add_argument(
        "--against", metavar="DIR|SCHEMA", required=True, help="a dataset, or a schema.pbtxt"
    )
    validate.add_argument(
        "--drift",
        metavar="DATA",
        action="append",
        default=[],
        help="the data as it was before, to be compared with; may be given several times",
    )
    validate.add_argument("--split", default="train", help="of datasets: which split counts")
    validate.add_argument(
        "--serving", action="store_true", help="the data are requests: they have no label"
    )
    for name, default, what in (
        ("skew", 0.1, "the distance from what was trained on"),
        ("drift", 0.1, "the distance from the data before"),
        ("missing", 0.05, "the rise of the share of missing values"),
    ):
        validate.add_argument(
            f"--{name}-threshold",
            type=float,
            default=default,
            metavar="X",
            help=f"the largest good value of {what} (default {default})",
        )
    validate.add_argument(
        "--threshold",
        dest="thresholds",
        metavar="COLUMN=[COMPARATOR:]X",
        action="append",
        default=[],
        help="of one column; may be given several times",
    )
    validate.add_argument("--min-rows", type=int, metavar="N", help="the fewest rows")
    validate.add_argument("--max-rows", type=int, metavar="N", help="the most rows")
    _csv(validate)
    validate.add_argument("--output", metavar="FILE.pbtxt", help="write the Anomalies proto too")


def _schema(commands: _Commands) -> None:
    schema = commands.add_parser("schema", help="change a schema.pbtxt: `schema update`")
    under = schema.add_subparsers(dest="subcommand", metavar="COMMAND", required=True)
    update = _command(under, "update", "schema:update", help="take chosen anomalies for right")
    update.add_argument("path", metavar="SCHEMA", help="a schema.pbtxt, or a prepared dataset")
    update.add_argument(
        "--accept",
        dest="accepted",
        metavar="COLUMN[:KIND]",
        action="append",
        required=True,
        help="an anomaly, as `validate` names it; may be given several times",
    )
    update.add_argument(
        "--from",
        dest="data",
        metavar="DATA",
        nargs="+",
        required=True,
        help="the files with the anomalies",
    )
    _csv(update)
    update.add_argument("--output", metavar="FILE.pbtxt", help="where the schema goes")


def _recipe_schema(commands: _Commands) -> None:
    words = "print the JSON Schema of recipes, for editors"
    _command(commands, "recipe-schema", "init:recipe_schema", help=words)


def _verify(commands: _Commands) -> None:
    verify = _command(commands, "verify", "commands:verify", help="check every byte of a dataset")
    verify.add_argument("directory", metavar="DIR")
    verify.add_argument(
        "--parity", metavar="MODEL", help="hold an exported model against the records too"
    )


def _show(commands: _Commands) -> None:
    words = "print the first records of a dataset, or draw them"
    show = _command(commands, "show", "commands:show", help=words)
    show.add_argument("directory", metavar="DIR")
    show.add_argument("--split", default="train")
    show.add_argument("-n", type=int, dest="records", metavar="N", help="how many records")
    show.add_argument("--sheet", metavar="FILE.png", help="where images are drawn")


def _cache(one: argparse.ArgumentParser) -> None:
    one.add_argument(
        "--statistics-cache",
        metavar="DIR",
        help="keep the statistics of each day of a `{date}` input, and read no day twice for them",
    )


def _csv(one: argparse.ArgumentParser) -> None:
    one.add_argument(
        "--csv",
        metavar="KEY=VALUE",
        action="append",
        default=[],
        help="how a CSV is written, such as header=false; may be given several times",
    )


def _output(one: argparse.ArgumentParser, words: str) -> None:
    one.add_argument("--output", metavar="DIR", required=True, help=words)
    one.add_argument(
        "--overwrite",
        action="store_true",
        help="replace what was put there before; refused where the folder holds anything else",
    )


def _inputs(one: argparse.ArgumentParser, without: str) -> None:
    one.add_argument(
        "--input",
        metavar="[SPLIT=]GLOB",
        action="append",
        dest="inputs",
        default=[],
        help=f"files to read, and the split they are; may be given several times; {without}",
    )


_COMMANDS = (
    _run,
    _init,
    _profile,
    _validate,
    _schema,
    _verify,
    _show,
    _predict,
    _sample,
    _recipe_schema,
)
