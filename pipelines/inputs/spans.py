"""Spans: inputs that come day by day, of which a run reads the newest window.

A pattern says where the day stands, as in `data/{date}/*.csv`. What is there decides which days
there are; the window is counted on the calendar, so that a day without data is seen to be missing
and does not let an older one in.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby, product

from apache_beam.io.filesystem import FileSystem

from ...schemas.errors import DataError, RecipeError
from ..config.input import Input
from ..runtime import filesystem as files

__all__ = ["Span", "resolve", "window"]

_LOG = logging.getLogger(__name__)

_WRITTEN = {
    "{date}": r"([0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{8})",
    "{YYYY}": r"([0-9]{4})",
    "{MM}": r"([0-9]{2})",
    "{DD}": r"([0-9]{2})",
}
_PLACE = re.compile("|".join(map(re.escape, _WRITTEN)))
_SHOWN = 5


@dataclass(frozen=True)
class Span:
    """One day of one input.

    Attributes:
      date: The day, ISO 8601, such as "2026-11-21".
      pattern: The input's pattern, with `{date}` in it.
      files: What is read of that day: sorted paths, of files or, where the pattern names folders,
        of folders. Empty for a day of the window that is missing.
    """

    date: str
    pattern: str
    files: tuple[str, ...]


def resolve(inputs: Iterable[Input]) -> tuple[tuple[Input, ...], tuple[Span, ...]]:
    """Inputs as they are today: each that names days becomes one input a day of its window.

    `{date}` stands for a day written 2026-11-21 or 20261121, in the name of a folder or of a file;
    `{YYYY}`, `{MM}` and `{DD}`, all three, stand for its parts. With `last`, the window is that
    many calendar days, the newest day found for this input being the last of them; without, it is
    all days found.

    Args:
      inputs: Of tables or of images. Those that name no day are passed on.

    Returns:
      The inputs, in the same order and then by day, and the spans of all of them.

    Raises:
      DataError: No day is found for a pattern.
      RecipeError: An input has `last` and names no day, or names a day by some of its parts.
    """
    resolved: list[Input] = []
    spans: list[Span] = []
    for one in inputs:
        if not _is_dated(one):
            resolved.append(one)
            continue
        found = _found(one.pattern)
        for day in window(found, one.last):
            patterns = found.get(day, {})
            resolved += [Input(one.split, pattern) for pattern in patterns]
            paths = sorted(path for of_pattern in patterns.values() for path in of_pattern)
            spans.append(Span(day.isoformat(), one.pattern, tuple(paths)))
    _warn_of_missing(spans)
    return tuple(resolved), tuple(spans)


def window(found: Iterable[date], last: int | None) -> tuple[date, ...]:
    """The days to read, oldest first.

    Args:
      found: The days there are, at least one.
      last: How many calendar days, missing ones too, up to the newest; None for the days there
        are.

    >>> window([date(2024, 2, 27), date(2024, 3, 1)], 2)
    (datetime.date(2024, 2, 29), datetime.date(2024, 3, 1))
    """
    days = sorted(found)
    if last is None:
        return tuple(days)
    newest = days[-1].toordinal()
    return tuple(map(date.fromordinal, range(max(1, newest - last + 1), newest + 1)))


def _is_dated(one: Input) -> bool:
    """Whether the input names days; RecipeError where it does so in part."""
    named = set(_PLACE.findall(one.pattern))
    parts = set(_WRITTEN) - {"{date}"}
    if named & parts and not parts <= named:
        raise RecipeError(
            f"input {one.pattern}: {', '.join(sorted(parts - named))} is missing: a day is written "
            "{date}, or {YYYY}, {MM} and {DD}"
        )
    if one.last is not None and not named:
        raise RecipeError(
            f"input {one.pattern}: last: {one.last} needs to know where the day stands: write "
            "{date} in the files, as in data/{date}/*.csv"
        )
    return bool(named)


def _found(pattern: str) -> dict[date, dict[str, list[str]]]:
    """The days found, and for each the patterns it is written as, and their paths."""
    found: dict[date, dict[str, list[str]]] = {}
    undated: list[str] = []
    for path, texts in _matches(pattern):
        day = _date(pattern, texts)
        if day is None:
            undated.append(path)
        else:
            written = _filled(pattern, texts)
            found.setdefault(day, {}).setdefault(written, []).append(path)
    if undated:
        shown = ", ".join(undated[:_SHOWN]) + (", …" if len(undated) > _SHOWN else "")
        _LOG.warning('"%s": passed over, for want of a date: %s', pattern, shown)
    if not found:
        day_is = "no file of it has a date there" if undated else "nothing is there"
        raise DataError(
            f'no day is found for "{pattern}": {day_is}; expected a path with a day written '
            "2026-11-21 or 20261121 in the place of {date}"
        )
    return found


def _matches(pattern: str) -> Iterator[tuple[str, Sequence[str]]]:
    """The files a pattern matches, or else the folders, and what stands for the day in each."""
    anything = _PLACE.sub("*", pattern).replace("***", "**")
    paths = sorted(path for path, _ in files.glob(anything))
    exact = _regex(pattern)
    if not paths:
        whole = re.compile(f"(?P<folder>{_regex(anything).pattern})/.*", re.DOTALL)
        inside = (whole.fullmatch(path) for path, _ in files.glob(f"{anything}/**"))
        paths = sorted({match["folder"] for match in inside if match})
    for path in paths:
        match = exact.fullmatch(path)
        yield path, match.groups() if match else ()


def _regex(pattern: str) -> re.Pattern[str]:
    """What a path of the pattern looks like, with a group for each place of a day."""
    literals = _PLACE.split(pattern)
    places = [_WRITTEN[place] for place in _PLACE.findall(pattern)]
    globs = [_glob_regex(literal) for literal in literals]
    return re.compile("".join(a + b for a, b in zip(globs, [*places, ""], strict=True)), re.DOTALL)


def _glob_regex(glob: str) -> str:
    return str(FileSystem.translate_pattern(glob)).removeprefix("(?ms)").removesuffix(r"\Z")


def _date(pattern: str, texts: Sequence[str]) -> date | None:
    """The day that the texts say; None where they say none, or several."""
    said: dict[str, list[str]] = {place: [] for place in _WRITTEN}
    for place, text in zip(_PLACE.findall(pattern), texts, strict=False):
        said[place].append(text)
    parts = product(said["{YYYY}"], said["{MM}"], said["{DD}"])
    try:
        days = {date.fromisoformat(text) for text in [*said["{date}"], *map("".join, parts)]}
    except ValueError:
        return None
    return days.pop() if len(days) == 1 else None


def _filled(pattern: str, texts: Sequence[str]) -> str:
    """The pattern with these texts for the places of the day."""
    rest = iter(texts)
    return _PLACE.sub(lambda _: next(rest), pattern)


def _warn_of_missing(spans: Iterable[Span]) -> None:
    for pattern, of_pattern in groupby(spans, key=lambda span: span.pattern):
        missing = [span.date for span in of_pattern if not span.files]
        if missing:
            _LOG.warning('"%s": missing in the window: %s', pattern, ", ".join(missing))
