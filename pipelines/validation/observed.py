"""What was examined, as `InputSummary`; and that through two small files out of a pipeline."""

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
from .blocks import Bad, Examined, fold_of
from .files import is_json_lines

__all__ = ["observed_of", "read_observed", "write_observed"]

_UNNAMED = "(no name)"
_STATISTICS, _REST = "statistics.pb", "observed.json"


def observed_of(examined: Examined, schema: Schema) -> InputSummary:
    """What was found, without the columns that no file has.

    Args:
      examined: All that the files hold.
      schema: What was expected.
    """
    rows = examined.profile.rows
    paths = sorted(examined.files)
    has = {path: set(examined.files[path]) for path in paths}
    absent = {name: tuple(one for one in paths if name not in has[one]) for name in schema.names}
    requests = all(map(is_json_lines, paths))
    statistics = fold_of(schema).to_proto({"": examined.profile}).datasets[0]
    kept = [
        feature
        for feature in statistics.features
        if requests or len(absent[feature.path.step[0]]) < len(paths)
    ]
    for name, unknown in examined.extra.items():
        known = unknown.known(rows)
        kept.append(feature_proto(Column(name or _UNNAMED, known.type), known))
    return InputSummary(
        DatasetFeatureStatistics(num_examples=rows, features=kept),
        bad=examined.bad,
        records=examined.records,
        files=tuple(paths),
        absent={} if requests else {name: where for name, where in absent.items() if where},
        columns=tuple(name or _UNNAMED for path in paths[:1] for name in examined.files[path]),
        reordered=tuple(path for path in paths if _reordered(examined.files[path], schema, path)),
        requests=requests,
    )


def _reordered(names: Sequence[str], schema: Schema, path: str) -> bool:
    known = [name for name in names if name in schema.names]
    return not is_json_lines(path) and known != [name for name in schema.names if name in known]


def write_observed(observed: InputSummary, folder: str) -> None:
    """Leaves it in a folder, for `read_observed`."""
    files.write_bytes(
        files.join(folder, _STATISTICS),
        observed.statistics.SerializeToString(deterministic=True),
        durable=False,
    )
    rest = asdict(replace(observed, statistics=DatasetFeatureStatistics()))
    del rest["statistics"]
    files.write_bytes(files.join(folder, _REST), json.dumps(rest).encode(), durable=False)


def read_observed(folder: str) -> InputSummary:
    """What `write_observed` left in a folder."""
    statistics = DatasetFeatureStatistics.FromString(
        files.read_bytes(files.join(folder, _STATISTICS))
    )
    rest = json.loads(files.read_bytes(files.join(folder, _REST)))
    return InputSummary(
        statistics,
        bad={name: _bad_of(bad) for name, bad in rest["bad"].items()},
        records=_bad_of(rest["records"]),
        files=tuple(rest["files"]),
        absent={name: tuple(where) for name, where in rest["absent"].items()},
        columns=tuple(rest["columns"]),
        reordered=tuple(rest["reordered"]),
        requests=rest["requests"],
    )


def _bad_of(plain: Mapping[str, Any]) -> Bad:
    return {
        reason: BadValues(
            bad["count"], {text: (count, place) for text, (count, place) in bad["values"].items()}
        )
        for reason, bad in plain.items()
    }
