"""`InputSummary` of examined files, and the two small files that carry it out of a pipeline."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from tensorflow_metadata.proto.v0.statistics_pb2 import DatasetFeatureStatistics

from ...schemas.anomalies.observed import BadValues, InputSummary
from ...schemas.column import Column
from ...schemas.schema import Schema
from ...schemas.statistics.proto import feature_proto
from ..runtime import filesystem as files
from .blocks import Bad, BlockSummary, fold_of
from .files import is_json_lines

__all__ = ["read_summary", "summarize", "write_summary"]

_UNNAMED = "(no name)"
_STATISTICS, _FIELDS = "statistics.pb", "observed.json"


def summarize(examined: BlockSummary, schema: Schema) -> InputSummary:
    """Convert the summary of all blocks; columns that no file has get no statistics.

    Args:
      examined: Summary of all blocks of all files.
      schema: Schema that the files were compared with.
    """
    rows = examined.profile.rows
    paths = sorted(examined.files)
    has = {path: set(examined.files[path]) for path in paths}
    absent = {name: tuple(path for path in paths if name not in has[path]) for name in schema.names}
    requests = all(map(is_json_lines, paths))
    statistics = fold_of(schema).to_proto({"": examined.profile}).datasets[0]
    features = [
        feature
        for feature in statistics.features
        if requests or len(absent[feature.path.step[0]]) < len(paths)
    ]
    for name, column in examined.extra.items():
        values = column.statistics(rows)
        features.append(feature_proto(Column(name or _UNNAMED, values.type), values))
    return InputSummary(
        DatasetFeatureStatistics(num_examples=rows, features=features),
        bad=examined.bad,
        records=examined.records,
        files=tuple(paths),
        absent={} if requests else {name: where for name, where in absent.items() if where},
        columns=tuple(name or _UNNAMED for path in paths[:1] for name in examined.files[path]),
        reordered=tuple(path for path in paths if _reordered(examined.files[path], schema, path)),
        requests=requests,
    )


def _reordered(names: Sequence[str], schema: Schema, path: str) -> bool:
    common = [name for name in names if name in schema.names]
    return not is_json_lines(path) and common != [name for name in schema.names if name in common]


def write_summary(summary: InputSummary, folder: str) -> None:
    """Write a summary into a folder, for `read_summary`."""
    files.write_bytes(
        files.join(folder, _STATISTICS),
        summary.statistics.SerializeToString(deterministic=True),
        durable=False,
    )
    fields = asdict(replace(summary, statistics=DatasetFeatureStatistics()))
    del fields["statistics"]
    files.write_bytes(files.join(folder, _FIELDS), json.dumps(fields).encode(), durable=False)


def read_summary(folder: str) -> InputSummary:
    """Read the summary that `write_summary` wrote into a folder."""
    statistics = DatasetFeatureStatistics.FromString(
        files.read_bytes(files.join(folder, _STATISTICS))
    )
    fields = json.loads(files.read_bytes(files.join(folder, _FIELDS)))
    return InputSummary(
        statistics,
        bad={name: _bad_of(bad) for name, bad in fields["bad"].items()},
        records=_bad_of(fields["records"]),
        files=tuple(fields["files"]),
        absent={name: tuple(where) for name, where in fields["absent"].items()},
        columns=tuple(fields["columns"]),
        reordered=tuple(fields["reordered"]),
        requests=fields["requests"],
    )


def _bad_of(plain: Mapping[str, Any]) -> Bad:
    return {
        reason: BadValues(
            bad["count"], {text: (count, line) for text, (count, line) in bad["values"].items()}
        )
        for reason, bad in plain.items()
    }
