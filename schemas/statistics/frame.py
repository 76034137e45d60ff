"""Statistics as a pandas DataFrame, for notebooks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd
    from tensorflow_metadata.proto.v0 import statistics_pb2

__all__ = ["COLUMNS", "to_frame"]

COLUMNS = {
    "split": "str",
    "feature": "str",
    "type": "str",
    "rows": "int64",
    "count": "int64",
    "missing": "int64",
    "unique": "Int64",
    "unique_error": "float64",
    "mean": "float64",
    "std": "float64",
    "min": "float64",
    "25%": "float64",
    "50%": "float64",
    "75%": "float64",
    "max": "float64",
    "rank_error": "float64",
    "zeros": "Int64",
    "not_finite": "Int64",
    "top": "str",
    "top_count": "Int64",
    "top_error": "Int64",
    "min_length": "Int64",
    "avg_length": "float64",
    "max_length": "Int64",
    "label_association": "float64",
    "label_association_kind": "str",
}
"""Columns of the frame, and their pandas dtypes; "str" means the dtype object."""

_QUARTILES = {"25%": 4, "75%": 14}
"""Index of the bucket, of 20, whose high value is the quartile."""


def to_frame(statistics: statistics_pb2.DatasetFeatureStatisticsList) -> pd.DataFrame:
    """Make a frame with one row a feature and split, in their order.

    Args:
      statistics: Statistics written by recordmill; of others, the quartiles and the errors are
        missing.

    Returns:
      A frame with the columns of `COLUMNS`. A number is missing where it does not apply to the
      type, or where the feature has no value. `count` is the number of values, `missing` that of
      rows without a value; `unique_error` is the relative standard error of `unique`, `rank_error`
      the bound of the error of a quartile's rank, as a share of the values, `top_error` the bound
      by which `top_count` is too low: all of them 0 where the number is exact. Lengths are in
      bytes.
    """
    import pandas as pd

    rows = [
        _row(dataset, feature) for dataset in statistics.datasets for feature in dataset.features
    ]
    return pd.DataFrame(
        {
            name: pd.Series(
                [row.get(name) for row in rows], dtype="object" if kind == "str" else kind
            )
            for name, kind in COLUMNS.items()
        }
    )


def _row(dataset: Any, feature: Any) -> dict[str, Any]:
    stats = getattr(feature, feature.WhichOneof("stats") or "num_stats")
    common = stats.common_stats
    row = {
        "split": dataset.name,
        "feature": feature.name or ".".join(feature.path.step),
        "type": feature.Type.Name(feature.type).lower(),
        "rows": dataset.num_examples,
        "count": common.tot_num_values or common.num_non_missing,
        "missing": common.num_missing,
    }
    if not row["count"]:
        return row
    custom = {stat.name: getattr(stat, stat.WhichOneof("val")) for stat in feature.custom_stats}
    row |= {name: value for name, value in custom.items() if name in COLUMNS}
    kind = feature.WhichOneof("stats")
    if kind == "num_stats":
        row |= dict(_numbers(stats, custom))
    elif kind == "string_stats":
        row |= dict(_strings(stats, custom))
    return row


def _numbers(stats: Any, custom: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    not_finite = max((histogram.num_nan for histogram in stats.histograms), default=0)
    yield "not_finite", not_finite
    if not_finite == (stats.common_stats.tot_num_values or stats.common_stats.num_non_missing):
        return
    yield from (("mean", stats.mean), ("std", stats.std_dev), ("zeros", stats.num_zeros))
    yield from (("min", stats.min), ("50%", stats.median), ("max", stats.max))
    if "quantiles" in custom:
        buckets = custom["quantiles"].buckets
        yield from ((name, buckets[index].high_value) for name, index in _QUARTILES.items())


def _strings(stats: Any, custom: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    yield from (("unique", stats.unique), ("avg_length", stats.avg_length))
    if stats.top_values:
        yield "top", stats.top_values[0].value
        yield "top_count", int(stats.top_values[0].frequency)
    if "top_values_error" in custom:
        yield "top_error", int(custom["top_values_error"])
