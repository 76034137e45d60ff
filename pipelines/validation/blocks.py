"""What a block of text holds beside what a schema expects, and what several blocks hold."""

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

__all__ = ["Bad", "Examined", "Unknown", "examine_block", "fold_of", "merge"]

_SLUGS = {
    Reason.NOT_A_NUMBER: "not_a_number",
    Reason.INTEGER_OVERFLOW: "integer_overflow",
    Reason.NOT_IN_DOMAIN: "not_in_domain",
    Reason.MISSING_REQUIRED: "missing_required",
}
_NUMBER, _INTEGER = Column("number", "float32"), Column("integer", "int64")

Bad = dict[str, BadValues]


@dataclass
class Examined:
    """What some blocks hold.

    Attributes:
      profile: Of the values of the schema's columns that are of their type; of those that a run
        clips or takes as missing, as it has them.
      bad: By column and reason, the values that are bad; a value out of range or domain is among
        those of the profile too.
      extra: What the columns hold that the schema lacks, by name.
      records: The records that are no row, by reason.
      files: The columns of each file, by path: of JSON lines those of all its lines.
    """

    profile: Profile
    bad: dict[str, Bad] = field(default_factory=dict)
    extra: dict[str, Unknown] = field(default_factory=dict)
    records: Bad = field(default_factory=dict)
    files: dict[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass
class Unknown:
    """A column of a type not known yet: it is described as each that all its values have."""

    strings: Strings = field(default_factory=Strings)
    integers: Numbers | None = field(default_factory=lambda: Numbers(np.int64))
    numbers: Numbers | None = field(default_factory=lambda: Numbers(np.float32))

    def add(self, texts: pa.DictionaryArray) -> None:
        at, distinct = dictionary_indices(texts), _distinct(texts)
        stripped = convert(distinct, Column("text", "string")).good
        self.strings.add(_spread(stripped, at))
        self.integers = _still(self.integers, distinct, at, _INTEGER)
        self.numbers = _still(self.numbers, distinct, at, _NUMBER)

    def absorb(self, other: Unknown) -> None:
        self.strings.absorb(other.strings)
        for name in ("integers", "numbers"):
            mine, its = getattr(self, name), getattr(other, name)
            if mine is not None and its is not None:
                mine.absorb(its)
            else:
                setattr(self, name, None)

    def known(self, rows: int) -> Strings | Numbers:
        """What it is, of the narrowest type, missing where a row has none."""
        numbers = self.integers or self.numbers
        found = numbers if numbers and self.strings.count else self.strings
        found.missing = rows - found.count
        return found


def _still(
    numbers: Numbers | None, distinct: pa.StringArray, at: Any, column: Column
) -> Numbers | None:
    if numbers is None:
        return None
    values = convert(distinct, column)
    if values.reasons.any():
        return None
    numbers.add(_spread(values.good, at))
    return numbers


def examine_block(block: TextBatch, schema: Schema) -> Examined:
    """What a block holds, beside what a schema expects.

    Args:
      block: Of any columns, in any order.
      schema: What is expected.
    """
    rows = block.records - len(block.rejects)
    found = Examined(fold_of(schema).start())
    found.profile.rows = rows
    names = block.batch.schema.names
    found.files[block.file] = tuple(names)
    for column, profile in zip(schema, found.profile.columns, strict=True):
        if column.name not in names:
            profile.missing += rows
        elif bad := _examine_column(column, profile, block):
            found.bad[column.name] = bad
    for name in names:
        if name not in schema.names:
            found.extra[name] = Unknown()
            found.extra[name].add(block.batch.column(name))
    for reject in block.rejects:
        place = f"{reject.file}:{reject.line}"
        found.records.setdefault(reject.reason, BadValues()).add(reject.message, 1, place)
    return found


def _examine_column(column: Column, profile: Numbers | Strings, block: TextBatch) -> Bad:
    """Add the values of a column to its profile; return the bad ones.

    Values that a run clips or takes as missing are in the profile as they are in that of a run.
    """
    texts = block.batch.column(column.name)
    at, distinct = dictionary_indices(texts), _distinct(texts)
    values = convert(distinct, _lenient(column) if column.bad_value == "reject" else column)
    array = _spread(values.good, at)
    if values.reasons.any():
        array = array.filter(pa.array(values.reasons[at] == 0))
    profile.add(array)
    strict = convert(distinct, replace(column, bad_value="reject"))
    if not strict.reasons.any():
        return {}
    return _bad_values(column, distinct, strict.reasons, at, block)


def _bad_values(
    column: Column, distinct: pa.StringArray, reasons: Any, at: Any, block: TextBatch
) -> Bad:
    counts = np.bincount(at, minlength=len(distinct))
    first = np.zeros(len(distinct), np.int64)
    first[at[::-1]] = np.arange(len(at))[::-1]
    chosen = np.flatnonzero((reasons > 0) & (counts > 0))
    chosen = chosen[np.argsort(first[chosen], kind="stable")]
    taken = pa.array(chosen)
    texts = [text or "" for text in distinct.take(taken).to_pylist()]
    slugs = _slugs(column, distinct.take(taken), reasons[chosen])
    bad: Bad = {}
    for text, slug, place in zip(texts, slugs, chosen.tolist(), strict=True):
        where = f"{block.file}:{block.lines[first[place]]}"
        bad.setdefault(slug, BadValues()).add(text.strip(BLANKS), int(counts[place]), where)
    return bad


def _slugs(column: Column, texts: pa.StringArray, reasons: Any) -> Iterator[str]:
    """What is wrong with each text, as `ColumnSummary.bad` names it."""
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
    """Whether a number out of range is below it: nearer to the minimum than to the maximum."""
    if column.minimum is None or column.maximum is None:
        return column.maximum is None
    return abs(value - column.minimum) < abs(value - column.maximum)


def _lenient(column: Column) -> Column:
    return Column(column.name, column.type, missing=column.missing, spelling=column.spelling)


def fold_of(schema: Schema) -> StatisticsFold:
    return StatisticsFold(Schema(tuple(map(_lenient, schema))))


def _distinct(texts: pa.DictionaryArray) -> pa.StringArray:
    """The dictionary, and null behind it for the rows that have no text."""
    return pa.concat_arrays([texts.dictionary, pa.nulls(1, pa.string())])


def _spread(values: pa.Array, at: Any) -> pa.Array:
    if not pa.types.is_string(values.type):
        return values.take(pa.array(at))
    encoded = values.dictionary_encode()
    return pa.DictionaryArray.from_arrays(encoded.indices.take(pa.array(at)), encoded.dictionary)


def merge(schema: Schema, parts: Sequence[Examined]) -> Examined:
    """One of several, given in the order of the blocks; the given ones stay as they are."""
    merged = Examined(fold_of(schema).merge([part.profile for part in parts]))
    for part in parts:
        for name, bad in part.bad.items():
            _absorb(merged.bad.setdefault(name, {}), bad)
        _absorb(merged.records, part.records)
        for name, unknown in part.extra.items():
            merged.extra.setdefault(name, Unknown()).absorb(unknown)
        for path, names in part.files.items():
            known = merged.files.get(path, ())
            merged.files[path] = tuple(dict.fromkeys((*known, *names)))
    return merged


def _absorb(mine: Bad, its: Mapping[str, BadValues]) -> None:
    for reason, bad in its.items():
        mine.setdefault(reason, BadValues()).absorb(bad)
