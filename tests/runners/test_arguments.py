from __future__ import annotations

import inspect
from typing import Any

import pytest

from recordmill.runners.cli import parse, parser
from recordmill.schemas import RecipeError

LINES = {
    "run": "run census --output out",
    "init": "init a.csv b.csv",
    "profile": "profile a.csv --output out",
    "validate": "validate a.csv --against out",
    "schema": "schema update s.pbtxt --accept age --from a.csv",
    "verify": "verify out",
    "show": "show out",
    "predict": "predict m --json-instances -",
    "sample": "sample census dir",
    "recipe-schema": "recipe-schema",
}


@pytest.mark.parametrize("command", LINES)
def test_arguments_are_those_of_the_function_of_the_command(command: str) -> None:
    options: dict[str, Any] = vars(parse(LINES[command].split()))
    function = options.pop("function")
    arguments = {k: v for k, v in options.items() if k not in ("command", "subcommand")}
    beam = {"beam_flags": []} if command == "run" else {}
    inspect.signature(function).bind(**arguments, **beam)


def test_every_command_is_here() -> None:
    text = parser().format_help()
    assert all(f"\n    {command} " in text or f"\n    {command}\n" in text for command in LINES)


def test_defaults() -> None:
    run = parse(["run", "census", "--output", "out"])
    assert (run.inputs, run.overwrite, run.runner, run.shuffle) == ([], False, "direct", None)
    validate = parse(["validate", "a.csv", "b.csv", "--against", "out"])
    assert validate.data == ["a.csv", "b.csv"]
    assert (validate.skew_threshold, validate.missing_threshold) == (0.1, 0.05)


def test_what_may_be_given_several_times() -> None:
    run = parse(["run", "x", "--output", "out", "--input", "train=a", "--input", "eval=b"])
    assert run.inputs == ["train=a", "eval=b"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            "verify out --paritty m",
            'verify: unrecognized option "--paritty". Did you mean "--parity"?',
        ),
        ("verify out more", 'verify: unrecognized argument "more". See recordmill verify --help.'),
        ("show out --zzz", 'show: unrecognized option "--zzz". See recordmill show --help.'),
    ],
)
def test_a_word_too_many(words: str, message: str) -> None:
    with pytest.raises(RecipeError) as error:
        parse(words.split())
    assert str(error.value) == message
