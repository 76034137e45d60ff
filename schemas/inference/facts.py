"""What the rules of `inference_rules` ask of an `ColumnSummary` column, in numbers and in words."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

import numpy as np

from .observed import SEPARATORS, ColumnSummary

__all__ = [
    "absent",
    "amount",
    "buckets",
    "different",
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
    "spread_out",
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


def amount(count: int, noun: str) -> str:
    """A number and what it counts.

    >>> amount(1, "value"), amount(2399, "value")
    ('1 value', '2,399 values')
    """
    return f"{count:,} {noun}{'s' * (count != 1)}"


def percent(share: float) -> str:
    """A share, with as many digits as tell it from 0 and 1.

    >>> percent(0.0737), percent(0.00004), percent(0.99999), percent(1.0)
    ('7.4 %', '0.004 %', '99.999 %', '100 %')
    """
    for digits in (1, 2, 3):
        text = f"{100 * share:.{digits}f}"
        if share in (0, 1) or float(text) not in (0.0, 100.0):
            break
    return f"{text.removesuffix('.0')} %"


def shown(text: str) -> str:
    """A value of the data in quotes, on one line and cut.

    >>> shown("a\\nb"), shown("x" * 50) == '"' + "x" * 40 + '…"'
    ('"a b"', True)
    """
    line = "".join(one if one.isprintable() else " " for one in text)
    return f'"{line[:_SHOWN_CHARACTERS]}…"' if len(line) > _SHOWN_CHARACTERS else f'"{line}"'


def list_of(pairs: Sequence[tuple[str, int]]) -> str:
    """The first few of values and their counts.

    >>> list_of([("Private", 22696), ("?", 7)])
    '"Private" 22,696, "?" 7'
    """
    told = [f"{shown(value)} {count:,}" for value, count in pairs[:_SHOWN_VALUES]]
    more = [f"and {len(pairs) - _SHOWN_VALUES:,} more"] if len(pairs) > _SHOWN_VALUES else []
    return ", ".join([*told, *more])


def of_all(count: int, seen: ColumnSummary) -> str:
    """How many of the values that are not missing."""
    return f"{count:,} of {amount(seen.present, 'value')}"


def absent(seen: ColumnSummary) -> str:
    """How many values are missing, and how that is written; "" where none is."""
    if not seen.absent:
        return ""
    told = [f'{count:,} "{token}"' for token, count in sorted(seen.missing.items()) if token]
    told += [f"{seen.missing['']:,} empty"] if seen.missing[""] else []
    return f" ({percent(seen.absent / seen.rows)} missing: {', '.join(told)})"


def different(seen: ColumnSummary) -> str:
    """How many different values there are."""
    return f"{'' if seen.exact else 'about '}{seen.unique():,} different ones"


def tokens_of(seen: ColumnSummary) -> tuple[str, ...]:
    """The missing tokens that occur, the most common first; the empty field needs no token."""
    return tuple(token for token, _ in seen.missing.most_common() if token)


def last_word(name: str) -> str:
    """The last word of a name, in lower case.

    >>> last_word("passengerId"), last_word("zip_code"), last_word("grid"), last_word("ID")
    ('id', 'code', 'grid', 'id')
    """
    words = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", name)
    return words[-1].lower() if words else ""


def lowest(seen: ColumnSummary) -> int | float:
    """The smallest number."""
    ends = [one.moments for one in (seen.integers, seen.decimals)]
    return min(one.minimum for one in ends if one is not None)


def buckets(seen: ColumnSummary) -> int:
    """A power of two, at least as many as there are different values, up to a limit."""
    return min(_BUCKETS, 1 << max(4, (seen.unique() - 1).bit_length()))


def range_of(seen: ColumnSummary) -> str:
    """From the smallest number to the largest."""
    ends = [one.moments for one in (seen.integers, seen.decimals) if one.moments is not None]
    low, high = lowest(seen), max(one.maximum for one in ends)
    if seen.decimals.count:
        return f"in [{np.float32(low)!s}, {np.float32(high)!s}]"
    return f"in [{low}, {high}]"


def skewness(seen: ColumnSummary) -> tuple[float, float]:
    """The skewness of the numbers, and that of log(1 + x); 0 where there is no spread.

    The third central moment over the cube of the standard deviation; from the sketch where the
    numbers are too many to keep.
    """
    values, counts = seen.points()
    logarithms = np.log1p(np.maximum(values, 0))
    return _skewness(values, counts), _skewness(logarithms, counts)


def _skewness(values: np.ndarray, counts: np.ndarray) -> float:
    weights = counts / counts.sum()
    offsets = values - np.sum(weights * values)
    spread = float(np.sqrt(np.sum(weights * offsets**2)))
    if not np.isfinite(spread) or spread <= 1e-12 * float(np.abs(values).max(initial=0)):
        return 0.0
    return float(np.sum(weights * (offsets / spread) ** 3))


def spread_out(seen: ColumnSummary) -> bool:
    """Whether few whole numbers leave gaps, as codes do and counts do not."""
    values = seen.integers.values
    return len(values) > 1 and int(values[-1]) - int(values[0]) + 1 > 2 * len(values)


def sentinels(seen: ColumnSummary) -> list[str]:
    """The numbers at an end that may mean "no value": only 9s, and far from all others."""
    found = []
    for numbers in (seen.integers, seen.decimals):
        values, counts = numbers.values, numbers.counts
        for end, next_ in ((0, 1), (-1, -2)) if len(values) > 2 else ():
            gap = abs(float(values[end]) - float(values[next_]))
            width = float(values[-1]) - float(values[0]) - gap
            if _NINES.fullmatch(str(values[end])) and gap > width:
                found.append(
                    f"{values[end]} stands {amount(int(counts[end]), 'time')}, far from the others "
                    f'(the next is {values[next_]}): if it means "no value", add it to missing'
                )
    return found


def is_flag(seen: ColumnSummary) -> bool:
    """Whether the two texts are words for no and yes."""
    return tuple(sorted(value.lower() for value, _ in seen.common())) in _FLAGS


def one_pattern(seen: ColumnSummary) -> str:
    """What identifiers have in common, in words; "" where texts are no identifiers.

    Almost all have one of few patterns of digits and letters, or none has a blank.
    """
    values = [value for value, _ in seen.common()]
    patterns = Counter(_pattern(value) for value in values)
    pattern, count = patterns.most_common(1)[0]
    if count >= _FEW_PATTERNS * len(values):
        return "of one pattern" + (", a UUID" if pattern == _UUID else "")
    if seen.words == seen.text_count and not seen.numbers:
        return "none with a blank in it"
    return ""


def _pattern(text: str) -> str:
    """The text with its letters and digits made alike; hexadecimal digits are letters too.

    >>> _pattern("AB-0017"), _pattern("x1@mail.org")
    ('a-0', 'a0@a.a')
    """
    if re.fullmatch(r"[0-9a-fA-F-]{16,}", text):
        return re.sub(r"[0-9a-fA-F]+", lambda run: f"a{{{len(run[0])}}}", text)
    return re.sub(r"[^\W\d_]+", "a", re.sub(r"\d+", "0", text))


def parts_of(seen: ColumnSummary) -> tuple[str, float, int] | None:
    """The separator of fields with several values, their share, and how many different parts.

    A separator counts where the parts come again and again, and are short: prose has commas too.
    """
    if seen.formatted >= 0.5 * seen.text_count:
        return None
    for separator in SEPARATORS:
        share = seen.separated[separator] / seen.present
        if share < _SEVERAL or seen.separated[separator] < 2:
            continue
        fields = [value.split(separator) for value, _ in seen.common()]
        parts = {part.strip() for one in fields for part in one}
        words = sum(len(part.split()) for part in parts) / len(parts)
        if len(parts) <= 0.5 * sum(map(len, fields)) and words <= 3:
            return separator, share, len(parts)
    return None
