"""Functions of the user are imported by reference, or the message shows what is wrong."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from apache_beam.internal import pickler

from recordmill.pipelines.recipes.functions import load_function
from recordmill.schemas import RecipeError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "mine.py").write_text("LIMIT = 3\n\ndef limited(x):\n    return min(x, LIMIT)\n")
    (tmp_path / "broken.py").write_text("a = 1\n\ndef f(:\n")
    (tmp_path / "failing.py").write_text("def g():\n    return 1 / 0\n\n\nVALUE = g()\n")
    return tmp_path


def test_a_file_relative_to_the_folder_which_workers_need_not_have(folder: Path) -> None:
    function = load_function("mine.py:limited", folder=str(folder))
    assert function(5) == 3
    assert "mine" not in sys.modules
    pickled = pickler.dumps(function)
    (folder / "mine.py").unlink()
    assert pickler.loads(pickled)(5) == 3


def test_a_module() -> None:
    assert load_function("os.path:join")("a", "b") == "a/b"


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("f", 'expected "package.module:function" or "file.py:function", got "f"'),
        ("mine.py:", 'expected "package.module:function" or "file.py:function", got "mine.py:"'),
        ("mine.py:limitd", 'mine.py has no function "limitd"; did you mean "limited"?'),
        ("mine.py:LIMIT", 'mine.py: "LIMIT" is no function, but a value of type int'),
        ("none.py:f", "no file {folder}/none.py"),
        ("broken.py:f", "cannot load {folder}/broken.py:3: SyntaxError: invalid syntax"),
        ("failing.py:g", "cannot load {folder}/failing.py:2: ZeroDivisionError: division by zero"),
        (
            "not.there:f",
            "cannot import not.there: ModuleNotFoundError: No module named 'not'",
        ),
    ],
)
def test_what_is_wrong(reference: str, message: str, folder: Path) -> None:
    with pytest.raises(RecipeError) as error:
        load_function(reference, folder=str(folder))
    assert str(error.value) == message.format(folder=folder)
