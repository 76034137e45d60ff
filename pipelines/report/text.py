"""Text from data on its way into a page: nothing in it may act, and nothing in it may hide."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

__all__ = ["embedded", "policy"]


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
