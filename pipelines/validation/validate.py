r"""Validation of data against a schema, a prepared dataset, or an earlier state of the data.

    data -> examine, or the statistics it comes with  -\
    schema, training statistics, previous statistics  --> find_anomalies -> Findings

A prepared dataset, a profile and a file of statistics are not read again.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from functools import partial
from typing import Any

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions
from google.protobuf import text_format
from google.protobuf.message import DecodeError
from tensorflow_metadata.proto.v0 import schema_pb2
from tensorflow_metadata.proto.v0.statistics_pb2 import (
    DatasetFeatureStatistics,
    DatasetFeatureStatisticsList,
)

from ...schemas.anomalies.compare import DriftThresholds
from ...schemas.anomalies.find import Findings, find_anomalies
from ...schemas.anomalies.observed import InputSummary
from ...schemas.errors import DataError, RecipeError
from ...schemas.manifest import MANIFEST
from ...schemas.schema import Schema
from ..config.csv_format import CsvFormat
from ..config.expect import Expect
from ..runtime import filesystem as files
from .examine import examine

__all__ = [
    "check_expect",
    "check_expectations",
    "csv_format_of",
    "read_schema",
    "validate",
]

_LOG = logging.getLogger(__name__)
_PROFILE = "profile.json"
_TRAIN = "train"
_RESHAPED = (
    "the rows of {} were made by the function `reshape` of its recipe, out of files of other "
    "columns. Prepare or profile the new files by that recipe, and validate what comes out."
)


def validate(
    data: Sequence[str],
    *,
    against: str,
    drift: Sequence[str] = (),
    split: str = _TRAIN,
    serving: bool = False,
    limits: DriftThresholds | None = None,
    csv_format: CsvFormat | None = None,
    runner: beam.runners.PipelineRunner | None = None,
    options: PipelineOptions | None = None,
) -> Findings:
    """Validate data against a schema, and optionally against other data.

    Args:
      data: Paths and globs of CSV, Parquet or JSON lines files; or one prepared dataset, folder of
        a profile, or statistics file (.pb).
      against: Path of a `schema.pbtxt`; or of a prepared dataset or profile, whose statistics of
        "train" are compared with the data too.
      drift: The previous state of the data, in the same forms as `data`.
      split: Split whose statistics are used where `data` or `drift` have several.
      serving: Whether `data` are requests to a model, without a label; JSON lines always are.
      limits: Distances from which on there is an anomaly; None for the defaults.
      csv_format: Format of CSV files; None for that of the dataset `against`, or the default.
      runner: A Beam runner; None for the FnApiRunner.
      options: Beam's options.

    Raises:
      DataError: A file cannot be read, or is of another kind than expected.
      RecipeError: A limit does not fit its column.
    """
    proto = read_schema(against)
    schema = Schema.from_proto(proto)
    limits = limits or DriftThresholds()
    limits.check(schema, proto)
    observe = partial(
        _observe,
        schema,
        split=split,
        csv_format=csv_format or csv_format_of(against),
        requests=serving,
        runner=runner,
        options=options,
    )
    observed = observe(data)
    observed = replace(observed, requests=serving or observed.requests)
    previous = observe(drift).statistics if drift else None
    return _compare(proto, observed, previous, against=against, limits=limits)


def _compare(
    proto: schema_pb2.Schema,
    observed: InputSummary,
    previous: DatasetFeatureStatistics | None,
    *,
    against: str,
    limits: DriftThresholds,
) -> Findings:
    """Find the anomalies of data; note where its rows are not comparable with files."""
    training = _statistics(against, _TRAIN) if _has_statistics(against) else None
    findings = find_anomalies(proto, observed, training=training, previous=previous, limits=limits)
    if findings.anomalies and observed.files and (_recipe_of(against) or {}).get("reshape"):
        findings = replace(findings, notes=(_RESHAPED.format(against), *findings.notes))
    return findings


def _observe(schema: Schema, paths: Sequence[str], *, split: str, **options: Any) -> InputSummary:
    """Read the statistics of a split, if there are any, or else examine files."""
    if len(paths) == 1 and _has_statistics(paths[0]):
        return InputSummary(_statistics(paths[0], split))
    return examine(schema, inputs=paths, **options)


def check_expect(expect: Expect) -> None:
    """Check the expectations of a run, before the run.

    Raises:
      DataError: The schema cannot be read.
      RecipeError: A threshold does not fit its column.
    """
    proto = read_schema(expect.schema)
    expect.limits(_TRAIN).check(Schema.from_proto(proto), proto)


def check_expectations(
    expect: Expect, statistics: Mapping[str, DatasetFeatureStatistics]
) -> dict[str, Findings]:
    """Compare the statistics of a run with its expectations.

    Args:
      expect: Expectations of the recipe.
      statistics: Statistics of the raw data, by split.

    Returns:
      The findings, by split; anomalies are logged with `on_anomalies: warn`.

    Raises:
      DataError: There are anomalies, with `on_anomalies: fail`.
    """
    proto = read_schema(expect.schema)
    training = _statistics(expect.schema, _TRAIN) if _has_statistics(expect.schema) else None
    previous = _previous(expect.previous)
    findings = {
        split: find_anomalies(
            proto,
            InputSummary(dataset),
            training=training,
            previous=previous if split == _TRAIN else None,
            limits=expect.limits(split),
        )
        for split, dataset in statistics.items()
        if dataset.num_examples or split == _TRAIN
    }
    lines = []
    for split, finding in findings.items():
        lines += [f"  {split}: {anomaly}" for anomaly in finding.anomalies]
        for note in finding.notes:
            _LOG.info("%s: %s", split, note)
    if not lines:
        return findings
    anomalies = "an anomaly" if len(lines) == 1 else f"{len(lines):,} anomalies"
    message = f"the data has {anomalies} against {expect.schema}:\n" + "\n".join(lines)
    if expect.on_anomalies == "warn":
        _LOG.warning("%s", message)
        return findings
    raise DataError(
        f"{message}\nNothing was published. Accept what is right with `recordmill schema update`, "
        "or set on_anomalies to warn."
    )


def read_schema(source: str) -> schema_pb2.Schema:
    """Read a schema from a file, or from a prepared dataset or profile, with all fields of TFDV.

    Raises:
      DataError: The file cannot be read, or is no schema of a table.
    """
    path = files.join(source, "schema", "schema.pbtxt") if _is_folder(source) else source
    if os.path.isdir(path):
        raise DataError(
            f"{path}: expected a schema.pbtxt, or the folder of a prepared dataset or a profile; "
            f"this one has neither {MANIFEST} nor {_PROFILE}"
        )
    text = files.read_bytes(path)
    proto = schema_pb2.Schema()
    try:
        text_format.Parse(text.decode(), proto)
        Schema.from_proto(proto)
    except (UnicodeDecodeError, text_format.ParseError, DataError, RecipeError) as error:
        raise DataError(f"{path}: expected the schema.pbtxt of a table: {error}") from error
    return proto


def csv_format_of(against: str) -> CsvFormat:
    """Return the CSV format of the inputs of a prepared dataset or profile; else the default.

    Raises:
      DataError: The manifest cannot be read.
    """
    recipe = _recipe_of(against)
    if recipe is None:
        return CsvFormat()
    names = {field.name for field in fields(CsvFormat)}
    try:
        return CsvFormat(**{key: value for key, value in recipe["csv"].items() if key in names})
    except (TypeError, KeyError, AttributeError) as error:
        raise DataError(f"{against}: its recipe cannot be read: {error}") from error


def _recipe_of(source: str) -> dict[str, Any] | None:
    """Read the recipe of a prepared dataset or profile; None of any other path."""
    for name in (MANIFEST, _PROFILE):
        path = files.join(source, name)
        if not files.exists(path):
            continue
        with files.read(path) as file:
            try:
                return dict(json.loads(file.read())["recipe"])
            except (ValueError, TypeError, KeyError) as error:
                raise DataError(f"{path}: cannot be read: {error}") from error
    return None


def _previous(folder: str) -> DatasetFeatureStatistics | None:
    if not folder:
        return None
    if not files.exists(files.join(folder, MANIFEST)):
        _LOG.warning("%s: there is no previous dataset to compare with", folder)
        return None
    return _statistics(folder, _TRAIN)


def _is_folder(path: str) -> bool:
    return any(files.exists(files.join(path, name)) for name in (MANIFEST, _PROFILE))


def _has_statistics(path: str) -> bool:
    return path.endswith(".pb") or _is_folder(path)


def _statistics_path(folder: str, split: str) -> str:
    names = files.list_files(files.join(folder, "stats"))
    raw = [name for name in names if not name.startswith("transformed-")]
    return files.join(folder, "stats", raw[0] if len(raw) == 1 else f"{split}.pb")


def _statistics(source: str, split: str) -> DatasetFeatureStatistics:
    """Read the statistics of a split, or of the only split, from a file or a folder."""
    path = _statistics_path(source, split) if _is_folder(source) else source
    stored = files.read_bytes(path)
    try:
        datasets = list(DatasetFeatureStatisticsList.FromString(stored).datasets)
    except DecodeError as error:
        raise DataError(f"{path}: expected statistics, got another kind of file") from error
    named = [dataset for dataset in datasets if dataset.name == split] or datasets
    if len(named) != 1:
        names = ", ".join(dataset.name for dataset in datasets)
        raise DataError(f'{path}: expected statistics of "{split}"; it has those of: {names}')
    return named[0]
