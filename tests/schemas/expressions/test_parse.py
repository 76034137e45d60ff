from __future__ import annotations

import pytest

from recordmill.schemas.column import Column
from recordmill.schemas.errors import RecipeError
from recordmill.schemas.expressions.parse import parse
from recordmill.schemas.expressions.tree import (
    Arithmetic,
    Comparison,
    Constant,
    Logic,
    Membership,
    Missing,
    Name,
    Not,
)

AGE = Column("age", "int64", minimum=0, maximum=120)
HEIGHT = Column("height", "float32")
WORK = Column("workclass", "string", domain=("Private", "State-gov"), missing=("?",))
CITY = Column("home-city", "string", spelling=(("NYC", "New York"),))
COLUMNS = (AGE, HEIGHT, WORK, CITY)


def test_the_tree() -> None:
    tree = parse("17 <= age < 65 and not workclass is missing", COLUMNS)
    assert tree == Logic(
        "and",
        (
            Logic(
                "and",
                (
                    Comparison("<=", Constant(17), Name(AGE)),
                    Comparison("<", Name(AGE), Constant(65)),
                ),
            ),
            Not(Missing(Name(WORK))),
        ),
    )


def test_names_in_backticks_and_texts_with_backticks() -> None:
    tree = parse("`home-city` == 'a`b`' ", COLUMNS)
    assert tree == Comparison("==", Name(CITY), Constant("a`b`"))
    names = (Column("Größe (cm)", "int64"), Column("µ", "int64"), Column("class", "int64"))
    assert parse("µ + `Größe (cm)`", names) == Arithmetic("+", Name(names[1]), Name(names[0]))
    assert parse("`class` > 1", names) == Comparison(">", Name(names[2]), Constant(1))


def test_lines_are_joined() -> None:
    assert parse("\n  age in (\n 1,\t2)\n", COLUMNS) == Membership(
        Name(AGE), (Constant(1), Constant(2))
    )


def test_is_none_is_missing() -> None:
    assert parse("age is None", COLUMNS) == Missing(Name(AGE))
    assert parse("age is not missing", COLUMNS) == Not(Missing(Name(AGE)))


def test_numbers_become_those_of_a_float32_column() -> None:
    assert parse("height == 1.6", COLUMNS) == Comparison(
        "==", Name(HEIGHT), Constant(1.600000023841858)
    )


def test_types() -> None:
    kinds = {
        text: parse(text, COLUMNS).type
        for text in ("age + 1", "age / 2", "-height", "len(workclass)", "max(age, 1.5)", "age > 1")
    }
    assert list(kinds.values()) == [
        "int64",
        "float32",
        "float32",
        "int64",
        "float32",
        "condition",
    ]


@pytest.mark.parametrize(
    ("text", "problem", "marks"),
    [
        ("ages > 3", 'no column "ages"; did you mean "age"?', "^^^^"),
        (
            "age > `x y`",
            'no column "x y"; there are age, height, workclass, home-city',
            "      ^^^^^",
        ),
        ("age == missing", 'no column "missing"; write "is missing" or "is not missing"', 7),
        ("age == None", 'write "is missing" or "is not missing"', "       ^^^^"),
        ("age + workclass", 'expected a number, got the string column "workclass"', 6),
        (
            "workclass == 3",
            'expected text to compare with the string column "workclass", got a number',
            "             ^",
        ),
        ("age > 'a'", 'expected a number to compare with the int64 column "age", got text', 6),
        ("age > 1 and True", "this is not possible here", 12),
        (
            "age and height > 1",
            'expected a condition, such as "age >= 18", got the int64 column "age"',
            "^^^",
        ),
        ("(age > 1) == (age > 2)", "expected a number or text, got a condition", " ^^^^^^^"),
        ("age > 1 & height > 1", 'no such operator; there is "and"', "        ^"),
        ("age ** 2 > 1", "no such operator; there is + - * / %", "    ^^"),
        ("~(age > 1)", 'there is no "~"; write "not"', "^^^^^^^^^^"),
        ("age = 3", 'expected an expression, got "="; equal is "=="', "    ^"),
        ("age > ", "expected an expression", None),
        ("age > `x", "expected an expression, got a backtick without its other one", None),
        ("absolute(age) > 1", 'no function "absolute"; there are abs, min, max, len', "^^^^^^^^"),
        ("ab(age) > 1", 'no function "ab"; did you mean "abs"?', "^^"),
        ("min(age) > 1", "min: expected 2 to 100 arguments, got 1", "^^^^^^^^"),
        ("age in ()", "expected at least one value", "       ^^"),
        ("age in (1, height)", "expected numbers or texts in quotes", "           ^^^^^^"),
        ("age is 3", 'after "is" expected missing or not missing', "       ^"),
        ("age > 1e999", "expected a finite number that fits in int64", "      ^^^^^"),
        (f"age > {2**63}", "expected a finite number that fits in int64", 6),
        (
            "workclass == 'Privat'",
            'column "workclass" has no "Privat"; did you mean "Private"?',
            "             ^^^^^^^^",
        ),
        (
            "workclass in ('x',)",
            'column "workclass" has no "x"; it has one of "Private", "State-gov"',
            "              ^^^",
        ),
        (
            "workclass != '?'",
            '"?" means "no value" in column "workclass"; write "is missing"',
            "             ^^^",
        ),
        (
            "`home-city` == 'NYC'",
            'column "home-city" has "New York" instead of "NYC"',
            "               ^^^^^",
        ),
        (
            "`home-city` == ' a'",
            'blanks around values are stripped, so none is " a"',
            "               ^^^^",
        ),
        (
            "workclass < `home-city`",
            'expected a text in quotes, since "<" does not compare two text columns',
            "            ^^^^^^^^^^^",
        ),
        ("Ü > 1", 'no column "Ü"; there are', "^"),
        ("'Ü' == `é`", 'no column "é"; there are', "       ^^^"),
        ("  age.real > 1", "this is not possible here", "  ^^^^^^^^"),
        ("__import__('os').system('true')", 'no function "', None),
        ("(lambda: 1)() > age", 'no function "', None),
        ("[x for x in age]", "this is not possible here", None),
        ("age[0] > 1", "this is not possible here", "^^^^^^"),
        ("f'{age}' == 'a'", "this is not possible here", "^^^^^^^^"),
        ("age > 1j", "this is not possible here", "      ^^"),
        ("(age := 1) > 0", "this is not possible here", None),
        ("1 if age > 1 else 2", "this is not possible here", None),
    ],
)
def test_errors_show_the_place(text: str, problem: str, marks: str | int | None) -> None:
    with pytest.raises(RecipeError) as error:
        parse(text, COLUMNS)
    first, shown, underline = str(error.value).split("\n")
    assert first.startswith(problem)
    assert shown == f"  {text}"
    if isinstance(marks, int):
        assert underline.index("^") == 2 + marks
    elif marks is not None:
        assert underline == f"  {marks}"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("1 < 2", "expected an expression over columns, got '1 < 2'"),
        ("age + " * 2000 + "1", "expected an expression of up to 10,000 characters, got 12,001"),
        ("(" * 5000 + "age" + ")" * 4000, "expected an expression"),
        ("-" * 5000 + "age", "the expression"),
        ("age" + "+1" * 4000, "the expression"),
        ("age > \0", "expected an expression"),
        ("age" + " % age" * 30, "the expression is too large to be computed: age % age"),
        ("", "expected an expression"),
    ],
)
def test_hostile_texts(text: str, problem: str) -> None:
    with pytest.raises(RecipeError) as error:
        parse(text, COLUMNS)
    assert str(error.value).startswith(problem)


def test_nothing_is_warned_about(recwarn: pytest.WarningsRecorder) -> None:
    parse(r"workclass == 'Private' or `home-city` == '\d'", COLUMNS)
    assert not recwarn.list
