"""Guess the encoding of text that is not UTF-8, and advise how to convert it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping

from ...schemas.inference.facts import shown
from ...schemas.manifest import Ledger
from ...schemas.wording import count_of
from ..runtime import filesystem as files
from ..runtime.elements import Reject

__all__ = [
    "UNDECODABLE",
    "UTF_16_MARKS",
    "encoding_advice",
    "guess_encoding",
    "rejects_advice",
    "undecodable_rows",
]

UTF_16_MARKS = (b"\xff\xfe", b"\xfe\xff")
"""Byte order marks of UTF-16."""

UNDECODABLE = "invalid_utf8"
"""Reason of rejects whose bytes are not UTF-8."""

_NULS, _NO_NULS = 0.5, 0.05
"""Shares of NUL bytes: in UTF-16 most high bytes are NUL, and hardly any low byte is."""

_NAMES = {
    "cp1252": ("cp1252 (Windows)", "CP1252"),
    "latin-1": ("Latin-1", "ISO-8859-1"),
    "utf-16": ("UTF-16", "UTF-16"),
    "utf-16-le": ("UTF-16", "UTF-16LE"),
    "utf-16-be": ("UTF-16", "UTF-16BE"),
}
"""Name to show, and name for iconv, of each encoding that Python names so."""

_ESCAPED = re.compile(rb"\\x([89a-f][0-9a-f])")


def guess_encoding(data: bytes) -> str:
    r"""Return the likely encoding of bytes that are not UTF-8, as Python names it; "" for none.

    Latin-1 and cp1252 differ only in the bytes 0x80 to 0x9f: quotes and the euro sign in cp1252,
    control characters in Latin-1.

    >>> guess_encoding("größe".encode("latin-1")), guess_encoding("5 €".encode("cp1252"))
    ('latin-1', 'cp1252')
    >>> guess_encoding("a,b".encode("utf-16-le")), guess_encoding(b"\x81")
    ('utf-16-le', '')
    """
    if data.startswith(UTF_16_MARKS):
        return "utf-16"
    if 0 in data:
        pairs = len(data) / 2
        first, second = data[::2].count(0) / pairs, data[1::2].count(0) / pairs
        if max(first, second) >= _NULS and min(first, second) <= _NO_NULS:
            return "utf-16-be" if first > second else "utf-16-le"
    if not any(0x80 <= byte < 0xA0 for byte in data):
        return "latin-1"
    try:
        data.decode("cp1252")
    except UnicodeDecodeError:
        return ""
    return "cp1252"


def encoding_advice(data: bytes) -> str:
    """Return the likely encoding of bytes that are not UTF-8, their text, and how to convert them.

    >>> print(encoding_advice("5 €,no".encode("cp1252")))
    The bytes look like cp1252 (Windows), in which they read "5 €,no": convert the file, as \
`iconv -f CP1252 -t UTF-8` does.
    """
    encoding = guess_encoding(data)
    if not encoding:
        return (
            "The bytes are neither UTF-8 nor cp1252: ask whoever wrote the file for its encoding, "
            "and convert it, as `iconv -f ENCODING -t UTF-8` does."
        )
    text = shown(data.decode(encoding, "replace").removeprefix("\ufeff").split("\n")[0])
    name, of_iconv = _NAMES[encoding]
    return (
        f"The bytes look like {name}, in which they read {text}: convert the file, as "
        f"`iconv -f {of_iconv} -t UTF-8` does."
    )


def rejects_advice(rejects: Iterable[Reject]) -> str:
    """Return advice on rejects that are not UTF-8 text; "" where there are none.

    Args:
      rejects: Rejects of any reason; the guess uses the bytes of all undecodable ones together.
    """
    undecodable = [reject for reject in rejects if reject.reason == UNDECODABLE]
    if not undecodable:
        return ""
    if undecodable[0].column is not None:  # of Parquet
        column = shown(undecodable[0].column)
        return (
            f"Column {column} has values that are bytes, not UTF-8 text: decode them where the "
            "file is written, or leave the column out of the recipe."
        )
    return encoding_advice(b"\n".join(_bytes_of(reject.raw) for reject in undecodable))


def undecodable_rows(folder: str, ledger: Mapping[str, Ledger]) -> str:
    """Return a sentence on the rows that were rejected for their encoding; "" where none were.

    Args:
      folder: Folder of a prepared dataset or a profile.
      ledger: Ledger of each split.
    """
    counts = {split: entry.rejected.get(UNDECODABLE, 0) for split, entry in ledger.items()}
    split = next((split for split, count in counts.items() if count), None)
    if split is None:
        return ""
    first = _first_undecodable(files.join(folder, "rejects", f"{split}.jsonl"))
    rows = f"{count_of(sum(counts.values()), 'row')} rejected: not UTF-8 text"
    return f"{rows}, such as {first.file}:{first.line}. {rejects_advice([first])}"


def _first_undecodable(path: str) -> Reject:
    with files.read(path) as lines:
        rejects = (Reject(**json.loads(line)) for line in lines)
        return next(reject for reject in rejects if reject.reason == UNDECODABLE)


def _bytes_of(raw: str) -> bytes:
    r"""Return the bytes of a record from `Reject.raw`, where undecodable ones are `\xNN`."""
    return _ESCAPED.sub(lambda match: bytes.fromhex(match[1].decode()), raw.encode())
