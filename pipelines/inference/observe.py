"""Count the values of text columns, batch by batch.

Everything is computed on the distinct texts of a batch and weighted by their counts: columns of few
values cost next to nothing. Arrow's kernels see only texts whose bytes allow a match, since regular
expressions and `convert` are the slow part.
"""

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
from ..selection.convert import Mask, Reason, Reasons, convert, fill_false

__all__ = ["observe"]

_TOKENS = pa.array(["", *MISSING_TOKENS])
_INTEGER, _DECIMAL = Column("integer", "int64"), Column("decimal", "float32")
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
"""Bytes that occur in texts that `convert` takes for numbers, infinities or NaN."""

_FORMATTED_FIRST = np.isin(np.arange(256), [*b"-+(0123456789", *range(65, 91), *"$€£¥".encode()])
"""First bytes of texts that `_FORMATTED` or `_DATE_LIKE` can match; a currency may be UTF-8."""

_FIRST_DATE, _LAST_DATE = 19_000_101, 20_991_231
"""Range of integers that may be dates of the format %Y%m%d."""

_Counts = npt.NDArray[np.int64]


def observe(summary: ColumnSummary, column: pa.DictionaryArray) -> None:
    """Add the next values of a column to its summary.

    Each distinct text counts once: as a missing token, else an integer, else a decimal, else text.

    Args:
      summary: Summary of the values so far; changed in place.
      column: The next texts, in the order of the file, as a column of `TextBatch.batch`.
    """
    indices = dictionary_indices(column)
    # Nulls have the index after the last text, so the empty field is appended there.
    texts = pc.ascii_trim_whitespace(pa.concat_arrays([column.dictionary, pa.array([""])]))
    counts = np.bincount(indices, minlength=len(texts))
    summary.rows += len(column)
    rest = np.flatnonzero(counts)  # a slice shares its dictionary: not every text occurs
    missing = fill_false(pc.is_in(texts, value_set=_TOKENS))
    for index in rest[missing[rest]]:
        summary.missing[texts[index].as_py()] += int(counts[index])
    rest = rest[~missing[rest]]
    numeric = _all_bytes(texts, _NUMERIC)
    integers = _integers(summary, texts, counts, rest[numeric[rest]])
    _check_sequence(summary, indices, integers, expected=len(rest))
    rest = np.setdiff1d(rest, integers.indices, assume_unique=True)
    candidates = rest[numeric[rest]]
    is_decimal = _decimals(summary, texts.take(pa.array(candidates)), counts[candidates])
    rest = np.setdiff1d(rest, candidates[is_decimal], assume_unique=True)
    if len(rest):
        _texts(summary, texts.take(pa.array(rest)), counts[rest])


class _Integers(NamedTuple):
    """Texts that are integers: their indices in the dictionary, and their values."""

    indices: npt.NDArray[np.int64]
    values: npt.NDArray[np.int64]


def _integers(
    summary: ColumnSummary, texts: pa.StringArray, counts: _Counts, rest: npt.NDArray[np.int64]
) -> _Integers:
    """Count the integers among `texts[rest]`; texts that would lose leading zeros are not any."""
    indices = rest[~fill_false(pc.match_substring(texts, "."))[rest]]
    candidates = texts.take(pa.array(indices))
    if not len(indices):
        return _Integers(indices, indices)
    values, reasons = _convert(candidates, _INTEGER)
    summary.too_large += int(counts[indices[reasons == Reason.INTEGER_OVERFLOW]].sum())
    good = reasons == Reason.GOOD
    signed_or_zero = np.flatnonzero(good & _begins(candidates, "0+-"))
    if len(signed_or_zero):
        zeros = fill_false(
            pc.match_substring_regex(candidates.take(pa.array(signed_or_zero)), _LEADING_ZERO)
        )
        good[signed_or_zero[zeros]] = False
        summary.leading_zeros += int(counts[indices[signed_or_zero[zeros]]].sum())
        summary.signed += int(counts[indices[good & _begins(candidates, "+")]].sum())
    numbers = values[good]
    if len(numbers):
        _add(summary.integers, numbers, counts[indices[good]])
        in_range = (numbers >= _FIRST_DATE) & (numbers <= _LAST_DATE)
        if in_range.any():
            dates = np.flatnonzero(good)[in_range]
            _dates(summary, candidates.take(pa.array(dates)), counts[indices[dates]], ("%Y%m%d",))
    return _Integers(indices[good], numbers)


def _convert(texts: pa.StringArray, column: Column) -> tuple[npt.NDArray[Any], Reasons]:
    """Convert texts as `convert` does, 0 where they are bad; by Arrow's parser alone if it can.

    `convert` first checks each text with a regular expression, for what Arrow accepts beyond plain
    numbers. Texts made of the bytes of plain numbers need no such check.
    """
    if _all_bytes(texts, _PLAIN).all():
        with suppress(pa.ArrowInvalid), np.errstate(over="ignore"):
            dtype = pa.int64() if column.type == "int64" else pa.float64()
            numbers = pc.cast(texts, dtype).to_numpy().astype(column.type)
            if np.isfinite(numbers).all() and (numbers != MISSING_INT64).all():
                return numbers, np.zeros(len(texts), np.uint8)
    values, reasons = convert(texts, column)
    return pc.fill_null(values, 0).to_numpy(), reasons


def _all_bytes(texts: pa.StringArray, allowed: Mask) -> Mask:
    """Mark the texts that consist of allowed bytes only; `allowed` is bool, [256]."""
    offsets, data = _bytes(texts)
    others = np.flatnonzero(~allowed[data])
    if not len(others):
        return np.ones(len(texts), np.bool_)
    others_before = np.searchsorted(others, offsets)
    mask: Mask = others_before[1:] == others_before[:-1]
    return mask


def _bytes(texts: pa.StringArray) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.uint8]]:
    """Return the offsets of the texts, [texts + 1] from 0, and their bytes, without a copy."""
    offsets = np.frombuffer(texts.buffers()[1], np.int32)[texts.offset :][: len(texts) + 1]
    data = np.frombuffer(texts.buffers()[2] or b"", np.uint8)
    return offsets - offsets[0], data[offsets[0] : offsets[-1]]


def _begins(texts: pa.StringArray, characters: str) -> Mask:
    """Mark the texts that begin with any of the characters."""
    masks = [fill_false(pc.starts_with(texts, character)) for character in characters]
    begins: Mask = np.logical_or.reduce(masks)
    return begins


def _check_sequence(
    summary: ColumnSummary, indices: npt.NDArray[np.int32], integers: _Integers, *, expected: int
) -> None:
    """Check that the integers continue their sequence, in the order of the rows.

    Args:
      summary: Summary whose sequence is continued; changed in place.
      indices: Index in the dictionary of each row's text, [rows].
      integers: The texts that are integers.
      expected: Number of distinct texts that are not missing; all of them must be integers.
    """
    if summary.sequence.broken:
        return
    if len(integers.indices) < expected:
        summary.sequence.broken = True
        return
    positions = np.full(int(indices.max(initial=0)) + 1, -1)  # of a text among the integers
    positions[integers.indices] = np.arange(len(integers.indices))
    rows = positions[indices]
    summary.sequence.add(integers.values[rows[rows >= 0]])


def _decimals(summary: ColumnSummary, texts: pa.StringArray, counts: _Counts) -> Mask:
    """Count the decimal numbers among texts, and return their mask."""
    if not len(texts):
        return np.zeros(0, np.bool_)
    values, reasons = _convert(texts, _DECIMAL)
    summary.not_finite += int(counts[reasons == Reason.NOT_FINITE].sum())
    good: Mask = reasons == Reason.GOOD
    pointless = np.flatnonzero(good & ~fill_false(pc.match_substring(texts, ".")))
    if len(pointless):  # integers with leading zeros or beyond int64 stay text
        digits = pc.match_substring_regex(texts.take(pa.array(pointless)), _DIGITS)
        good[pointless[fill_false(digits)]] = False
    if good.any():
        _add(summary.decimals, values[good], counts[good])
    return good


def _add(numbers: Numbers, values: npt.NDArray[np.generic], counts: _Counts) -> None:
    numbers.add(pa.array(np.repeat(values, counts)))


def _texts(summary: ColumnSummary, texts: pa.StringArray, counts: _Counts) -> None:
    """Count texts that are neither missing nor numbers."""
    summary.text_count += int(counts.sum())
    summary.text_bytes += int(np.sum(pc.binary_length(texts).to_numpy() * counts))
    summary.words += int(np.sum((pc.count_substring(texts, " ").to_numpy() + 1) * counts))
    for separator in SEPARATORS:
        has = fill_false(pc.match_substring(texts, separator))
        if has.any():
            summary.separated[separator] += int(counts[has].sum())
    summary.texts.add(texts, counts)
    offsets, data = _bytes(texts)
    likely = np.flatnonzero(_FORMATTED_FIRST[data[offsets[:-1]]])
    if len(likely):
        _formatted(summary, texts.take(pa.array(likely)), counts[likely])


def _formatted(summary: ColumnSummary, texts: pa.StringArray, counts: _Counts) -> None:
    """Count the amounts and the dates among texts."""
    digits = fill_false(pc.match_substring_regex(texts, _DIGITS))
    summary.formatted += _matching(texts, np.where(digits, 0, counts), _FORMATTED)
    date_like = fill_false(pc.match_substring_regex(texts, _DATE_LIKE))
    if date_like.any():
        dates = texts.filter(pa.array(date_like))
        _dates(summary, dates, counts[date_like], tuple(DATE_FORMATS))
        summary.timed += _matching(dates, counts[date_like], ":")


def _dates(
    summary: ColumnSummary, texts: pa.StringArray, counts: _Counts, formats: tuple[str, ...]
) -> None:
    for name in formats:
        if matching := _matching(texts, counts, DATE_FORMATS[name]):
            summary.dates[name] += matching


def _matching(texts: pa.StringArray, counts: _Counts, pattern: str) -> int:
    return int(counts[fill_false(pc.match_substring_regex(texts, pattern))].sum())
