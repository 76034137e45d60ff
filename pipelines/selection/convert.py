"""Convert the distinct texts of a column to its values.

Each text, in order, is stripped of blanks, compared with the missing tokens, corrected in spelling,
parsed as a number, and checked against range and domain.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ...schemas.column import MISSING_INT64, Column

__all__ = ["Mask", "Reason", "Reasons", "Values", "convert", "fill_false"]

Mask: TypeAlias = npt.NDArray[np.bool_]
Reasons: TypeAlias = npt.NDArray[np.uint8]

_INTEGER = r"^[+-]?[0-9]+$"
_NUMBER = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$"
_NOT_FINITE = r"(?i)^[+-]?(nan|inf|infinity)$"


class Reason(IntEnum):
    """Reason for rejecting a value; the ledger counts by its name in lower case."""

    GOOD = 0
    NOT_AN_INTEGER = 1
    INTEGER_OVERFLOW = 2
    NOT_A_NUMBER = 3
    NOT_FINITE = 4
    OUT_OF_RANGE = 5
    NOT_IN_DOMAIN = 6
    MISSING_REQUIRED = 7


class Values(NamedTuple):
    """Values of the distinct texts of a column.

    Attributes:
      good: Value of each text, of the column's type; null where it is missing or bad.
      reasons: `Reason` of each text; uint8, [texts].
    """

    good: pa.Array
    reasons: Reasons


def convert(texts: pa.StringArray, column: Column) -> Values:
    """Convert the distinct texts of a column to values of its declared type.

    Args:
      texts: Texts as in the file; null is missing, and so is the empty text.
      column: Declaration of good values, and of the treatment of bad ones.

    Returns:
      A value and a reason for each text, in the same order.
    """
    stripped = pc.ascii_trim_whitespace(texts)
    tokens = pa.array(["", *column.missing])
    missing = ~fill_false(stripped.is_valid()) | fill_false(pc.is_in(stripped, value_set=tokens))
    missing |= _writes_out_missing(stripped, column)
    values, reasons = _CONVERT[column.type](stripped, column)
    reasons[missing] = Reason.GOOD
    if column.bad_value == "missing":
        missing |= reasons > 0
        reasons[:] = Reason.GOOD
    if column.required:
        reasons[missing] = Reason.MISSING_REQUIRED
    return Values(pc.if_else(pa.array(missing | (reasons > 0)), None, values), reasons)


def _writes_out_missing(texts: pa.StringArray, column: Column) -> Mask:
    """Mark numbers that mean "no value" in another spelling, such as "-999.0" for "-999"."""
    if not column.missing_numbers:
        return np.zeros(len(texts), np.bool_)
    parse: tuple[str, pa.DataType, Any] = (
        (_INTEGER, pa.int64(), _int64) if column.type == "int64" else (_NUMBER, pa.float64(), float)
    )
    well_formed = pc.match_substring_regex(texts, parse[0])
    numbers = _parsed(texts, well_formed, *parse[1:])
    if column.type == "float32":
        with np.errstate(over="ignore"):
            numbers = numbers.astype(np.float32)
    tokens = np.array(column.missing_numbers, numbers.dtype)
    return fill_false(well_formed) & np.isin(numbers, tokens)


def _strings(texts: pa.StringArray, column: Column) -> tuple[pa.Array, Reasons]:
    if column.spelling:
        spellings, corrected = (pa.array(side) for side in zip(*column.spelling, strict=True))
        texts = pc.coalesce(corrected.take(pc.index_in(texts, value_set=spellings)), texts)
    reasons: Reasons = np.zeros(len(texts), np.uint8)
    if column.domain:
        good = pc.is_in(texts, value_set=pa.array(column.domain))
        reasons[~fill_false(good)] = Reason.NOT_IN_DOMAIN
    return texts, reasons


def _integers(texts: pa.StringArray, column: Column) -> tuple[pa.Array, Reasons]:
    well_formed = pc.match_substring_regex(texts, _INTEGER)
    values = _parsed(texts, well_formed, pa.int64(), _int64)
    reasons: Reasons = np.zeros(len(texts), np.uint8)
    reasons[values == MISSING_INT64] = Reason.INTEGER_OVERFLOW
    reasons[~fill_false(well_formed)] = Reason.NOT_AN_INTEGER
    lowest, highest = (
        None if bound is None else int(bound) for bound in (column.minimum, column.maximum)
    )
    return pa.array(_in_range(values, reasons, lowest, highest, column)), reasons


def _floats(texts: pa.StringArray, column: Column) -> tuple[pa.Array, Reasons]:
    well_formed = pc.match_substring_regex(texts, _NUMBER)
    values = _parsed(texts, well_formed, pa.float64(), float)
    reasons: Reasons = np.zeros(len(texts), np.uint8)
    reasons[~np.isfinite(values)] = Reason.NOT_FINITE
    reasons[~fill_false(well_formed)] = Reason.NOT_A_NUMBER
    reasons[fill_false(pc.match_substring_regex(texts, _NOT_FINITE))] = Reason.NOT_FINITE
    # The range is checked before rounding, so that a bound that float32 cannot represent holds.
    values = _in_range(values, reasons, column.minimum, column.maximum, column)
    with np.errstate(over="ignore"):
        rounded = values.astype(np.float32)
    reasons[(reasons == Reason.GOOD) & ~np.isfinite(rounded)] = Reason.NOT_FINITE
    return pa.array(rounded), reasons


_CONVERT: dict[str, Callable[[pa.StringArray, Column], tuple[pa.Array, Reasons]]] = {
    "int64": _integers,
    "float32": _floats,
    "string": _strings,
}


def _parsed(
    texts: pa.StringArray, well_formed: pa.BooleanArray, kind: pa.DataType, parse: Any
) -> npt.NDArray[Any]:
    """Parse the well-formed texts, 0 for the others.

    Arrow's cast is fast, but raises for all texts where one is out of range: then `parse` converts
    them one by one.
    """
    digits = pc.if_else(pc.fill_null(well_formed, False), pc.ascii_ltrim(texts, "+"), "0")
    try:
        parsed = pc.cast(digits, kind)
    except pa.ArrowInvalid:
        parsed = pa.array([parse(text) for text in digits.to_pylist()], kind)
    numbers: npt.NDArray[Any] = parsed.to_numpy()
    return numbers


def _int64(digits: str) -> int:
    """Return the integer, or `MISSING_INT64` for one beyond int64.

    `int` is called with 19 digits at most, since it refuses texts of thousands of digits.

    >>> _int64("-0007"), _int64("9" * 5000) == MISSING_INT64
    (-7, True)
    """
    significant = digits.removeprefix("-").lstrip("0")
    if len(significant) > 19:
        return MISSING_INT64
    value = int(significant or "0") * (-1 if digits.startswith("-") else 1)
    return value if abs(value) < 2**63 else MISSING_INT64


def _in_range(
    values: npt.NDArray[Any],
    reasons: Reasons,
    lowest: float | None,
    highest: float | None,
    column: Column,
) -> npt.NDArray[Any]:
    """Clip the values if the column says so; else give those out of range a reason, in place."""
    if lowest is None and highest is None:
        return values
    clipped: npt.NDArray[Any] = np.clip(values, lowest, highest)
    if column.bad_value == "clip":
        return clipped
    reasons[(clipped != values) & (reasons == Reason.GOOD)] = Reason.OUT_OF_RANGE
    return values


def fill_false(conditions: pa.Array | pa.ChunkedArray) -> Mask:
    """Return a boolean column as a numpy mask, with False for null."""
    mask: Mask = pc.fill_null(conditions, False).to_numpy(zero_copy_only=False)
    return mask
