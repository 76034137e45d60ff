"""Cases and their targets; those of loading and serving are in `consumers`."""

from __future__ import annotations

from collections.abc import Callable

from . import browser, data, environments, images
from .case import STOCK, Case, Entry, Inputs, Target
from .consumers import loading, serving
from .contenders import (
    Contender,
    classic_beam,
    help_page,
    ml_transform,
    pandas,
    recordmill,
    recordmill_profile,
    recordmill_without_statistics,
    stock_tft,
    tf_data,
    tf_data_records,
    ydata,
)
from .mixed import COLUMNS, ROWS, mixed
from .profiles import differing
from .results import Results

__all__ = ["CASES"]

_MILL = "recordmill"
_READING, _STORING, _CLASSIC = "tf.data, reading only", "tf.data, storing", "classic Beam"
_PLAIN, _PANDAS, _YDATA = f"{_MILL}, no statistics", "pandas", "ydata-profiling, minimal"


def _adult(inputs: Inputs) -> Case:
    contenders = {_MILL: recordmill, STOCK: stock_tft, "MLTransform": ml_transform}
    return Case(
        f"{inputs.adult_name}, 32,561 rows to train and 16,281 to evaluate",
        "recordmill also cleans, checks, profiles and shuffles the rows, and verifies its output.",
        tuple(
            Entry(label, contender, "adult", inputs.adult, data.ADULT_ROWS)
            for label, contender in contenders.items()
        ),
        (_time_target(0.5), _SAME_VOCABULARIES),
    )


def _adult_copies(inputs: Inputs) -> Case:
    files = {count: data.copies(inputs.adult["train"], count, inputs.scratch) for count in (16, 64)}

    def entry(label: str, contender: Contender, count: int) -> Entry:
        rows = {"train": data.ADULT_ROWS["train"] * count}
        return Entry(label, contender, "adult", {"train": files[count]}, rows)

    few = f"{_MILL}, 16 copies"
    return Case(
        f"{inputs.adult_name}, training rows, 64 copies",
        "MLTransform is given 16 copies only: 64 would take it more than ten minutes.",
        (
            entry(_MILL, recordmill, 64),
            entry(STOCK, stock_tft, 64),
            entry(few, recordmill, 16),
            entry("MLTransform, 16 copies", ml_transform, 16),
        ),
        (
            _time_target(0.25),
            Target("peak memory, GB", 1.5, lambda results: results[_MILL].peak_bytes / 1e9),
            Target(
                "peak memory, of that at 16 copies",
                1.25,
                lambda results: results[_MILL].peak_bytes / results[few].peak_bytes,
            ),
            _SAME_VOCABULARIES,
        ),
    )


def _wide(inputs: Inputs) -> Case:
    files = data.wide(inputs.scratch)
    contenders = {_MILL: recordmill, STOCK: stock_tft, "MLTransform": ml_transform}
    return Case(
        "20,000 rows of 100 z-scores and 50 vocabularies",
        "",
        tuple(
            Entry(label, contender, "wide", files, {"train": data.WIDE_ROWS})
            for label, contender in contenders.items()
        ),
        (_time_target(0.3), _SAME_VOCABULARIES),
    )


def _hotdog(inputs: Inputs) -> Case:
    few, medium, many = 300, 5_000, 20_000
    folders = {
        count: images.copies(inputs.images, count, inputs.scratch) for count in (few, medium, many)
    }
    all_three = ((_MILL, recordmill), (_READING, tf_data), (_CLASSIC, classic_beam))

    def entry(label: str, contender: Contender, count: int) -> Entry:
        files, rows = {"train": folders[count]}, {"train": count}
        name = label if count == many else _of(label, count)
        return Entry(name, contender, "hotdog", files, rows, contender is not tf_data)

    photos = "photos" if inputs.real_images else "drawn pictures in place of photos"
    return Case(
        f"{many:,} {photos}, to 224x224",
        f"{_READING}: decodes, crops and resizes on two threads, and writes nothing. {_STORING}: "
        "the same, and stores what it made, with no check, no key and no order: no pipeline with "
        "these ops can be faster. The files are copies, each with a comment of its own. Of "
        f"{medium:,} photos, the time to start and to end is a good part.",
        (
            *(entry(*pair, count) for count in (many, medium) for pair in all_three),
            entry(_STORING, tf_data_records, many),
            entry(_MILL, recordmill, few),
        ),
        (
            _rate_target(_MILL, _READING, 0.85),
            _rate_target(_MILL, _CLASSIC, 2),
            _rate_target(_of(_MILL, medium), _of(_READING, medium), 0.85),
            _rate_target(_of(_MILL, medium), _of(_CLASSIC, medium), 2),
            Target(
                f"peak memory at {medium:,}, of that at {few} images",
                1.25,
                lambda results: (
                    results[_of(_MILL, medium)].peak_bytes / results[_of(_MILL, few)].peak_bytes
                ),
            ),
        ),
        unit="images",
        baseline=_READING,
    )


def _camera(inputs: Inputs) -> Case:
    count = 600
    files = {"train": images.large(inputs.images, count, inputs.scratch)}
    contenders = {_MILL: recordmill, _READING: tf_data, _CLASSIC: classic_beam}
    photos = "photos" if inputs.real_images else "drawn pictures"
    return Case(
        f"{count} pictures of 4,000x3,000, to 224x224",
        f"Each is made of 64 small {photos}, so that it is as large a file as a photo of a phone. "
        "recordmill has the JPEG decoder halve such a picture as often as leaves enough pixels; "
        f"{_READING} and {_CLASSIC} decode all of them.",
        tuple(
            Entry(label, contender, "hotdog", files, {"train": count}, contender is not tf_data)
            for label, contender in contenders.items()
        ),
        (_rate_target(_MILL, _READING, 0.85), _rate_target(_MILL, _CLASSIC, 2)),
        unit="images",
        baseline=_READING,
    )


def _of(label: str, count: int) -> str:
    return f"{label}, {count:,} images"


def _statistics(inputs: Inputs) -> Case:
    count = 64
    files = {"train": data.copies(inputs.adult["train"], count, inputs.scratch)}
    rows = {"train": data.ADULT_ROWS["train"] * count}
    profile = f"{_MILL} profile"
    return Case(
        f"{inputs.adult_name}, training rows, {count} copies, with and without statistics",
        f"{_MILL} profile: writes no records; it reads the rows to the same statistics.",
        (
            Entry(_MILL, recordmill, "adult", files, rows),
            Entry(_PLAIN, recordmill_without_statistics, "adult", files, rows),
            Entry(profile, recordmill_profile, "adult", files, rows, writes=False, profiles=True),
        ),
        (
            Target(
                "time, of that without statistics",
                1.3,
                lambda results: results[_MILL].seconds / results[_PLAIN].seconds,
            ),
        ),
        baseline=_PLAIN,
    )


def _profile(inputs: Inputs) -> Case:
    few = ROWS // 4
    files = {count: {"all": mixed(environments.cache(), rows=count)} for count in (few, ROWS)}

    def entry(label: str, contender: Contender, count: int) -> Entry:
        rows = {"all": count}
        return Entry(label, contender, "mixed", files[count], rows, writes=False, profiles=True)

    missing = environments.make(environments.YDATA)
    megabytes = files[ROWS]["all"].stat().st_size / 1e6
    fewer = f"{_MILL}, {few:,} rows"
    return Case(
        f"Profiling {COLUMNS} columns of {ROWS:,} rows, a CSV file of {megabytes:,.0f} MB",
        f"{_YDATA} is not here: {missing}" if missing else "",
        (
            entry(_MILL, recordmill_profile, ROWS),
            entry(_PANDAS, pandas, ROWS),
            *(() if missing else (entry(_YDATA, ydata, ROWS),)),
            entry(fewer, recordmill_profile, few),
        ),
        (
            Target(
                f"peak memory, of that at {few:,} rows",
                1.25,
                lambda results: results[_MILL].peak_bytes / results[fewer].peak_bytes,
            ),
            Target(f"columns that differ from {_PANDAS}'", 0, _different_columns),
            Target("report.html, MB", 5, lambda results: results[_MILL].profile.page_bytes / 1e6),
            *((_OPENING,) if browser.chromium() else ()),
        ),
        baseline=_PANDAS,
    )


def _help(inputs: Inputs) -> Case:
    label = f"{_MILL} --help"
    return Case(
        "Starting",
        "",
        (Entry(label, help_page, "", {}, {}),),
        (Target("seconds", 0.5, lambda results: results[label].seconds),),
    )


def _time_target(limit: float) -> Target:
    def measure(results: Results) -> float:
        return results[_MILL].seconds / results[STOCK].seconds

    return Target(f"time, of {STOCK}'s", limit, measure)


def _rate_target(label: str, baseline: str, limit: float) -> Target:
    """Return a target for the rates of contenders that read as many images."""

    def measure(results: Results) -> float:
        return results[baseline].seconds / results[label].seconds

    return Target(f"images/s, of {baseline}", limit, measure, at_least=True)


def _different_vocabularies(results: Results) -> float:
    mine, theirs = results[_MILL].vocabularies, results[STOCK].vocabularies
    return sum(mine.get(name) != theirs.get(name) for name in {*mine, *theirs})


def _different_columns(results: Results) -> float:
    return differing(results[_MILL].profile, results[_PANDAS].profile)


_OPENING = Target(
    "seconds until Chromium has drawn report.html",
    2,
    lambda results: results[_MILL].profile.page_seconds or float("inf"),
)
_SAME_VOCABULARIES = Target(f"vocabularies that differ from {STOCK}'s", 0, _different_vocabularies)

CASES: dict[str, Callable[[Inputs], Case]] = {
    "adult": _adult,
    "adult64": _adult_copies,
    "wide": _wide,
    "hotdog": _hotdog,
    "camera": _camera,
    "statistics": _statistics,
    "profile": _profile,
    "loading": loading,
    "serving": serving,
    "help": _help,
}
"""Functions that make a case and its files, by name."""
