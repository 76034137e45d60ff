"""Text from data on its way into a page: nothing in it may act, and nothing in it may hide."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from typing import Any

__all__ = ["embedded", "policy", "visible"]

_UNSEEN = re.compile(
    "[\\x00-\\x1f\\x7f-\\x9f\\xad\\u061c\\u180e\\u200b\\u200e\\u200f\\u2028-\\u202e"
    "\\u2060-\\u206f\\ud800-\\udfff\\ufeff\\ufff9-\\ufffb\\U000e0000-\\U000e007f]"
)


def visible(text: str) -> str:
    r"""The text with what cannot be seen, or turns the text around it, written as an escape.

    >>> visible("a\u202eb\x00\n"), visible("né 日本 🦝")
    ('a\\u202eb\\x00\\n', 'né 日本 🦝')
    """
    return _UNSEEN.sub(lambda found: repr(found[0])[1:-1], text)


def embedded(value: Any) -> str:
    r"""JSON to stand in a `script` element: no character in it can end the element.

    Raises:
      ValueError: A number in it is not finite.

    >>> embedded({"<b>": "</script>"})
    '{"\\u003cb\\u003e":"\\u003c/script\\u003e"}'
    """
    text = json.dumps(value, allow_nan=False, separators=(",", ":"))
    for letter in "<>&":
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return text


def policy(*, script: str, style: str) -> str:
    """The Content-Security-Policy of a page with this one script and this one style in it.

    Pictures may stand in the page as data; nothing is fetched, sent or framed.
    """
    return (
        f"default-src 'none'; script-src {_digest(script)}; style-src {_digest(style)}; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )


def _digest(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"
