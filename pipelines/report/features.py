"""The statistics of features as the JSON that the report's page draws.

{"splits": ["train", "eval"],
 "warnings": {kind: [title, meaning]},
 "features": [{"name", "type", "doc", "unit", "role", "warnings": [[kind, detail], …],
               "missing", "unique", "association", "skew", "drift",    what it is sorted by
               "association_kind", "chance",
               "raw": [of each split], "transformed": [of each split] or null}]}
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
from .bars import common_bars, own_bars
from .measures import apart, common, custom, skewness
from .warnings import WARNINGS, warnings_of

__all__ = ["features_json", "summary_json"]

_TOP = 12
_TYPES = {0: "int64", 1: "float32", 2: "string", 3: "bytes", 4: "struct"}
"""`FeatureNameStatistics.Type`, in the words of a recipe."""


def features_json(
    raw: Mapping[str, Any],
    transformed: Mapping[str, Any],
    *,
    schema: Schema | ImageSchema | None,
    unseen: Mapping[str, Mapping[str, int | None]],
) -> dict[str, Any]:
    """All that the page needs to draw the features.

    Args:
      raw: By split, the `DatasetFeatureStatistics` of the columns.
      transformed: The same of what the graph makes of them; empty where it is not known.
      schema: What is known of the columns.
      unseen: By split, by column, how many values are not in train.

    Returns:
      What the module says, the raw features first and then those that have no raw column. A
      transformed feature of a column's name stands beside it.
    """
    splits = list(raw) or list(transformed)
    of_raw, of_made = _by_name(raw), _by_name(transformed)
    return {
        "splits": [visible(split) for split in splits],
        "warnings": {kind: list(astuple(warning)) for kind, warning in WARNINGS.items()},
        "features": [
            _feature(
                name,
                splits,
                of_raw.get(name, {}),
                of_made.get(name, {}),
                _column(schema, name),
                {split: found.get(name) for split, found in unseen.items()},
            )
            for name in dict.fromkeys([*of_raw, *of_made])
        ],
    }


def _by_name(datasets: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """By feature, by split: its statistics."""
    found: dict[str, dict[str, Any]] = {}
    for split, dataset in datasets.items():
        for feature in dataset.features:
            name = "/".join(feature.path.step) or feature.name
            found.setdefault(name, {})[split] = feature
    return found


def _column(schema: Schema | ImageSchema | None, name: str) -> Column | None:
    """What the schema says of a feature; the facts of an image have a prefix in the statistics."""
    prefix = "image/" if isinstance(schema, ImageSchema) else ""
    known = {column.name: column for column in schema or ()}
    return known.get(name) or known.get(name.removeprefix(prefix))


def _feature(
    name: str,
    splits: list[str],
    raw: Mapping[str, Any],
    made: Mapping[str, Any],
    column: Column | None,
    unseen: Mapping[str, int | None],
) -> dict[str, Any]:
    main = raw or made
    first = main[next(split for split in splits if split in main)]
    summaries = [summary_json(main[split]) for split in splits if split in main]
    distance = apart(main.values())
    is_label = column is not None and column.role == "label"
    told = custom(first)
    found = warnings_of(main, is_label=is_label, apart=distance, unseen=unseen)
    return {
        "name": visible(name),
        "type": column.type if column and raw else _TYPES.get(first.type, "?"),
        "doc": visible(column.doc) if column and raw else "",
        "unit": visible(column.unit) if column and raw else "",
        "role": column.role if column and raw else "" if raw else "transformed",
        "warnings": [(kind, visible(detail)) for kind, detail in found],
        "missing": max(_missing(summary) for summary in summaries),
        "unique": summaries[0].get("unique"),
        "association": None if is_label else _finite(told.get("label_association")),
        "association_kind": visible(str(told.get("label_association_kind", ""))),
        "skew": _finite(skewness(first)),
        "drift": distance and _finite(distance.value),
        "chance": distance and _finite(distance.chance),
        "raw": _side(raw, splits, unseen) if raw else None,
        "transformed": _side(made, splits, {}) if made else None,
    }


def _side(
    features: Mapping[str, Any], splits: list[str], unseen: Mapping[str, int | None]
) -> list[dict[str, Any] | None]:
    """What is shown of each split, with bars that they have in common."""
    found = {split: summary_json(feature) for split, feature in features.items()}
    for split, count in unseen.items():
        if split in found and count is not None:
            found[split]["unseen"] = count
    own = {split: bars for split in found if (bars := own_bars(features[split]))}
    if own:
        whole = all(features[split].type == features[split].INT for split in own)
        edges, counts = common_bars(list(own.values()), whole=whole)
        for split, of_split in zip(own, counts, strict=True):
            found[split]["edges"] = list(map(_short, edges))
            found[split]["counts"] = list(map(_short, of_split))
    return [found.get(split) for split in splits]


def _missing(summary: Mapping[str, Any]) -> float:
    rows = summary["count"] + summary["missing"]
    return summary["missing"] / rows if rows else 0.0


def summary_json(feature: Any) -> dict[str, Any]:
    """What the page shows of a feature in one split; what is not known is left out.

    Args:
      feature: A `FeatureNameStatistics`.
    """
    kind = feature.WhichOneof("stats") or "num_stats"
    counts = common(feature)
    pairs: dict[str, Any] = {
        "count": int(counts.num_non_missing),
        "missing": int(counts.num_missing),
        "values": int(counts.tot_num_values or counts.num_non_missing),
    }
    if counts.max_num_values > 1:
        pairs["each"] = [counts.min_num_values, counts.avg_num_values, counts.max_num_values]
    told = custom(feature)
    if pairs["values"] and kind == "num_stats":
        pairs |= _numbers(feature.num_stats, told)
    elif pairs["values"] and kind == "string_stats":
        pairs |= _strings(feature.string_stats, told)
    return {name: value for name, value in pairs.items() if value is not None}


def _numbers(stats: Any, told: Mapping[str, Any]) -> dict[str, Any]:
    equal_widths = next((one for one in stats.histograms if one.type == one.STANDARD), None)
    fine = told.get("quantiles") or next(
        (one for one in stats.histograms if one.type == one.QUANTILES), None
    )
    found = {
        "unique": told.get("unique"),
        "unique_error": told.get("unique_error") or None,
        "rank_error": told.get("rank_error") or None,
        "not_finite": equal_widths.num_nan if equal_widths and equal_widths.num_nan else None,
    }
    if not equal_widths or not equal_widths.buckets:
        return found
    return found | {
        "mean": _finite(stats.mean),
        "std": _finite(stats.std_dev),
        "zeros": stats.num_zeros,
        "min": _finite(stats.min),
        "median": _finite(stats.median),
        "max": _finite(stats.max),
        "quantiles": _bounds(fine) if fine and fine.buckets else None,
    }


def _bounds(histogram: Any) -> list[float | None]:
    first = histogram.buckets[0].low_value
    return [_short(one) for one in (first, *(bucket.high_value for bucket in histogram.buckets))]


def _strings(stats: Any, told: Mapping[str, Any]) -> dict[str, Any]:
    ranks = ((one.label, one.sample_count) for one in stats.rank_histogram.buckets)
    top: Iterator[tuple[str, float]] = (
        ranks
        if stats.rank_histogram.buckets
        else ((one.value, one.frequency) for one in stats.top_values)
    )
    lengths = [told.get("min_length"), _finite(stats.avg_length), told.get("max_length")]
    return {
        "unique": stats.unique,
        "unique_error": told.get("unique_error") or None,
        "top": [[visible(value), _short(count)] for value, count in islice(top, _TOP)],
        "top_error": told.get("top_values_error") or None,
        "lengths": lengths,
    }


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _short(value: float) -> float | None:
    """A number with as many digits as a drawing needs."""
    return float(f"{value:.8g}") if math.isfinite(value) else None
