"""`Unit`: files profiled together, of all inputs or, with a statistics cache, of one span."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from ..config.input import Input
from ..inputs.spans import Span, resolve
from ..readers.csv_stages import match
from ..runtime.elements import InputFile
from .cache import StatisticsCache
from .profiled import ProfiledSpan

__all__ = ["Dated", "Unit", "dated", "units_of"]


@dataclass(frozen=True)
class Unit:
    """Files that are profiled together.

    Attributes:
      inputs: Inputs to read, without `{date}`.
      spans: Spans of the inputs, for `profile.json`.
      key: Key of its entry in the cache; "" without a cache.
      cached: Whether the cache has the entry.
    """

    inputs: tuple[Input, ...]
    spans: tuple[ProfiledSpan, ...]
    key: str = ""
    cached: bool = False


class Dated(NamedTuple):
    """Days of an input.

    Attributes:
      named: Input as the user named it, with `{date}`.
      inputs: The same as one input a day.
      spans: Days; none where the input names no day.
    """

    named: Input
    inputs: tuple[Input, ...]
    spans: tuple[Span, ...]


def dated(inputs: Iterable[Input]) -> tuple[Dated, ...]:
    """Find the days of inputs; errors as in `resolve`."""
    return tuple(Dated(entry, *resolve([entry])) for entry in inputs)


def units_of(inputs: Sequence[Dated], cache: StatisticsCache) -> tuple[Unit, ...]:
    """Return a unit for each span of the inputs, in the order in which they are merged.

    Args:
      inputs: Inputs with their days.
      cache: Cache to look the spans up in.

    Raises:
      DataError: An input matches nothing, or a file cannot be read.
    """
    unread = {file.path: file for file in match(day for entry in inputs for day in entry.inputs)}
    units = []
    for entry in inputs:
        for span in entry.spans or (_dateless_span(entry),):
            # A file that several inputs name is read once, with the first.
            files = [unread.pop(path) for path in span.files if path in unread]
            units.append(_unit(span, entry.named.split, files, cache))
    return tuple(units)


def _dateless_span(entry: Dated) -> Span:
    """Return all files of an input that names no day as one span."""
    paths = tuple(file.path for file in match(entry.inputs))
    return Span("", entry.named.pattern, paths)


def _unit(
    span: Span, split: str | None, files: Sequence[InputFile], cache: StatisticsCache
) -> Unit:
    paths = tuple(file.path for file in files)
    profiled = ProfiledSpan(span.date, span.pattern, paths)
    if not paths:
        return Unit((), (profiled,), cached=True)
    key = cache.key(files)
    cached = cache.load(key) is not None
    inputs = tuple(Input(split, path) for path in paths)
    return Unit(inputs, (replace(profiled, cached=cached),), key, cached)
