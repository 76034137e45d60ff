from __future__ import annotations

import pytest
import tensorflow as tf

from recordmill.schemas.errors import RecipeError
from recordmill.transforms.text import bag_of_words, lower, ngrams, tf_idf


def test_lower() -> None:
    x = tf.constant([["ÉTÉ", "ΣΟΦΊΑ", "", "\u0130"]])
    assert [text.decode() for text in lower(x).numpy()[0]] == ["été", "σοφία", "", "i\u0307"]
    assert lower(tf.ragged.constant([["A", "B"], []])).to_list() == [[b"a", b"b"], []]


def test_words_are_letters_digits_and_marks() -> None:
    x = tf.constant(["To be, or (not) to_be?", "naïve—cafe\u0301 № 42", " \t", "", "!!"])
    result = [[word.decode() for word in row] for row in ngrams(x, maximum=1).to_list()]
    assert result == [
        ["To", "be", "or", "not", "to_be"],
        ["naïve", "cafe\u0301", "42"],
        [],
        [],
        [],
    ]


def test_ngrams() -> None:
    x = tf.constant(["a b c", "d"])
    assert ngrams(x, minimum=2, maximum=3).to_list() == [[b"a b", b"b c", b"a b c"], []]
    words = tf.ragged.constant([["a b", "c"], []])
    result = ngrams(words, separator="_")
    assert result.to_list() == [[b"a b", b"c", b"a b_c"], []]
    assert result.row_splits.dtype == tf.int64


@pytest.mark.parametrize(("minimum", "maximum"), [(0, 1), (2, 1)])
def test_lengths_must_be_a_range(minimum: int, maximum: int) -> None:
    with pytest.raises(RecipeError) as error:
        ngrams(tf.constant(["a"]), minimum=minimum, maximum=maximum)
    assert str(error.value) == f"expected 1 <= minimum <= maximum, got {minimum}, {maximum}"


@pytest.mark.parametrize("function", [bag_of_words, tf_idf])
def test_wrong_options(function: object) -> None:
    for x, top_k, message in (
        (tf.constant(["a"]), 0, "expected a top_k of at least 1, got 0"),
        (
            tf.constant([["a"]]),
            3,
            "expected one text a row, [batch], or ragged words, [batch, None], got the shape "
            "(1, 1)",
        ),
    ):
        with pytest.raises(RecipeError) as error:
            function(x, top_k=top_k)  # type: ignore[operator]
        assert str(error.value) == message
