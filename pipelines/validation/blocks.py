"""Summaries of text blocks compared with a schema: statistics, bad values, extra columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...schemas.anomalies.observed import BadValues
from ...schemas.column import BLANKS, Column
from ...schemas.schema import Schema
from ...schemas.statistics.columns import Numbers, Strings
from ...schemas.statistics.fold import Profile, StatisticsFold
from ..runtime.dictionaries import dictionary_indices
from ..runtime.elements import TextBatch
from ..selection.convert import Reason, convert

__all__ = ["Bad", "BlockSummary", "UntypedColumn", "examine_block", "fold_of", "merge"]

_SLUGS = {
    Reason.NOT_A_NUMBER: "not_a_number",
    Reason.INTEGER_OVERFLOW: "integer_overflow",
    Reason.NOT_IN_DOMAIN: "not_in_domain",
    Reason.MISSING_REQUIRED: "missing_required",
}
_NUMBER, _INTEGER = Column("number", "float32"), Column("integer", "int64")

Bad = dict[str, BadValues]


@dataclass
class BlockSummary:
    """Summary of one or several blocks, compared with a schema.

    Attributes:
      profile: Statistics of the schema's columns, of the values with the right type; values that
        a run clips or takes as missing are counted as the run has them.
      bad: Bad values, by column and reason; values out of range or domain are in the profile too.
      extra: Columns that the schema lacks, by name.
      records: Records that are no row, by reason.
      files: Columns of each file, by path; for JSON lines those of all its lines.
    """

    profile: Profile
    bad: dict[str, Bad] = field(default_factory=dict)
    extra: dict[str, UntypedColumn] = field(default_factory=dict)
    records: Bad = field(default_factory=dict)
    files: dict[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass
class UntypedColumn:
    """A column whose type is inferred: statistics for each type that all its values have so far.

    Attributes:
      strings: Statistics of its values as text.
      integers: Statistics of its values as int64; None once a value is no integer.
      numbers: Statistics of its values as float32; None once a value is no number.
    """

    strings: Strings = field(default_factory=Strings)
    integers: Numbers | None = field(default_factory=lambda: Numbers(np.int64))
    numbers: Numbers | None = field(default_factory=lambda: Numbers(np.float32))

    def add(self, texts: pa.DictionaryArray) -> None:
        """Add the values of a block."""
        codes, distinct = dictionary_indices(texts), _distinct(texts)
        stripped = convert(distinct, Column("text", "string")).good
        self.strings.add(_spread(stripped, codes))
        self.integers = _add_if_valid(self.integers, distinct, codes, _INTEGER)
        self.numbers = _add_if_valid(self.numbers, distinct, codes, _NUMBER)

    def absorb(self, other: UntypedColumn) -> None:
        """Add the statistics of another column, which is left unchanged."""
        self.strings.absorb(other.strings)
        for name in ("integers", "numbers"):
            numbers, addition = getattr(self, name), getattr(other, name)
            if numbers is not None and addition is not None:
                numbers.absorb(addition)
            else:
                setattr(self, name, None)

    def statistics(self, rows: int) -> Strings | Numbers:
        """Return the statistics of the narrowest type; rows without a value count as missing."""
        numbers = self.integers or self.numbers
        statistics = numbers if numbers and self.strings.count else self.strings
        statistics.missing = rows - statistics.count
        return statistics


def _add_if_valid(
    numbers: Numbers | None, distinct: pa.StringArray, codes: Any, column: Column
) -> Numbers | None:
    """Add values to statistics; return None where a value is not of the column's type."""
    if numbers is None:
        return None
    values = convert(distinct, column)
    if values.reasons.any():
        return None
    numbers.add(_spread(values.good, codes))
    return numbers


def examine_block(block: TextBatch, schema: Schema) -> BlockSummary:
    """Compare a block with a schema.

    Args:
      block: Block with any columns, in any order.
      schema: Expected columns.
    """
    rows = block.records - len(block.rejects)
    summary = BlockSummary(fold_of(schema).start())
    summary.profile.rows = rows
    names = block.batch.schema.names
    summary.files[block.file] = tuple(names)
    for column, profile in zip(schema, summary.profile.columns, strict=True):
        if column.name not in names:
            profile.missing += rows
        elif bad := _examine_column(column, profile, block):
            summary.bad[column.name] = bad
    for name in names:
        if name not in schema.names:
            summary.extra[name] = UntypedColumn()
            summary.extra[name].add(block.batch.column(name))
    for reject in block.rejects:
        line = f"{reject.file}:{reject.line}"
        summary.records.setdefault(reject.reason, BadValues()).add(reject.message, 1, line)
    return summary


def _examine_column(column: Column, profile: Numbers | Strings, block: TextBatch) -> Bad:
    """Add the values of a column to its statistics, and return the bad values.

    Values that a run clips or takes as missing are added as the run has them.
    """
    texts = block.batch.column(column.name)
    codes, distinct = dictionary_indices(texts), _distinct(texts)
    values = convert(distinct, _lenient(column) if column.bad_value == "reject" else column)
    array = _spread(values.good, codes)
    if values.reasons.any():
        array = array.filter(pa.array(values.reasons[codes] == 0))
    profile.add(array)
    strict = convert(distinct, replace(column, bad_value="reject"))
    if not strict.reasons.any():
        return {}
    return _bad_values(column, distinct, strict.reasons, codes, block)


def _bad_values(
    column: Column, distinct: pa.StringArray, reasons: Any, codes: Any, block: TextBatch
) -> Bad:
    """Return the bad values of a column, in the order of their first row.

    Args:
      column: The column.
      distinct: Its distinct texts, [values].
      reasons: Reason why each is bad, 0 for good ones, [values].
      codes: Index of the text of each row, [rows].
      block: The block, for the lines.
    """
    counts = np.bincount(codes, minlength=len(distinct))
    first = np.zeros(len(distinct), np.int64)
    first[codes[::-1]] = np.arange(len(codes))[::-1]  # NumPy: the last of repeated indices counts
    chosen = np.flatnonzero((reasons > 0) & (counts > 0))
    chosen = chosen[np.argsort(first[chosen], kind="stable")]
    bad_texts = distinct.take(pa.array(chosen))
    texts = [text or "" for text in bad_texts.to_pylist()]
    slugs = _slugs(column, bad_texts, reasons[chosen])
    bad: Bad = {}
    for text, slug, index in zip(texts, slugs, chosen.tolist(), strict=True):
        line = f"{block.file}:{block.lines[first[index]]}"
        bad.setdefault(slug, BadValues()).add(text.strip(BLANKS), int(counts[index]), line)
    return bad


def _slugs(column: Column, texts: pa.StringArray, reasons: Any) -> Iterator[str]:
    """Yield the problem of each text, as `ColumnSummary.bad` names it."""
    good = convert(texts, _lenient(column)).good
    is_number = convert(texts, _NUMBER).reasons == Reason.GOOD
    is_nan = pc.match_substring_regex(texts, r"(?i)nan\s*$").fill_null(False).to_pylist()
    for reason, number, nan, value in zip(
        reasons.tolist(), is_number, is_nan, good.to_pylist(), strict=True
    ):
        if reason == Reason.NOT_AN_INTEGER:
            yield "fraction" if number else "not_an_integer"
        elif reason == Reason.NOT_FINITE:
            yield "nan" if nan else "infinite"
        elif reason == Reason.OUT_OF_RANGE:
            yield "below_minimum" if _is_below(value, column) else "above_maximum"
        else:
            yield _SLUGS[reason]


def _is_below(value: float, column: Column) -> bool:
    """Return whether a number out of range is nearer to the minimum than to the maximum."""
    if column.minimum is None or column.maximum is None:
        return column.maximum is None
    return abs(value - column.minimum) < abs(value - column.maximum)


def _lenient(column: Column) -> Column:
    """Return the column without its range, domain and `required`."""
    return Column(column.name, column.type, missing=column.missing, spelling=column.spelling)


def fold_of(schema: Schema) -> StatisticsFold:
    """Return the statistics of a schema's columns, without their ranges and domains."""
    return StatisticsFold(Schema(tuple(map(_lenient, schema))))


def _distinct(texts: pa.DictionaryArray) -> pa.StringArray:
    """Return the dictionary with a null appended, which stands for rows without text."""
    return pa.concat_arrays([texts.dictionary, pa.nulls(1, pa.string())])


def _spread(values: pa.Array, codes: Any) -> pa.Array:
    """Return the value of each row, [rows], given distinct values and indices; text as codes."""
    if not pa.types.is_string(values.type):
        return values.take(pa.array(codes))
    encoded = values.dictionary_encode()
    return pa.DictionaryArray.from_arrays(encoded.indices.take(pa.array(codes)), encoded.dictionary)


def merge(schema: Schema, summaries: Sequence[BlockSummary]) -> BlockSummary:
    """Merge summaries, passed in the order of the blocks, into a new one."""
    merged = BlockSummary(fold_of(schema).merge([summary.profile for summary in summaries]))
    for summary in summaries:
        for name, bad in summary.bad.items():
            _absorb(merged.bad.setdefault(name, {}), bad)
        _absorb(merged.records, summary.records)
        for name, column in summary.extra.items():
            merged.extra.setdefault(name, UntypedColumn()).absorb(column)
        for path, names in summary.files.items():
            earlier = merged.files.get(path, ())
            merged.files[path] = tuple(dict.fromkeys((*earlier, *names)))
    return merged


def _absorb(target: Bad, addition: Mapping[str, BadValues]) -> None:
    for reason, bad in addition.items():
        target.setdefault(reason, BadValues()).absorb(bad)
