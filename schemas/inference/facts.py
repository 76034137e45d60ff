"""Facts of a `ColumnSummary` for the rules of inference, in numbers and in words."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

import numpy as np

from ..statistics.columns import Moments
from ..wording import count_of
from .observed import SEPARATORS, ColumnSummary

__all__ = [
    "missing_note",
    "buckets",
    "distinct_count",
    "is_flag",
    "last_word",
    "list_of",
    "lowest",
    "of_all",
    "one_pattern",
    "parts_of",
    "percent",
    "range_of",
    "sentinels",
    "shown",
    "skewness",
    "has_gaps",
    "tokens_of",
]

_SHOWN_VALUES = 5
_SHOWN_CHARACTERS = 40
_FLAGS = (("no", "yes"), ("n", "y"), ("false", "true"), ("f", "t"), ("off", "on"))
_NINES = re.compile(r"-?9{2,}(\.0)?")
_UUID = "a{8}-a{4}-a{4}-a{4}-a{12}"
_FEW_PATTERNS = 0.9
_SEVERAL = 0.05
_BUCKETS = 1 << 16


def percent(share: float) -> str:
    """Return a share in percent, with enough digits to tell it from 0 and 1.

    >>> percent(0.0737), percent(0.00004), percent(0.99999), percent(1.0)
    ('7.4 %', '0.004 %', '99.999 %', '100 %')
    """
    for digits in (1, 2, 3):
        text = f"{100 * share:.{digits}f}"
        if share in (0, 1) or float(text) not in (0.0, 100.0):
            break
    return f"{text.removesuffix('.0')} %"


def shown(text: str) -> str:
    r"""Quote a value of the data, on one line and cut to 40 characters.

    >>> shown("a\nb"), shown("x" * 50) == '"' + "x" * 40 + '…"'
    ('"a b"', True)
    """
    line = "".join(c if c.isprintable() else " " for c in text)
    return f'"{line[:_SHOWN_CHARACTERS]}…"' if len(line) > _SHOWN_CHARACTERS else f'"{line}"'


def list_of(pairs: Sequence[tuple[str, int]]) -> str:
    """List the first five values with their counts.

    >>> list_of([("Private", 22696), ("?", 7)])
    '"Private" 22,696, "?" 7'
    """
    items = [f"{shown(value)} {count:,}" for value, count in pairs[:_SHOWN_VALUES]]
    more = [f"and {len(pairs) - _SHOWN_VALUES:,} more"] if len(pairs) > _SHOWN_VALUES else []
    return ", ".join([*items, *more])


def of_all(count: int, summary: ColumnSummary) -> str:
    """Return a count beside the number of values that are not missing, in words."""
    return f"{count:,} of {count_of(summary.present, 'value')}"


def missing_note(summary: ColumnSummary) -> str:
    """Return the share of missing values and their tokens, in words; "" where none is missing."""
    if not summary.absent:
        return ""
    tokens = [f'{count:,} "{token}"' for token, count in sorted(summary.missing.items()) if token]
    tokens += [f"{summary.missing['']:,} empty"] if summary.missing[""] else []
    return f" ({percent(summary.absent / summary.rows)} missing: {', '.join(tokens)})"


def distinct_count(summary: ColumnSummary) -> str:
    """Return the number of distinct values, in words."""
    return f"{'' if summary.exact else 'about '}{summary.unique():,} different ones"


def tokens_of(summary: ColumnSummary) -> tuple[str, ...]:
    """Return the missing tokens that occur, the most common first, without the empty field."""
    return tuple(token for token, _ in summary.missing.most_common() if token)


def last_word(name: str) -> str:
    """Return the last word of a name, in lower case.

    >>> last_word("passengerId"), last_word("zip_code"), last_word("grid"), last_word("ID")
    ('id', 'code', 'grid', 'id')
    """
    words = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", name)
    return words[-1].lower() if words else ""


def lowest(summary: ColumnSummary) -> int | float:
    """Return the smallest number; there must be one."""
    return min(moments.minimum for moments in _moments(summary))


def buckets(summary: ColumnSummary) -> int:
    """Return a number of hash buckets: a power of two above the distinct values, in [16, 2^16]."""
    return min(_BUCKETS, 1 << max(4, (summary.unique() - 1).bit_length()))


def range_of(summary: ColumnSummary) -> str:
    """Return the interval of the numbers, in words; there must be one."""
    low, high = lowest(summary), max(moments.maximum for moments in _moments(summary))
    if summary.decimals.count:
        return f"in [{np.float32(low)!s}, {np.float32(high)!s}]"
    return f"in [{low}, {high}]"


def _moments(summary: ColumnSummary) -> list[Moments]:
    return [
        part.moments for part in (summary.integers, summary.decimals) if part.moments is not None
    ]


def skewness(summary: ColumnSummary) -> tuple[float, float]:
    """Return the skewness of the numbers, and that of log(1 + x); 0.0 where there is no spread.

    The third central moment over the cube of the standard deviation; from the quantile sketch
    where there are too many distinct numbers to count.
    """
    values, counts = summary.points()
    logarithms = np.log1p(np.maximum(values, 0))
    return _skewness(values, counts), _skewness(logarithms, counts)


def _skewness(values: np.ndarray, counts: np.ndarray) -> float:
    weights = counts / counts.sum()
    offsets = values - np.sum(weights * values)
    spread = float(np.sqrt(np.sum(weights * offsets**2)))
    if not np.isfinite(spread) or spread <= 1e-12 * float(np.abs(values).max(initial=0)):
        return 0.0
    return float(np.sum(weights * (offsets / spread) ** 3))


def has_gaps(summary: ColumnSummary) -> bool:
    """Return whether integers leave gaps, as codes do and counts do not."""
    values = summary.integers.values
    return len(values) > 1 and int(values[-1]) - int(values[0]) + 1 > 2 * len(values)


def sentinels(summary: ColumnSummary) -> list[str]:
    """Describe extreme numbers that may mean "no value": only 9s, and far from all others."""
    notes = []
    for numbers in (summary.integers, summary.decimals):
        values, counts = numbers.values, numbers.counts
        for end, next_ in ((0, 1), (-1, -2)) if len(values) > 2 else ():
            gap = abs(float(values[end]) - float(values[next_]))
            width = float(values[-1]) - float(values[0]) - gap
            if _NINES.fullmatch(str(values[end])) and gap > width:
                notes.append(
                    f"{values[end]} stands {count_of(int(counts[end]), 'time')}, far from the "
                    f'others (the next is {values[next_]}): if it means "no value", add it to '
                    "missing"
                )
    return notes


def is_flag(summary: ColumnSummary) -> bool:
    """Return whether the distinct texts are a pair of words for no and yes."""
    return tuple(sorted(value.lower() for value, _ in summary.common())) in _FLAGS


def one_pattern(summary: ColumnSummary) -> str:
    """Return the common form of identifiers, in words; "" where texts are no identifiers.

    Nine of ten identifiers have one pattern of digits and letters, or none has a blank.
    """
    values = [value for value, _ in summary.common()]
    patterns = Counter(_pattern(value) for value in values)
    pattern, count = patterns.most_common(1)[0]
    if count >= _FEW_PATTERNS * len(values):
        return "of one pattern" + (", a UUID" if pattern == _UUID else "")
    if summary.words == summary.text_count and not summary.numbers:
        return "none with a blank in it"
    return ""


def _pattern(text: str) -> str:
    """Return the pattern of a text: "a" for letters, "0" for digits, "a{n}" for hexadecimal.

    >>> _pattern("AB-0017"), _pattern("x1@mail.org")
    ('a-0', 'a0@a.a')
    """
    if re.fullmatch(r"[0-9a-fA-F-]{16,}", text):
        return re.sub(r"[0-9a-fA-F]+", lambda run: f"a{{{len(run[0])}}}", text)
    return re.sub(r"[^\W\d_]+", "a", re.sub(r"\d+", "0", text))


def parts_of(summary: ColumnSummary) -> tuple[str, float, int] | None:
    """Return the separator of fields with several values, their share, and the distinct parts.

    A separator qualifies where the parts recur and are short, since prose has commas too.

    Returns:
      (separator, share of the values that contain it, number of distinct parts); None where the
      fields have one value.
    """
    if summary.formatted >= 0.5 * summary.text_count:
        return None
    for separator in SEPARATORS:
        share = summary.separated[separator] / summary.present
        if share < _SEVERAL or summary.separated[separator] < 2:
            continue
        fields = [value.split(separator) for value, _ in summary.common()]
        parts = {part.strip() for field in fields for part in field}
        words = sum(len(part.split()) for part in parts) / len(parts)
        if len(parts) <= 0.5 * sum(map(len, fields)) and words <= 3:
            return separator, share, len(parts)
    return None
