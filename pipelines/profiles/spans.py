"""`Unit`: what is profiled by itself: all inputs, or with a statistics cache one span of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from ..config.input import Input
from ..inputs.spans import Span, resolve
from ..readers.csv_source import match
from ..runtime.elements import InputFile
from .cache import StatisticsCache
from .profiled import ProfiledSpan

__all__ = ["Dated", "Unit", "dated", "units_of"]


@dataclass(frozen=True)
class Unit:
    """Files that are profiled together.

    Attributes:
      inputs: What is read, without days.
      spans: What they are, for people.
      key: The key of its entry in the cache; "" without a cache.
      cached: Whether the entry is there.
    """

    inputs: tuple[Input, ...]
    spans: tuple[ProfiledSpan, ...]
    key: str = ""
    cached: bool = False


class Dated(NamedTuple):
    """An input, the same as one input a day, and its days; none where it names no day."""

    given: Input
    inputs: tuple[Input, ...]
    spans: tuple[Span, ...]


def dated(inputs: Iterable[Input]) -> tuple[Dated, ...]:
    """The days of inputs, as they are found now; errors as of `resolve`."""
    return tuple(Dated(one, *resolve([one])) for one in inputs)


def units_of(found: Sequence[Dated], cache: StatisticsCache) -> tuple[Unit, ...]:
    """Each span of the inputs, in the order in which they are merged.

    Args:
      found: The inputs.
      cache: What is known of them.

    Raises:
      DataError: An input matches nothing, or a file cannot be read.
    """
    owned = {one.path: one for one in match(one for each in found for one in each.inputs)}
    units = []
    for each in found:
        for span in each.spans or (_whole(each),):
            # A file that several inputs name is read once, with the first.
            held = [owned.pop(path) for path in span.files if path in owned]
            units.append(_unit(span, each.given.split, held, cache))
    return tuple(units)


def _whole(each: Dated) -> Span:
    paths = tuple(file.path for file in match(each.inputs))
    return Span("", each.given.pattern, paths)


def _unit(span: Span, split: str | None, held: Sequence[InputFile], cache: StatisticsCache) -> Unit:
    paths = tuple(one.path for one in held)
    told = ProfiledSpan(span.date, span.pattern, paths)
    if not paths:
        return Unit((), (told,), cached=True)
    key = cache.key(held)
    known = cache.load(key) is not None
    inputs = tuple(Input(split, path) for path in paths)
    return Unit(inputs, (replace(told, cached=known),), key, known)
