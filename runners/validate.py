"""`recordmill validate`: anomalies of data as tables, as a proto and as the exit status."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

from ..schemas.errors import RecipeError
from ..schemas.wording import count_of
from .arguments import add_csv
from .logging_setup import quiet_beam

if TYPE_CHECKING:
    from ..pipelines.config.csv_format import CsvFormat
    from ..schemas.anomalies.columns import Anomaly
    from ..schemas.anomalies.compare import ColumnThreshold, Comparison
    from ..schemas.anomalies.find import Findings

__all__ = [
    "add_arguments",
    "csv_format_of",
    "limits_of",
    "retraining_advice",
    "show_findings",
    "validate",
]

_MAX_COMPARISONS = 20
_LOG_WIDTH = 120
_PARSERS: dict[str, Callable[[str], Any]] = {
    "str": str,
    "int": int,
    "bool": {"true": True, "false": False}.__getitem__,
}
_THRESHOLDS = (
    ("skew", 0.1, "distance from the training data"),
    ("drift", 0.1, "distance from the earlier data"),
    ("missing", 0.05, "rise of the share of missing values"),
)


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of `recordmill validate`."""
    parser.set_defaults(function=validate)
    parser.add_argument(
        "data", metavar="DATA", nargs="+", help="CSV, Parquet or JSON lines files, or a dataset"
    )
    parser.add_argument(
        "--against",
        metavar="DIR|SCHEMA",
        required=True,
        help="a prepared dataset, whose training data are compared too, or a schema.pbtxt",
    )
    parser.add_argument(
        "--drift",
        metavar="DATA",
        action="append",
        default=[],
        help="earlier data to compare with; can be repeated",
    )
    parser.add_argument(
        "--split", default="train", help="split of the datasets to use (default train)"
    )
    parser.add_argument(
        "--serving", action="store_true", help="the data are requests, which have no label"
    )
    for name, default, description in _THRESHOLDS:
        parser.add_argument(
            f"--{name}-threshold",
            type=float,
            default=default,
            metavar="X",
            help=f"largest accepted {description} (default {default})",
        )
    parser.add_argument(
        "--threshold",
        dest="thresholds",
        metavar="COLUMN=[COMPARATOR:]X",
        action="append",
        default=[],
        help="largest accepted distance of one column; can be repeated",
    )
    parser.add_argument("--min-rows", type=int, metavar="N", help="smallest number of rows")
    parser.add_argument("--max-rows", type=int, metavar="N", help="largest number of rows")
    add_csv(parser)
    parser.add_argument("--output", metavar="FILE.pbtxt", help="also write the Anomalies proto")


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
    """Validate data and print the anomalies.

    Returns:
      1 if there are anomalies, else 0.

    Raises:
      DataError: The data cannot be read.
      RecipeError: An option is wrong, or there is no such schema or dataset.
    """
    from ..pipelines.validation.validate import csv_format_of as stored_format
    from ..pipelines.validation.validate import validate as validate_data
    from ..schemas.anomalies.compare import DriftThresholds

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
        _write_proto(findings, output)
    return 1 if findings.anomalies else 0


def _write_proto(findings: Findings, path: str) -> None:
    """Write the Anomalies proto as text."""
    from google.protobuf import text_format

    from ..pipelines.runtime import filesystem as files

    with files.create(path) as file:
        file.write(text_format.MessageToString(findings.to_proto(), as_utf8=True).encode())
    print(f"wrote {path}")


def limits_of(thresholds: Sequence[str]) -> dict[str, ColumnThreshold]:
    """Parse `COLUMN=0.1` or `COLUMN=COMPARATOR:0.1`; return the limits by column.

    >>> limits = limits_of(["age=infinity_norm:0.2"])
    >>> limits["age"].threshold, limits["age"].comparator
    (0.2, 'infinity_norm')

    Raises:
      RecipeError: A threshold does not have that form.
    """
    from ..schemas.anomalies.compare import ColumnThreshold

    limits = {}
    for threshold in thresholds:
        name, _, limit = threshold.rpartition("=")
        comparator, _, number = limit.rpartition(":")
        try:
            limits[name] = ColumnThreshold(float(number), comparator or None)
        except ValueError:
            name = ""
        if not name:
            raise RecipeError(
                f"--threshold {threshold}: expected COLUMN=NUMBER or COLUMN=COMPARATOR:NUMBER, "
                "such as age=0.1 or sex=infinity_norm:0.1"
            )
    return limits


def csv_format_of(options: Sequence[str], base: CsvFormat | None = None) -> CsvFormat | None:
    """Parse the format of CSV files from `KEY=VALUE`; return None without any.

    Args:
      options: Values of `--csv`.
      base: Format for the other keys; None for the defaults.

    Raises:
      RecipeError: `CsvFormat` has no such field, or the field does not take the value.
    """
    from ..pipelines.config.csv_format import CsvFormat

    if not options:
        return None
    parsers = {field.name: _PARSERS[str(field.type)] for field in fields(CsvFormat)}
    values: dict[str, Any] = {}
    for option in options:
        key, equals, value = option.partition("=")
        if key not in parsers or not equals:
            raise RecipeError(
                f"--csv {option}: expected KEY=VALUE, KEY one of {', '.join(parsers)}"
            )
        try:
            values[key] = parsers[key](value)
        except (KeyError, ValueError) as error:
            raise RecipeError(f'--csv {option}: "{value}" is no value of {key}') from error
    return replace(base or CsvFormat(), **values)


def show_findings(findings: Findings, against: str) -> None:
    """Print the anomalies, the distances, the notes, a summary and advice on retraining."""
    from rich.console import Console

    console = Console(width=None if sys.stdout.isatty() else _LOG_WIDTH, markup=False, emoji=False)
    if findings.anomalies:
        console.print(_anomalies(findings), highlight=False)
    if findings.comparisons:
        console.print(_comparisons(findings.comparisons), highlight=False)
    for note in findings.notes:
        console.print(_plain(f"note: {note}"))
    count = len(findings.anomalies)
    result = count_of(count, "anomaly", "anomalies") if count else "no anomalies"
    columns = len({item.column for item in findings.anomalies if item.column is not None})
    if count > 1 and columns:
        result += f" in {count_of(columns, 'column')}"
    rows = count_of(findings.observed.rows, "row")
    console.print(f"{rows} against {against}: {result}", highlight=False, soft_wrap=True)
    for line in retraining_advice(findings):
        console.print(_plain(line), soft_wrap=True)


def retraining_advice(findings: Findings) -> list[str]:
    """Return advice on training again, as lines; none without training data to compare with.

    A model should be trained again if values are distributed differently from the training data, or
    more of them are missing. Other anomalies have to be solved where the data come from.
    """
    compared = {item.column for item in findings.comparisons if item.kind == "skew"}
    if not compared:
        return []
    shifted = list(dict.fromkeys(item.column for item in findings.anomalies if _is_shift(item)))
    others = [item.column or "the dataset" for item in findings.anomalies if not _is_shift(item)]
    if shifted:
        verb = "differs" if len(shifted) == 1 else "differ"
        lines = [f"retrain: {_enumerate(shifted)} {verb} from the training data"]
    else:
        count = len(compared)
        columns = "1 column looks" if count == 1 else f"{count:,} columns look"
        lines = [f"no need to retrain: {columns} like the training data"]
    if others:
        names = _enumerate(list(dict.fromkeys(others)))
        lines.append(f"retraining does not solve the other anomalies, of {names}")
    return lines


def _is_shift(anomaly: Anomaly) -> bool:
    """Return whether an anomaly compares the distribution of values with the training data."""
    if anomaly.short == "More missing values":
        return "in the training data" in anomaly.long
    return anomaly.type.endswith("_HIGH") and anomaly.short.endswith(" and training")


def _enumerate(names: Sequence[str | None]) -> str:
    """Join names to a list in a sentence.

    >>> _enumerate(["age"]), _enumerate(["age", "sex", "race"])
    ('age', 'age, sex and race')
    """
    *first, last = map(str, names)
    return f"{', '.join(first)} and {last}" if first else last


def _anomalies(findings: Findings) -> Any:
    table = _table("Anomalies")
    for name in ("column", "anomaly", "description"):
        table.add_column(name, overflow="fold")
    for anomaly in findings.anomalies:
        name = "(dataset)" if anomaly.column is None else anomaly.column
        table.add_row(*map(_plain, (name, anomaly.short, anomaly.long)))
    return table


def _comparisons(comparisons: Sequence[Comparison]) -> Any:
    """Return a table of the distances furthest above their thresholds, or nearest to them."""
    order = sorted(comparisons, key=lambda item: item.threshold - item.distance.value)
    title = "Distances"
    if len(order) > _MAX_COMPARISONS:
        title += f", the {_MAX_COMPARISONS} highest of {len(order):,}"
    table = _table(title)
    for name in ("column", "kind", "comparator"):
        table.add_column(name, overflow="fold")
    for name in ("distance", "threshold", "by chance"):
        table.add_column(name, justify="right", overflow="fold")
    table.add_column("most different, before → now", overflow="fold")
    for comparison in order[:_MAX_COMPARISONS]:
        distance = comparison.distance
        table.add_row(
            *map(_plain, (comparison.column, comparison.kind, comparison.comparator)),
            *(f"{x:.4f}" for x in (distance.value, comparison.threshold, distance.chance)),
            _plain(comparison.describe_shares()),
        )
    return table


def _table(title: str) -> Any:
    from rich.table import Table

    return Table(title=title, title_justify="left", show_lines=False)


def _plain(text: str) -> Any:
    """Return text for the console, with control characters escaped and no markup."""
    from rich.text import Text

    return Text("".join(c if c.isprintable() else repr(c)[1:-1] for c in text))
