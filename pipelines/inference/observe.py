"""Counting what a column of text holds, block by block, on its distinct texts."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ...schemas.column import MISSING_INT64, Column
from ...schemas.inference.observed import DATE_FORMATS, MISSING_TOKENS, SEPARATORS, ColumnSummary
from ...schemas.statistics.columns import Numbers
from ..runtime.dictionaries import dictionary_indices
from ..selection.convert import Mask, Reason, Reasons, convert, true_of

__all__ = ["observe"]

_TOKENS = pa.array(["", *MISSING_TOKENS])
_INTEGER, _DECIMAL = Column("whole", "int64"), Column("decimal", "float32")
_DIGITS = r"^[+-]?[0-9]+$"
_LEADING_ZERO = r"^[+-]?0[0-9]+$"
_DATE_LIKE = r"^[0-9]{1,4}[-/.][0-9]{1,2}[-/.][0-9]"
_FORMATTED = (
    r"^[-+(]?\s*([$€£¥]|[A-Z]{3}\s)?\s*[-+]?"
    r"([0-9]{1,3}([,.' \x{00a0}][0-9]{3})+([.,][0-9]+)?|[0-9]+([.,][0-9]+)?)"
    r"\s*([$€£¥%]|\s[A-Z]{3})?\)?$"
)

_PLAIN = np.isin(np.arange(256), [*b"0123456789.eE+-"])
_NUMERIC = _PLAIN | np.isin(np.arange(256), [*b"nafityNAFITY"])
"""The bytes of whatever is a number, infinite or not a number to `convert`."""

_FORMATTED_FIRST = np.isin(np.arange(256), [*b"-+(0123456789", *range(65, 91), *"$€£¥".encode()])
_FIRST_DATE, _LAST_DATE = 19_000_101, 20_991_231

_Counts = npt.NDArray[np.int64]


def observe(seen: ColumnSummary, column: pa.DictionaryArray) -> None:
    """Count one more portion of a column.

    Args:
      seen: What was counted so far; changed.
      column: The next texts, in the order of the file, as `Block.batch` has them.
    """
    at = dictionary_indices(column)
    texts = pc.ascii_trim_whitespace(pa.concat_arrays([column.dictionary, pa.array([""])]))
    counts = np.bincount(at, minlength=len(texts))
    seen.rows += len(column)
    rest = np.flatnonzero(counts)
    missing = true_of(pc.is_in(texts, value_set=_TOKENS))
    for place in rest[missing[rest]]:
        seen.missing[texts[place].as_py()] += int(counts[place])
    rest = rest[~missing[rest]]
    numeric = _all_bytes(texts, _NUMERIC)
    whole = _integers(seen, texts, counts, rest[numeric[rest]])
    _follow(seen, at, whole, wanted=len(rest))
    rest = np.setdiff1d(rest, whole.places, assume_unique=True)
    maybe = rest[numeric[rest]]
    decimals = maybe[_decimals(seen, texts.take(pa.array(maybe)), counts[maybe])]
    rest = np.setdiff1d(rest, decimals, assume_unique=True)
    if len(rest):
        _texts(seen, texts.take(pa.array(rest)), counts[rest])


class _Whole(NamedTuple):
    """The texts that are whole numbers: their places, and their values."""

    places: npt.NDArray[np.int64]
    values: npt.NDArray[np.int64]


def _integers(
    seen: ColumnSummary, texts: pa.StringArray, counts: _Counts, rest: npt.NDArray[np.int64]
) -> _Whole:
    """Count the whole numbers among the rest."""
    where = rest[~true_of(pc.match_substring(texts, "."))[rest]]
    some = texts.take(pa.array(where))
    if not len(where):
        return _Whole(where, where)
    values, reasons = _converted(some, _INTEGER)
    seen.too_large += int(counts[where[reasons == Reason.INTEGER_OVERFLOW]].sum())
    good = reasons == Reason.GOOD
    odd = np.flatnonzero(good & _begins(some, "0+-"))
    if len(odd):
        zeros = true_of(pc.match_substring_regex(some.take(pa.array(odd)), _LEADING_ZERO))
        good[odd[zeros]] = False
        seen.leading_zeros += int(counts[where[odd[zeros]]].sum())
        seen.signed += int(counts[where[good & _begins(some, "+")]].sum())
    numbers = values[good]
    if len(numbers):
        _add(seen.integers, numbers, counts[where[good]])
        near = (numbers >= _FIRST_DATE) & (numbers <= _LAST_DATE)
        if near.any():
            dates = np.flatnonzero(good)[near]
            _dates(seen, some.take(pa.array(dates)), counts[where[dates]], ("%Y%m%d",))
    return _Whole(where[good], numbers)


def _converted(texts: pa.StringArray, column: Column) -> tuple[npt.NDArray[Any], Reasons]:
    """What `convert` makes of texts, 0 where they are bad; Arrow's parser alone where it can.

    Of the characters of plain numbers it takes nothing for a number that `convert` does not.
    """
    if _all_bytes(texts, _PLAIN).all():
        with suppress(pa.ArrowInvalid), np.errstate(over="ignore"):
            kind = pa.int64() if column.type == "int64" else pa.float64()
            numbers = pc.cast(texts, kind).to_numpy().astype(column.type)
            if np.isfinite(numbers).all() and (numbers != MISSING_INT64).all():
                return numbers, np.zeros(len(texts), np.uint8)
    values, reasons = convert(texts, column)
    return pc.fill_null(values, 0).to_numpy(), reasons


def _all_bytes(texts: pa.StringArray, allowed: Mask) -> Mask:
    """Which texts are of some bytes alone; `allowed` tells of each of the 256."""
    offsets, data = _bytes(texts)
    others = np.flatnonzero(~allowed[data])
    if not len(others):
        return np.ones(len(texts), np.bool_)
    before = np.searchsorted(others, offsets)
    alone: Mask = before[1:] == before[:-1]
    return alone


def _bytes(texts: pa.StringArray) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.uint8]]:
    """Where each text begins and the last one ends, from 0, and the bytes of them all."""
    offsets = np.frombuffer(texts.buffers()[1], np.int32)[texts.offset :][: len(texts) + 1]
    data = np.frombuffer(texts.buffers()[2] or b"", np.uint8)
    return offsets - offsets[0], data[offsets[0] : offsets[-1]]


def _begins(texts: pa.StringArray, characters: str) -> Mask:
    """Which texts begin with one of some characters."""
    masks = [true_of(pc.starts_with(texts, one)) for one in characters]
    begins: Mask = np.logical_or.reduce(masks)
    return begins


def _follow(seen: ColumnSummary, at: npt.NDArray[np.int32], whole: _Whole, *, wanted: int) -> None:
    """Check that whole numbers go on as they did, in the order of the rows."""
    if seen.sequence.broken:
        return
    if len(whole.places) < wanted:
        seen.sequence.broken = True
        return
    place = np.full(int(at.max(initial=0)) + 1, -1)
    place[whole.places] = np.arange(len(whole.places))
    rows = place[at]
    seen.sequence.add(whole.values[rows[rows >= 0]])


def _decimals(seen: ColumnSummary, texts: pa.StringArray, counts: _Counts) -> Mask:
    """Count the other numbers among texts; return which of them are one."""
    if not len(texts):
        return np.zeros(0, np.bool_)
    values, reasons = _converted(texts, _DECIMAL)
    seen.not_finite += int(counts[reasons == Reason.NOT_FINITE].sum())
    good: Mask = reasons == Reason.GOOD
    pointless = np.flatnonzero(good & ~true_of(pc.match_substring(texts, ".")))
    if len(pointless):  # with leading zeros, or too large
        digits = pc.match_substring_regex(texts.take(pa.array(pointless)), _DIGITS)
        good[pointless[true_of(digits)]] = False
    if good.any():
        _add(seen.decimals, values[good], counts[good])
    return good


def _add(numbers: Numbers, values: npt.NDArray[np.generic], counts: _Counts) -> None:
    numbers.add(pa.array(np.repeat(values, counts)))


def _texts(seen: ColumnSummary, texts: pa.StringArray, counts: _Counts) -> None:
    """Count what is neither missing nor a number."""
    seen.text_count += int(counts.sum())
    seen.text_bytes += int(np.sum(pc.binary_length(texts).to_numpy() * counts))
    seen.words += int(np.sum((pc.count_substring(texts, " ").to_numpy() + 1) * counts))
    for separator in SEPARATORS:
        has = true_of(pc.match_substring(texts, separator))
        if has.any():
            seen.separated[separator] += int(counts[has].sum())
    seen.texts.add(texts, counts)
    offsets, data = _bytes(texts)
    likely = np.flatnonzero(_FORMATTED_FIRST[data[offsets[:-1]]])
    if len(likely):
        _formatted(seen, texts.take(pa.array(likely)), counts[likely])


def _formatted(seen: ColumnSummary, texts: pa.StringArray, counts: _Counts) -> None:
    """Count the amounts and the dates among texts."""
    digits = true_of(pc.match_substring_regex(texts, _DIGITS))
    seen.formatted += _matching(texts, np.where(digits, 0, counts), _FORMATTED)
    like = true_of(pc.match_substring_regex(texts, _DATE_LIKE))
    if like.any():
        dates = texts.filter(pa.array(like))
        _dates(seen, dates, counts[like], tuple(DATE_FORMATS))
        seen.timed += _matching(dates, counts[like], ":")


def _dates(
    seen: ColumnSummary, texts: pa.StringArray, counts: _Counts, formats: tuple[str, ...]
) -> None:
    for name in formats:
        if matching := _matching(texts, counts, DATE_FORMATS[name]):
            seen.dates[name] += matching


def _matching(texts: pa.StringArray, counts: _Counts, pattern: str) -> int:
    return int(counts[true_of(pc.match_substring_regex(texts, pattern))].sum())
