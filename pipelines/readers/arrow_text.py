"""Convert Arrow columns of any flat type to columns of text.

Each value becomes the shortest text that reads back as the same value: numbers in decimal, booleans
as "true" and "false", dates and times as ISO 8601. Only the distinct values of a column are
converted.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["NoText", "text_column", "text_problem"]

_TEXT = pa.string()
_INT64_LIMIT = 2.0**63


class NoText(ValueError):
    """Raised for a value that cannot be written as text."""


def text_problem(kind: pa.DataType) -> str:
    """Return the reason why values of a type have no text; "" where they have one.

    >>> text_problem(pa.list_(pa.int64()))
    'values of the type list<item: int64> are not single values; flatten or unnest them first'
    """
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    if pa.types.is_nested(kind):
        return f"values of the type {kind} are not single values; flatten or unnest them first"
    if not any(is_type(kind) for is_type in _HAVE_TEXT):
        return f"values of the type {kind} have no text; convert them to numbers or strings first"
    return ""


def text_column(column: pa.ChunkedArray) -> pa.DictionaryArray:
    """Convert a column to text.

    Args:
      column: Column of a type for which `text_problem` is "".

    Returns:
      dictionary<int32, string> of the same length; null becomes the empty text. Texts of string
      columns may be invalid UTF-8, as in a CSV file; the parser rejects those.

    >>> text_column(pa.chunked_array([[1.5, None], [1e300]])).to_pylist()
    ['1.5', '', '1e+300']

    Raises:
      NoText: A time is outside the years 1 to 9999.
    """
    if not len(column):
        return pa.array([], _TEXT).dictionary_encode()
    encoded = _encoded(column)
    texts = pa.concat_arrays([_texts(encoded.dictionary), pa.array([""])])
    indices = encoded.indices.cast(pa.int32())
    if encoded.null_count:
        null = pa.scalar(len(texts) - 1, pa.int32())
        indices = pc.if_else(encoded.is_valid(), indices, null)
    return pa.DictionaryArray.from_arrays(indices, texts)


def _encoded(column: pa.ChunkedArray) -> pa.DictionaryArray:
    """Dictionary-encode a column, in one chunk."""
    if pa.types.is_string_view(column.type):
        column = column.cast(_TEXT)
    if pa.types.is_null(column.type) or pa.types.is_float16(column.type):
        column = column.cast(_TEXT if pa.types.is_null(column.type) else pa.float32())
    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    return column.combine_chunks()


def _texts(values: pa.Array) -> pa.StringArray:
    """Write each value as text; null as the empty text."""
    kind = values.type
    if pa.types.is_floating(kind):
        texts = _of_floats(values)
    elif pa.types.is_timestamp(kind) or pa.types.is_time(kind):
        texts = _of_times(values)
    else:
        texts = values.cast(options=pc.CastOptions(target_type=_TEXT, allow_invalid_utf8=True))
    return pc.fill_null(texts, "")


def _of_floats(values: pa.Array) -> pa.StringArray:
    """Write the shortest text of each number; whole numbers in the range of int64 as integers.

    `convert` reads a text as float64 and rounds it to float32. Of some float32 values, Arrow's
    shortest text is rounded twice that way, and to a neighbour: their float64 value is written.
    """
    texts = values.cast(_TEXT)
    if pa.types.is_float32(values.type):
        wide = values.cast(pa.float64())
        read = texts.cast(pa.float64()).cast(pa.float32(), safe=False)
        texts = pc.if_else(pc.equal(read, values), texts, wide.cast(_TEXT))
        values = wide
    # "1e+15" would be no integer to a column of int64, so exponents are written out.
    integral = pc.and_(
        pc.equal(pc.trunc(values), values), pc.less(pc.abs(values), pa.scalar(_INT64_LIMIT))
    )
    scientific = pc.and_(integral, pc.match_substring(texts, "e"))
    integers = pc.if_else(scientific, values, 0.0).cast(pa.int64())
    return pc.if_else(scientific, integers.cast(_TEXT), texts)


def _of_times(values: pa.Array) -> pa.StringArray:
    """Write ISO 8601, such as 2026-11-21T10:05:06.5; times with a zone in UTC, with a final Z."""
    kind, zone = values.type, ""
    if pa.types.is_timestamp(kind) and kind.tz:
        values, zone = values.cast(pa.timestamp(kind.unit)), "Z"
    texts = pc.replace_substring(values.cast(_TEXT), " ", "T")
    if pc.any(pc.starts_with(texts, "<")).as_py():  # Arrow writes "<value out of range: …>"
        raise NoText("a time is not in the years 1 to 9999")
    if kind.unit != "s":
        texts = pc.replace_substring_regex(texts, r"\.?0+$", "")
    return pc.binary_join_element_wise(texts, zone, "")


_HAVE_TEXT = (
    pa.types.is_null,
    pa.types.is_boolean,
    pa.types.is_integer,
    pa.types.is_floating,
    pa.types.is_decimal,
    pa.types.is_date,
    pa.types.is_time,
    pa.types.is_timestamp,
    pa.types.is_string,
    pa.types.is_large_string,
    pa.types.is_string_view,
    pa.types.is_binary,
    pa.types.is_large_binary,
)
