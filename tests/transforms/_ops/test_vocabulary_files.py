from __future__ import annotations

import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from recordmill.schemas.column import MISSING_INT64
from recordmill.transforms._ops.vocabulary_files import as_tokens, in_one_word


def test_as_tokens() -> None:
    numbers = tf.constant([[12, -1, MISSING_INT64]], tf.int64)
    assert as_tokens(numbers).numpy().tolist() == [[b"12", b"-1", b""]]
    assert as_tokens(tf.constant(["a", ""])).numpy().tolist() == [b"a", b""]


@given(st.lists(st.text("ab\\ _n\nr\r\té", max_size=6), unique=True, min_size=1))
def test_tokens_of_one_word_stay_apart(tokens: list[str]) -> None:
    words = in_one_word(tf.constant(tokens)).numpy().tolist()
    assert len(set(words)) == len(tokens)
    assert not any(blank in word for word in words for blank in (b" ", b"\n", b"\r"))
    assert all(bool(word) == bool(token) for word, token in zip(words, tokens, strict=True))
