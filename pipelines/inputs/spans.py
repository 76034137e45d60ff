"""Spans: inputs with one set of files a day, of which a run reads the newest window.

A pattern contains a placeholder for the day, as in `data/{date}/*.csv`. The existing files define
the days; the window is counted on the calendar, so that a day without data is reported as missing
and no older one takes its place.
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

_DATE_REGEXES = {
    "{date}": r"([0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{8})",
    "{YYYY}": r"([0-9]{4})",
    "{MM}": r"([0-9]{2})",
    "{DD}": r"([0-9]{2})",
}
_PLACEHOLDER = re.compile("|".join(map(re.escape, _DATE_REGEXES)))
_SHOWN = 5


@dataclass(frozen=True)
class Span:
    """One day of one input.

    Attributes:
      date: Day in ISO 8601, such as "2026-11-21".
      pattern: Pattern of the input, with its placeholders.
      files: Sorted paths that are read for that day: of files or, where the pattern names folders,
        of folders. Empty for a missing day of the window.
    """

    date: str
    pattern: str
    files: tuple[str, ...]


def resolve(inputs: Iterable[Input]) -> tuple[tuple[Input, ...], tuple[Span, ...]]:
    """Replace each dated input by one input for each day of its window.

    `{date}` matches a day written 2026-11-21 or 20261121, in the name of a folder or of a file;
    `{YYYY}`, `{MM}` and `{DD}`, used together, match its parts. With `last`, the window is that
    many calendar days, up to the newest day of this input; without, it is all existing days.

    Args:
      inputs: Inputs of tables or of images; undated ones are passed on.

    Returns:
      The inputs, in the same order and then by day, and the spans of all of them.

    Raises:
      DataError: There is no day for a pattern.
      RecipeError: An input has `last` without a placeholder, or has only a part of {YYYY}, {MM}
        and {DD}.
    """
    resolved: list[Input] = []
    spans: list[Span] = []
    for entry in inputs:
        if not _is_dated(entry):
            resolved.append(entry)
            continue
        paths_by_day = _find_days(entry.pattern)
        for day in window(paths_by_day, entry.last):
            patterns = paths_by_day.get(day, {})
            resolved += [Input(entry.split, pattern) for pattern in patterns]
            paths = sorted(path for matches in patterns.values() for path in matches)
            spans.append(Span(day.isoformat(), entry.pattern, tuple(paths)))
    _warn_of_missing(spans)
    return tuple(resolved), tuple(spans)


def window(existing: Iterable[date], last: int | None) -> tuple[date, ...]:
    """Return the days to read, oldest first.

    Args:
      existing: Days with data, at least one.
      last: Number of calendar days up to the newest, including missing ones; None for all days
        with data.

    >>> window([date(2024, 2, 27), date(2024, 3, 1)], 2)
    (datetime.date(2024, 2, 29), datetime.date(2024, 3, 1))
    """
    days = sorted(existing)
    if last is None:
        return tuple(days)
    newest = days[-1].toordinal()
    return tuple(map(date.fromordinal, range(max(1, newest - last + 1), newest + 1)))


def _is_dated(entry: Input) -> bool:
    """Return whether an input has placeholders; RecipeError where some are missing."""
    used = set(_PLACEHOLDER.findall(entry.pattern))
    parts = set(_DATE_REGEXES) - {"{date}"}
    if used & parts and not parts <= used:
        raise RecipeError(
            f"input {entry.pattern}: {', '.join(sorted(parts - used))} is missing: a day is "
            "written {date}, or {YYYY}, {MM} and {DD}"
        )
    if entry.last is not None and not used:
        raise RecipeError(
            f"input {entry.pattern}: last: {entry.last} needs the position of the day: write "
            "{date} in the files, as in data/{date}/*.csv"
        )
    return bool(used)


def _find_days(pattern: str) -> dict[date, dict[str, list[str]]]:
    """Return the paths of each day, grouped by the pattern with the day as it is written."""
    paths_by_day: dict[date, dict[str, list[str]]] = {}
    undated: list[str] = []
    for path, texts in _matches(pattern):
        day = _date(pattern, texts)
        if day is None:
            undated.append(path)
        else:
            dated_pattern = _fill(pattern, texts)
            paths_by_day.setdefault(day, {}).setdefault(dated_pattern, []).append(path)
    if undated:
        shown = ", ".join(undated[:_SHOWN]) + (", …" if len(undated) > _SHOWN else "")
        _LOG.warning('"%s": paths without a date were skipped: %s', pattern, shown)
    if not paths_by_day:
        problem = "no file of it has a date there" if undated else "nothing matches it"
        raise DataError(
            f'no day is found for "{pattern}": {problem}; expected a path with a day written '
            "2026-11-21 or 20261121 in the place of {date}"
        )
    return paths_by_day


def _matches(pattern: str) -> Iterator[tuple[str, Sequence[str]]]:
    """Yield the files that a pattern matches, or else the folders, and the texts of the day."""
    wildcard = _PLACEHOLDER.sub("*", pattern).replace("***", "**")
    paths = sorted(path for path, _ in files.glob(wildcard))
    exact = _regex(pattern)
    if not paths:  # Beam's globs match no folders, only the files in them
        below = re.compile(f"(?P<folder>{_regex(wildcard).pattern})/.*", re.DOTALL)
        matches = (below.fullmatch(path) for path, _ in files.glob(f"{wildcard}/**"))
        paths = sorted({match["folder"] for match in matches if match})
    for path in paths:
        match = exact.fullmatch(path)
        yield path, match.groups() if match else ()


def _regex(pattern: str) -> re.Pattern[str]:
    """Return the regular expression of a pattern, with a group for each placeholder."""
    literals = _PLACEHOLDER.split(pattern)
    groups = [_DATE_REGEXES[name] for name in _PLACEHOLDER.findall(pattern)]
    globs = [_glob_regex(literal) for literal in literals]
    return re.compile("".join(a + b for a, b in zip(globs, [*groups, ""], strict=True)), re.DOTALL)


def _glob_regex(glob: str) -> str:
    """Return the regular expression of a glob as Beam reads it, without flags and end mark."""
    return str(FileSystem.translate_pattern(glob)).removeprefix("(?ms)").removesuffix(r"\Z")


def _date(pattern: str, texts: Sequence[str]) -> date | None:
    """Return the day that the texts of the placeholders name; None for no day, or several."""
    texts_by_name: dict[str, list[str]] = {name: [] for name in _DATE_REGEXES}
    for name, text in zip(_PLACEHOLDER.findall(pattern), texts, strict=False):
        texts_by_name[name].append(text)
    # A placeholder may repeat: every combination must be the same day.
    parts = product(*(texts_by_name[name] for name in ("{YYYY}", "{MM}", "{DD}")))
    written = [*texts_by_name["{date}"], *map("".join, parts)]
    try:
        days = {date.fromisoformat(text) for text in written}
    except ValueError:
        return None
    return days.pop() if len(days) == 1 else None


def _fill(pattern: str, texts: Sequence[str]) -> str:
    """Return the pattern with its placeholders replaced by texts."""
    remaining = iter(texts)
    return _PLACEHOLDER.sub(lambda _: next(remaining), pattern)


def _warn_of_missing(spans: Iterable[Span]) -> None:
    for pattern, group in groupby(spans, key=lambda span: span.pattern):
        missing = [span.date for span in group if not span.files]
        if missing:
            _LOG.warning('"%s": missing in the window: %s', pattern, ", ".join(missing))
