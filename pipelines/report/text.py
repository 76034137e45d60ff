"""Safe embedding of data in a page: JSON in a script element, and a content security policy."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

__all__ = ["content_security_policy", "script_json"]


def script_json(value: Any) -> str:
    r"""Return JSON for a `script` element, without characters that could end the element.

    Raises:
      ValueError: The value contains a number that is not finite.

    >>> script_json({"<b>": "</script>"})
    '{"\\u003cb\\u003e":"\\u003c/script\\u003e"}'
    """
    text = json.dumps(value, allow_nan=False, separators=(",", ":"))
    for letter in "<>&":
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return text


def content_security_policy(*, script: str, style: str) -> str:
    """Return the Content-Security-Policy of a page with one script and one style.

    It allows images as data URLs, and forbids to load, send or frame anything.

    Args:
      script: Text of the script element.
      style: Text of the style element.
    """
    return (
        f"default-src 'none'; script-src {_digest(script)}; style-src {_digest(style)}; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )


def _digest(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"
