"""`recordmill validate`: what it finds, as tables, a proto and an exit status."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

from ..schemas.errors import RecipeError

if TYPE_CHECKING:
    from ..pipelines.config.csv_format import CsvFormat
    from ..schemas.anomalies.columns import Anomaly
    from ..schemas.anomalies.compare import ColumnThreshold, Comparison
    from ..schemas.anomalies.find import Findings

__all__ = ["csv_format_of", "limits_of", "retraining", "show_findings", "validate"]

_SHOWN = 20
_WIDTH = 120
_READ: dict[str, Callable[[str], Any]] = {
    "str": str,
    "int": int,
    "bool": {"true": True, "false": False}.__getitem__,
}


def validate(
    data: Sequence[str],
    *,
    against: str,
    drift: Sequence[str],
    split: str,
    serving: bool,
    skew_threshold: float,
    drift_threshold: float,
    missing_threshold: float,
    thresholds: Sequence[str],
    min_rows: int | None,
    max_rows: int | None,
    csv: Sequence[str],
    output: str | None,
) -> int:
    """Validate data, and print what it found; 1 where there are anomalies."""
    from ..pipelines.runtime import filesystem as files
    from ..pipelines.validation.validate import csv_format_of as stored_format
    from ..pipelines.validation.validate import validate as validate_data
    from ..schemas.anomalies.compare import DriftThresholds
    from .logging_setup import quiet_beam

    quiet_beam()
    findings = validate_data(
        data,
        against=against,
        drift=drift,
        split=split,
        serving=serving,
        limits=DriftThresholds(
            skew=skew_threshold,
            drift=drift_threshold,
            missing=missing_threshold,
            columns=limits_of(thresholds),
            min_rows=min_rows,
            max_rows=max_rows,
        ),
        csv_format=csv_format_of(csv, stored_format(against)) if csv else None,
    )
    show_findings(findings, against)
    if output:
        from google.protobuf import text_format

        with files.create(output) as file:
            file.write(text_format.MessageToString(findings.to_proto(), as_utf8=True).encode())
        print(f"wrote {output}")
    return 1 if findings.anomalies else 0


def limits_of(thresholds: Sequence[str]) -> dict[str, ColumnThreshold]:
    """`COLUMN=0.1` or `COLUMN=COMPARATOR:0.1`, by column.

    >>> found = limits_of(["age=infinity_norm:0.2"])
    >>> found["age"].threshold, found["age"].comparator
    (0.2, 'infinity_norm')

    Raises:
      RecipeError: One is not of that form.
    """
    from ..schemas.anomalies.compare import ColumnThreshold

    limits = {}
    for given in thresholds:
        name, _, limit = given.rpartition("=")
        comparator, _, number = limit.rpartition(":")
        try:
            limits[name] = ColumnThreshold(float(number), comparator or None)
        except ValueError:
            name = ""
        if not name:
            raise RecipeError(
                f"--threshold {given}: expected COLUMN=NUMBER or COLUMN=COMPARATOR:NUMBER, such as "
                "age=0.1 or sex=infinity_norm:0.1"
            )
    return limits


def csv_format_of(options: Sequence[str], base: CsvFormat | None = None) -> CsvFormat | None:
    """How a CSV is written, of `KEY=VALUE`; None without any.

    Args:
      options: What is told of it.
      base: What holds of the rest; None for the defaults.

    Raises:
      RecipeError: A key is none of `CsvFormat`'s, or has another value than it takes.
    """
    from ..pipelines.config.csv_format import CsvFormat

    if not options:
        return None
    known = {one.name: _READ[str(one.type)] for one in fields(CsvFormat)}
    given: dict[str, Any] = {}
    for option in options:
        key, equals, value = option.partition("=")
        if key not in known or not equals:
            raise RecipeError(f"--csv {option}: expected KEY=VALUE with KEY of {', '.join(known)}")
        try:
            given[key] = known[key](value)
        except (KeyError, ValueError) as error:
            raise RecipeError(f'--csv {option}: "{value}" is no value of {key}') from error
    return replace(base or CsvFormat(), **given)


def show_findings(findings: Findings, against: str) -> None:
    """Print what was found: the anomalies, the distances, the notes, and the sum of it."""
    from rich.console import Console

    console = Console(width=None if sys.stdout.isatty() else _WIDTH, markup=False, emoji=False)
    if findings.anomalies:
        console.print(_anomalies(findings), highlight=False)
    if findings.comparisons:
        console.print(_comparisons(findings.comparisons), highlight=False)
    for note in findings.notes:
        console.print(_plain(f"note: {note}"))
    found, rows = len(findings.anomalies), findings.observed.rows
    counted = "an anomaly" if found == 1 else f"{found:,} anomalies" if found else "no anomalies"
    columns = len({one.column for one in findings.anomalies if one.column is not None})
    if found > 1 and columns:
        counted += f" in {columns:,} column{'s' * (columns > 1)}"
    console.print(f"{rows:,} rows against {against}: {counted}", highlight=False, soft_wrap=True)
    for line in retraining(findings):
        console.print(_plain(line), soft_wrap=True)


def retraining(findings: Findings) -> list[str]:
    """Whether a model should be trained again; nothing where there is no training data to tell.

    It should where values are distributed otherwise than in the training data, or more are
    missing. Other anomalies are for whoever sends the data.
    """
    compared = {one.column for one in findings.comparisons if one.kind == "skew"}
    if not compared:
        return []
    names = list(dict.fromkeys(one.column for one in findings.anomalies if _is_shift(one)))
    other = [one.column or "the dataset" for one in findings.anomalies if not _is_shift(one)]
    if names:
        verb = "looks" if len(names) == 1 else "look"
        lines = [f"retrain: {_listed(names)} no longer {verb} like what was trained on"]
    else:
        count = len(compared)
        columns = "1 column looks" if count == 1 else f"{count:,} columns look"
        lines = [f"no need to retrain: {columns} like what was trained on"]
    if other:
        what = _listed(list(dict.fromkeys(other)))
        lines.append(f"what retraining does not put right: the other anomalies, of {what}")
    return lines


def _is_shift(anomaly: Anomaly) -> bool:
    """Whether an anomaly is of how values are distributed, against the training data."""
    if anomaly.short == "More missing values":
        return "in the training data" in anomaly.long
    return anomaly.type.endswith("_HIGH") and anomaly.short.endswith(" and training")


def _listed(names: Sequence[str | None]) -> str:
    """Names in words.

    >>> _listed(["age"]), _listed(["age", "sex", "race"])
    ('age', 'age, sex and race')
    """
    *first, last = map(str, names)
    return f"{', '.join(first)} and {last}" if first else last


def _anomalies(findings: Findings) -> Any:
    table = _table("Anomalies")
    for name in ("column", "anomaly", "what was found"):
        table.add_column(name, overflow="fold")
    for anomaly in findings.anomalies:
        name = "(dataset)" if anomaly.column is None else anomaly.column
        table.add_row(*map(_plain, (name, anomaly.short, anomaly.long)))
    return table


def _comparisons(comparisons: Sequence[Comparison]) -> Any:
    """The distances that are nearest to their thresholds, or furthest above."""
    order = sorted(comparisons, key=lambda one: one.threshold - one.distance.value)
    more = len(order) - _SHOWN
    table = _table("Distances" + (f", the {_SHOWN} highest of {len(order):,}" if more > 0 else ""))
    for name in ("column", "kind", "comparator", "distance", "threshold", "by chance"):
        right = name in ("distance", "threshold", "by chance")
        table.add_column(name, justify="right" if right else "left", overflow="fold")
    table.add_column("most different, before → now", overflow="fold")
    for one in order[:_SHOWN]:
        numbers = (one.distance.value, one.threshold, one.distance.chance)
        table.add_row(
            *map(_plain, (one.column, one.kind, one.comparator)),
            *(f"{number:.4f}" for number in numbers),
            _plain(one.describe_shares()),
        )
    return table


def _table(title: str) -> Any:
    from rich.table import Table

    return Table(title=title, title_justify="left", show_lines=False)


def _plain(text: str) -> Any:
    """The text as it is: what looks like markup or a control character is from the data."""
    from rich.text import Text

    return Text("".join(one if one.isprintable() else repr(one)[1:-1] for one in text))
