from __future__ import annotations

import unicodedata

import pytest

from recordmill.pipelines.runtime.visible import visible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred\x07", "\\x1b[31mred\\x07"),
        ("a\tb\r\n", "a\\tb\\r\\n"),
        ("\u202eevil\u2066", "\\u202eevil\\u2066"),
        ("\ufeffx\u200b", "\\ufeffx\\u200b"),
        ("\udcff.jpg", "\\udcff.jpg"),
        ("\U000e0041", "\\U000e0041"),
        ("a\\nb", "a\\nb"),
    ],
)
def test_what_cannot_be_seen_is_an_escape(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_every_control_character_is_one() -> None:
    for code in range(0x10000):
        character = chr(code)
        if unicodedata.category(character) == "Cc" or unicodedata.bidirectional(character) in (
            *("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"),
        ):
            assert visible(character) != character, hex(code)


def test_letters_of_any_script_stay() -> None:
    for text in ("né", "日本", "שלום", "🦝", "naïve café", "a b"):
        assert visible(text) == text
