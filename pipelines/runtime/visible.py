"""Escapes for text from data and file names in messages."""

from __future__ import annotations

import re

__all__ = ["visible"]

_UNSEEN = re.compile(
    "[\\x00-\\x1f\\x7f-\\x9f\\xad\\u061c\\u180e\\u200b\\u200e\\u200f\\u2028-\\u202e"
    "\\u2060-\\u206f\\ud800-\\udfff\\ufeff\\ufff9-\\ufffb\\U000e0000-\\U000e007f]"
)


def visible(text: str) -> str:
    r"""Escape control characters, invisible characters and bidirectional overrides.

    >>> visible("a\u202eb\x00\n"), visible("né 日本 🦝")
    ('a\\u202eb\\x00\\n', 'né 日本 🦝')
    """
    return _UNSEEN.sub(lambda match: repr(match[0])[1:-1], text)
