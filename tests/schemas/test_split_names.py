"""Names of splits: valid ones, and the messages about others."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recordmill.schemas.errors import RecipeError
from recordmill.schemas.split_names import FOLDER_NAMES, check_split_name, check_split_names

LETTERS = string.ascii_letters + string.digits + "_-"
RULE = (
    'key: expected a name of letters a to z and A to Z, digits, "_" and "-", at most 64 of them, '
    'the first not "-"; got "{}". Name the split "{}", say.'
)


def refused(name: str) -> str:
    with pytest.raises(RecipeError) as caught:
        check_split_name(name, key="key")
    return str(caught.value)


@pytest.mark.parametrize("name", ["train", "eval", "_", "1", "a-b_C", "x" * 64, "statistics"])
def test_good_names(name: str) -> None:
    check_split_name(name, key="key")


@pytest.mark.parametrize(
    ("name", "other"),
    [
        (".scratch", "scratch"),
        ("my split", "my_split"),
        ("a:b", "a_b"),
        ("a/b", "a_b"),
        ("-train", "train"),
        ("train\n", "train"),
        ("été", "t"),
        ("", "split"),
        ("..", "split"),
        ("manifest.json", "manifest_json"),
        ("x" * 65, "x" * 58),
        ("sta ts", "sta_ts"),
        ("stats!", "stats_split"),
    ],
)
def test_other_characters_and_lengths_are_refused(name: str, other: str) -> None:
    assert refused(name) == RULE.format(name, other)
    check_split_name(other, key="key")


@pytest.mark.parametrize(
    "name", [name for name in FOLDER_NAMES if "." not in name] + ["Stats", "UNSPLIT"]
)
def test_names_of_the_folder_are_refused_in_any_capitals(name: str) -> None:
    assert refused(name) == (
        f'key: expected a name that the folder of a dataset does not use itself; got "{name}". '
        f'Name the split "{name}_split", say.'
    )
    check_split_name(f"{name}_split", key="key")


@pytest.mark.parametrize("prefix", ["transformed", "reshape"])
def test_names_that_other_files_would_have_are_refused(prefix: str) -> None:
    assert refused(f"{prefix}-eval") == (
        f"key: expected a name that does not begin as files of the folder do ({prefix}-); got "
        f'"{prefix}-eval". Name the split "{prefix}_eval_split", say.'
    )


def test_names_that_differ_in_capitals_alone_are_refused() -> None:
    check_split_names(["train", "eval", "train"], key="key")
    with pytest.raises(RecipeError) as caught:
        check_split_names(["train", "eval", "Train"], key="key")
    assert str(caught.value) == (
        "key: expected names that differ in more than capitals, since some filesystems take them "
        'for one; got "train" and "Train". Rename one of them.'
    )


@given(st.text(max_size=70) | st.text(LETTERS, max_size=70) | st.sampled_from(FOLDER_NAMES))
def test_a_name_is_taken_as_the_rule_says_and_the_advice_is_good(name: str) -> None:
    by_rule = (
        0 < len(name) <= 64
        and set(name) <= set(LETTERS)
        and name[0] not in "-."
        and name.lower() not in FOLDER_NAMES
        and not name.lower().startswith(("transformed-", "reshape-"))
    )
    try:
        check_split_name(name, key="key")
    except RecipeError as error:
        assert not by_rule
        advice = str(error).rpartition('Name the split "')[2].removesuffix('", say.')
        check_split_name(advice, key="key")
    else:
        assert by_rule
