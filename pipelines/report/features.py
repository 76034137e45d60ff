"""Statistics of features as JSON, which the scripts of the page draw.

{"splits": ["train", "eval"],
 "warnings": {kind: [title, meaning]},
 "features": [{"name", "type", "doc", "unit", "role", "warnings": [[kind, detail], …],
               "missing", "unique", "association", "skew", "drift",    sort keys
               "association_kind", "chance",
               "raw": [summary of each split], "transformed": [the same] or null}]}
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import astuple
from itertools import islice
from typing import Any

from ...schemas.column import Column
from ...schemas.images import ImageSchema
from ...schemas.schema import Schema
from ..runtime.visible import visible
from .bars import common_bars, split_bars
from .measures import common_stats, custom_stats, skewness, split_distance
from .warnings import WARNINGS, warnings_of

__all__ = ["features_json", "summary_json"]

_MAX_TOP_VALUES = 12
_TYPES = {0: "int64", 1: "float32", 2: "string", 3: "bytes", 4: "struct"}
"""Names of types in a recipe, by `FeatureNameStatistics.Type`."""


def features_json(
    raw: Mapping[str, Any],
    transformed: Mapping[str, Any],
    *,
    schema: Schema | ImageSchema | None,
    unseen: Mapping[str, Mapping[str, int | None]],
) -> dict[str, Any]:
    """Return the JSON value from which the page draws the features.

    Args:
      raw: `DatasetFeatureStatistics` of the columns, by split.
      transformed: The same of the transformed features; empty for a profile.
      schema: Schema of the columns, or None.
      unseen: Number of values that are not in train, by split and column.

    Returns:
      The value that the docstring of this module describes: first the columns, then the features
      without a column. A transformed feature with the name of a column belongs to its entry.
    """
    splits = list(raw) or list(transformed)
    raw_by_name, transformed_by_name = _by_name(raw), _by_name(transformed)
    return {
        "splits": [visible(split) for split in splits],
        "warnings": {kind: list(astuple(warning)) for kind, warning in WARNINGS.items()},
        "features": [
            _feature(
                name,
                splits,
                raw_by_name.get(name, {}),
                transformed_by_name.get(name, {}),
                _column(schema, name),
                {split: counts.get(name) for split, counts in unseen.items()},
            )
            for name in dict.fromkeys([*raw_by_name, *transformed_by_name])
        ],
    }


def _by_name(datasets: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the statistics by feature and split."""
    statistics: dict[str, dict[str, Any]] = {}
    for split, dataset in datasets.items():
        for feature in dataset.features:
            name = "/".join(feature.path.step) or feature.name
            statistics.setdefault(name, {})[split] = feature
    return statistics


def _column(schema: Schema | ImageSchema | None, name: str) -> Column | None:
    """Return the column of a feature, or None; statistics of images have the prefix "image/"."""
    prefix = "image/" if isinstance(schema, ImageSchema) else ""
    columns = {column.name: column for column in schema or ()}
    return columns.get(name) or columns.get(name.removeprefix(prefix))


def _feature(
    name: str,
    splits: list[str],
    raw: Mapping[str, Any],
    transformed: Mapping[str, Any],
    column: Column | None,
    unseen: Mapping[str, int | None],
) -> dict[str, Any]:
    main = raw or transformed
    first = main[next(split for split in splits if split in main)]
    summaries = [summary_json(main[split]) for split in splits if split in main]
    distance = split_distance(main.values())
    is_label = column is not None and column.role == "label"
    custom = custom_stats(first)
    warnings = warnings_of(main, is_label=is_label, distance=distance, unseen=unseen)
    return {
        "name": visible(name),
        "type": column.type if column and raw else _TYPES.get(first.type, "?"),
        "doc": visible(column.doc) if column and raw else "",
        "unit": visible(column.unit) if column and raw else "",
        "role": column.role if column and raw else "" if raw else "transformed",
        "warnings": [(kind, visible(detail)) for kind, detail in warnings],
        "missing": max(_missing(summary) for summary in summaries),
        "unique": summaries[0].get("unique"),
        "association": None if is_label else _finite(custom.get("label_association")),
        "association_kind": visible(str(custom.get("label_association_kind", ""))),
        "skew": _finite(skewness(first)),
        "drift": distance and _finite(distance.value),
        "chance": distance and _finite(distance.chance),
        "raw": _side(raw, splits, unseen) if raw else None,
        "transformed": _side(transformed, splits, {}) if transformed else None,
    }


def _side(
    features: Mapping[str, Any], splits: list[str], unseen: Mapping[str, int | None]
) -> list[dict[str, Any] | None]:
    """Return the summary of each split, with the bars that the splits share."""
    summaries = {split: summary_json(feature) for split, feature in features.items()}
    for split, count in unseen.items():
        if split in summaries and count is not None:
            summaries[split]["unseen"] = count
    bars = {split: pair for split in summaries if (pair := split_bars(features[split]))}
    if bars:
        are_integers = all(features[split].type == features[split].INT for split in bars)
        edges, counts = common_bars(list(bars.values()), are_integers=are_integers)
        for split, split_counts in zip(bars, counts, strict=True):
            summaries[split]["edges"] = list(map(_short, edges))
            summaries[split]["counts"] = list(map(_short, split_counts))
    return [summaries.get(split) for split in splits]


def _missing(summary: Mapping[str, Any]) -> float:
    rows = summary["count"] + summary["missing"]
    return summary["missing"] / rows if rows else 0.0


def summary_json(feature: Any) -> dict[str, Any]:
    """Return the numbers that the page shows for a feature in one split, without unknown ones.

    Args:
      feature: A `FeatureNameStatistics`.
    """
    kind = feature.WhichOneof("stats") or "num_stats"
    counts = common_stats(feature)
    pairs: dict[str, Any] = {
        "count": int(counts.num_non_missing),
        "missing": int(counts.num_missing),
        "values": int(counts.tot_num_values or counts.num_non_missing),
    }
    if counts.max_num_values > 1:
        pairs["each"] = [counts.min_num_values, counts.avg_num_values, counts.max_num_values]
    custom = custom_stats(feature)
    if pairs["values"] and kind == "num_stats":
        pairs |= _numbers(feature.num_stats, custom)
    elif pairs["values"] and kind == "string_stats":
        pairs |= _strings(feature.string_stats, custom)
    return {name: value for name, value in pairs.items() if value is not None}


def _numbers(stats: Any, custom: Mapping[str, Any]) -> dict[str, Any]:
    standard = next((item for item in stats.histograms if item.type == item.STANDARD), None)
    quantiles = custom.get("quantiles") or next(
        (item for item in stats.histograms if item.type == item.QUANTILES), None
    )
    counts = {
        "unique": custom.get("unique"),
        "unique_error": custom.get("unique_error") or None,
        "rank_error": custom.get("rank_error") or None,
        "not_finite": standard.num_nan if standard and standard.num_nan else None,
    }
    if not standard or not standard.buckets:
        return counts
    return counts | {
        "mean": _finite(stats.mean),
        "std": _finite(stats.std_dev),
        "zeros": stats.num_zeros,
        "min": _finite(stats.min),
        "median": _finite(stats.median),
        "max": _finite(stats.max),
        "quantiles": _bounds(quantiles) if quantiles and quantiles.buckets else None,
    }


def _bounds(histogram: Any) -> list[float | None]:
    first = histogram.buckets[0].low_value
    return list(map(_short, (first, *(bucket.high_value for bucket in histogram.buckets))))


def _strings(stats: Any, custom: Mapping[str, Any]) -> dict[str, Any]:
    ranks = ((bucket.label, bucket.sample_count) for bucket in stats.rank_histogram.buckets)
    top: Iterator[tuple[str, float]] = (
        ranks
        if stats.rank_histogram.buckets
        else ((entry.value, entry.frequency) for entry in stats.top_values)
    )
    lengths = [custom.get("min_length"), _finite(stats.avg_length), custom.get("max_length")]
    return {
        "unique": stats.unique,
        "unique_error": custom.get("unique_error") or None,
        "top": [[visible(value), _short(count)] for value, count in islice(top, _MAX_TOP_VALUES)],
        "top_error": custom.get("top_values_error") or None,
        "lengths": lengths,
    }


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _short(value: float) -> float | None:
    """Round a number to eight digits, which are enough to draw it; None if it is not finite."""
    return float(f"{value:.8g}") if math.isfinite(value) else None
