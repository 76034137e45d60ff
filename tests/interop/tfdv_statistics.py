"""recordmill's statistics, schema and anomalies beside those of TensorFlow Data Validation 1.16.

TFDV needs an environment of its own: it wants TensorFlow 2.16, Arrow 10, and a Beam with dill.

    uv venv --python 3.11 tfdv
    uv pip install --python tfdv/bin/python tensorflow-data-validation==1.16.1 apache-beam==2.60.0
    python tests/interop/prepare_census.py FOLDER     # with recordmill's Python
    tfdv/bin/python tests/interop/tfdv_statistics.py FOLDER

The rows are read here with pandas, by nothing of recordmill's. Compared are, of each split, feature
by feature: counts, missing, mean, deviation, extremes, zeros, unique, lengths, top values and ranks
exactly; medians, quantiles and histograms, with the rows themselves, within what either side says
its ranks can be wrong by. Then: what schema TFDV infers from our statistics and from its own; that
it finds nothing in them against our schema; that it and we find the same faults, of the same types,
in the same columns of planted.csv; that it measures the same distances.

Exit status: 0 all agrees; 1 something does not, and what.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import tensorflow_data_validation as tfdv
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import anomalies_pb2, schema_pb2, statistics_pb2

_TFDV_RANK_ERROR = 0.01
_MISSING = "?"

# What TFDV says as well of a column that has another type, or of a required one that lacks values.
_FOLLOWING = ("INT_TYPE_NOT_INT_STRING", "INVALID_FEATURE_SHAPE")

Statistics = statistics_pb2.DatasetFeatureStatistics
Feature = statistics_pb2.FeatureNameStatistics


class Checks:
    """What was compared, and what did not agree."""

    def __init__(self) -> None:
        self.made = 0
        self.failed: list[str] = []

    def same(self, what: str, ours: Any, theirs: Any) -> None:
        self.made += 1
        if ours != theirs:
            self.failed.append(f"{what}: ours {ours!r}, TFDV's {theirs!r}")

    def near(self, what: str, ours: float, theirs: float, tolerance: float = 1e-9) -> None:
        self.made += 1
        if not math.isclose(ours, theirs, rel_tol=tolerance, abs_tol=tolerance):
            self.failed.append(f"{what}: ours {ours!r}, TFDV's {theirs!r}")

    def within(self, what: str, ours: float, low: float, high: float) -> None:
        self.made += 1
        if not low <= ours <= high:
            self.failed.append(f"{what}: {ours!r} is not in [{low!r}, {high!r}]")


def main(folder: Path) -> int:
    """Compare all there is; print what does not agree."""
    checks = Checks()
    schema = _read(folder / "census/schema/schema.pbtxt", schema_pb2.Schema())
    for split in ("train", "eval"):
        frame = _rows(folder / f"{split}.csv", schema, header=None)
        ours = _statistics(folder / f"census/stats/{split}.pb")
        theirs = _generate(frame)
        checks.same(f"{split}: rows", ours.num_examples, theirs.num_examples)
        _compare_features(checks, split, frame, ours, theirs)
        _compare_schemas(checks, split, ours, theirs)
        for whose, statistics in (("ours", ours), ("TFDV's", theirs)):
            found = tfdv.validate_statistics(_listed(statistics), schema)
            checks.same(f"{split}: anomalies in {whose}", {}, _found(found))
    _compare_planted(checks, folder, schema)
    _compare_distances(checks, folder)
    for failure in checks.failed:
        print(failure)
    print(f"{checks.made:,} checks against TFDV {tfdv.__version__}: {len(checks.failed):,} failed")
    return 1 if checks.failed else 0


def _compare_features(
    checks: Checks, split: str, frame: pd.DataFrame, ours: Statistics, theirs: Statistics
) -> None:
    mine, its = ({one.path.step[0]: one for one in side.features} for side in (ours, theirs))
    checks.same(f"{split}: columns", sorted(mine), sorted(its))
    for name, feature in mine.items():
        where = f"{split}: {name}"
        checks.same(f"{where}: type", feature.type, its[name].type)
        kind = feature.WhichOneof("stats")
        checks.same(f"{where}: kind", kind, its[name].WhichOneof("stats"))
        _compare_common(
            checks, where, *(getattr(one, kind).common_stats for one in (feature, its[name]))
        )
        compare: Callable[..., None] = _compare_numbers if kind == "num_stats" else _compare_strings
        compare(checks, where, frame[name].dropna(), feature, its[name])


def _compare_common(checks: Checks, where: str, ours: Any, theirs: Any) -> None:
    for field in (
        *("num_non_missing", "num_missing", "min_num_values", "max_num_values"),
        *("avg_num_values", "tot_num_values"),
    ):
        checks.same(f"{where}: {field}", getattr(ours, field), getattr(theirs, field))


def _compare_numbers(
    checks: Checks, where: str, values: pd.Series, ours: Feature, theirs: Feature
) -> None:
    mine, its = ours.num_stats, theirs.num_stats
    for field in ("min", "max", "num_zeros"):
        checks.same(f"{where}: {field}", getattr(mine, field), getattr(its, field))
    for field in ("mean", "std_dev"):
        checks.near(f"{where}: {field}", getattr(mine, field), getattr(its, field))
    numbers = np.sort(values.to_numpy(np.float64))
    rank_error = next(one.num for one in ours.custom_stats if one.name == "rank_error")
    if not rank_error:
        checks.same(f"{where}: median (pandas)", mine.median, float(np.median(numbers)))
    for side, stats, error in (("ours", mine, rank_error), ("TFDV's", its, _TFDV_RANK_ERROR)):
        for histogram in stats.histograms:
            shares = _ranks(histogram, len(numbers))
            for share, bound in shares:
                low, high = (
                    np.searchsorted(numbers, bound, "left"),
                    np.searchsorted(numbers, bound, "right"),
                )
                slack = error + 1 / len(numbers)
                place = f"{where}: rank of {bound!r} in the rows, {side}"
                checks.within(place, share, low / len(numbers) - slack, high / len(numbers) + slack)


def _ranks(histogram: Any, count: int) -> Iterable[tuple[float, float]]:
    """(share of the rows up to a bound, the bound), for each bound of a histogram."""
    below = 0.0
    for bucket in histogram.buckets:
        below += bucket.sample_count
        yield below / count, bucket.high_value


def _compare_strings(
    checks: Checks, where: str, values: pd.Series, ours: Feature, theirs: Feature
) -> None:
    mine, its = ours.string_stats, theirs.string_stats
    checks.same(f"{where}: unique", mine.unique, its.unique)
    checks.near(f"{where}: avg_length", mine.avg_length, its.avg_length, 1e-6)
    counts = values.value_counts().to_dict()
    for field, label, count in (
        ("top_values", "value", "frequency"),
        ("rank_histogram", "label", "sample_count"),
    ):
        pairs = [
            [
                (getattr(one, label), getattr(one, count))
                for one in getattr(getattr(side, field), "buckets", getattr(side, field))
            ]
            for side in (mine, its)
        ]
        checks.same(f"{where}: {field}", *pairs)
        checks.same(
            f"{where}: {field} (pandas)", dict(pairs[0]), {v: counts.get(v) for v, _ in pairs[0]}
        )


def _compare_schemas(checks: Checks, split: str, ours: Statistics, theirs: Statistics) -> None:
    """What TFDV infers from either side."""
    mine, its = (
        {
            one.name: text_format.MessageToString(one)
            for one in tfdv.infer_schema(_listed(side)).feature
        }
        for side in (ours, theirs)
    )
    for name in sorted({*mine, *its}):
        checks.same(f"{split}: {name}: inferred schema", mine.get(name), its.get(name))


def _compare_planted(checks: Checks, folder: Path, schema: schema_pb2.Schema) -> None:
    """The faults that TFDV finds by its own statistics, by ours, and that we find."""
    frame = _rows(folder / "planted.csv", schema, header=0)
    own = _found(tfdv.validate_statistics(_listed(_generate(frame)), schema))
    mine = _found(_read(folder / "planted.anomalies.pbtxt", anomalies_pb2.Anomalies()))
    checks.same("planted.csv: anomalies", mine, own)
    checks.within("planted.csv: columns with anomalies", len(mine), 7, 7)
    # Our statistics are of the values that are of their type, so the types stay as declared.
    by_ours = _found(tfdv.validate_statistics(_listed(_statistics(folder / "planted.pb")), schema))
    typed = {name: kinds for name, kinds in mine.items() if "UNEXPECTED_DATA_TYPE" not in kinds}
    checks.same("planted.csv: anomalies TFDV finds by our statistics", by_ours, typed)


def _compare_distances(checks: Checks, folder: Path) -> None:
    """The distances that TFDV measures between our statistics, and those that we measured."""
    schema = _read(folder / "comparators.pbtxt", schema_pb2.Schema())
    train, evaluated = (_statistics(folder / f"census/stats/{one}.pb") for one in ("train", "eval"))
    theirs = tfdv.validate_statistics(
        _listed(evaluated),
        schema,
        serving_statistics=_listed(train),
        previous_statistics=_listed(evaluated),
    )
    ours = _read(folder / "skew.anomalies.pbtxt", anomalies_pb2.Anomalies())
    mine, its = map(_measured, (ours, theirs))
    checks.same("distances: of", sorted(mine), sorted(its))
    for key in sorted(mine.keys() & its.keys()):
        checks.near(f"distance: {key}", mine[key], its[key])
    # The thresholds are 0; we leave out what such samples differ by chance.
    found = _found(theirs)
    for name, kinds in _found(ours).items():
        checks.same(f"distance: {name}: anomaly", kinds, found.get(name))


def _measured(anomalies: anomalies_pb2.Anomalies) -> dict[tuple[str, str, int], float]:
    return {
        (one.path.step[0], kind, measurement.type): measurement.value
        for one in anomalies.drift_skew_info
        for kind in ("skew", "drift")
        for measurement in getattr(one, f"{kind}_measurements")
    }


def _found(anomalies: anomalies_pb2.Anomalies) -> dict[str, list[str]]:
    """The types of the anomalies, by the name of the column."""
    return {
        name: [kind for kind in sorted(map(_type, info.reason)) if kind not in _FOLLOWING]
        for name, info in sorted(anomalies.anomaly_info.items())
    }


def _type(reason: Any) -> str:
    return str(anomalies_pb2.AnomalyInfo.Type.Name(reason.type))


def _rows(path: Path, schema: schema_pb2.Schema, *, header: int | None) -> pd.DataFrame:
    """The rows of a file, as the census means them; a column that is no numbers stays text."""
    names = [one.name for one in schema.feature]
    frame = pd.read_csv(
        path,
        header=header,
        names=None if header == 0 else names,
        comment="|",
        skipinitialspace=True,
        na_values=_MISSING,
        keep_default_na=False,
    )
    frame["income"] = frame["income"].str.rstrip(".")
    return frame


def _generate(frame: pd.DataFrame) -> Statistics:
    """TFDV's statistics of the rows."""
    return tfdv.generate_statistics_from_dataframe(frame).datasets[0]


def _statistics(path: Path) -> Statistics:
    return statistics_pb2.DatasetFeatureStatisticsList.FromString(path.read_bytes()).datasets[0]


def _listed(statistics: Statistics) -> statistics_pb2.DatasetFeatureStatisticsList:
    return statistics_pb2.DatasetFeatureStatisticsList(datasets=[statistics])


def _read(path: Path, message: Any) -> Any:
    return text_format.Parse(path.read_text(), message)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
