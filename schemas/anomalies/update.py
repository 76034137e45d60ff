"""`update_schema`: changes a schema so that chosen anomalies are valid data.

Everything else in the schema - comparators, constraints, other columns - is unchanged.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from tensorflow_metadata.proto.v0 import schema_pb2
from tensorflow_metadata.proto.v0.statistics_pb2 import FeatureNameStatistics

from ..column import Column, ColumnType
from ..errors import RecipeError
from ..schema import Schema
from ..suggestions import nearest_name
from .columns import WRONG_TYPES, common_of, feature_name
from .find import Findings
from .observed import BadValues

__all__ = ["KINDS", "update_schema"]

KINDS: Mapping[str, str] = {
    "SCHEMA_NEW_COLUMN": "new",
    "SCHEMA_MISSING_COLUMN": "missing",
    "FEATURE_TYPE_NOT_PRESENT": "presence",
    "FEATURE_TYPE_LOW_NUMBER_PRESENT": "presence",
    "FEATURE_TYPE_LOW_FRACTION_PRESENT": "presence",
    "UNEXPECTED_DATA_TYPE": "type",
    "ENUM_TYPE_UNEXPECTED_STRING_VALUES": "domain",
    "INT_TYPE_SMALL_INT": "range",
    "INT_TYPE_BIG_INT": "range",
    "FLOAT_TYPE_SMALL_FLOAT": "range",
    "FLOAT_TYPE_BIG_FLOAT": "range",
}
"""Kinds of anomalies that can be accepted, by type."""

_ORDER = ("new", "missing", "type", "domain", "range", "presence")
_TYPES: dict[int, ColumnType] = {
    FeatureNameStatistics.INT: "int64",
    FeatureNameStatistics.FLOAT: "float32",
}


def update_schema(findings: Findings, chosen: Sequence[str]) -> tuple[schema_pb2.Schema, list[str]]:
    """Return the schema changed to accept the chosen anomalies.

    Args:
      findings: Findings of data that is valid.
      chosen: "COLUMN" for all anomalies of a column, "COLUMN:KIND" for one kind of `KINDS`.

    Returns:
      A new schema, and the changes, a line each.

    Raises:
      RecipeError: There is no such anomaly; or it cannot be accepted, such as that of a domain
        with more new values than the statistics list.
    """
    pairs = _pairs(findings, chosen)
    schema = schema_pb2.Schema()
    schema.CopyFrom(findings.schema)
    changes = []
    for name in dict.fromkeys(name for name, _ in pairs):
        wanted = {kind for other, kind in pairs if other == name}
        for kind in _ORDER:
            if kind in wanted:
                description = _ACCEPT[kind](_Change(schema, name, findings))
                changes.append(f'column "{name}": {description}')
    Schema.from_proto(schema)  # raises an error where the changes contradict each other
    return schema, changes


@dataclass(frozen=True)
class _Change:
    """Change of a column of a schema, which edits the schema in place."""

    schema: schema_pb2.Schema
    name: str
    findings: Findings

    @property
    def feature(self) -> schema_pb2.Feature:
        return next(feature for feature in self.schema.feature if feature.name == self.name)

    @property
    def column(self) -> Column:
        return Schema.from_proto(self.schema)[self.name]

    @property
    def statistics(self) -> FeatureNameStatistics:
        features = self.findings.observed.statistics.features
        return next(feature for feature in features if feature_name(feature) == self.name)

    @property
    def bad(self) -> Mapping[str, BadValues]:
        return self.findings.observed.bad.get(self.name, {})

    def put(self, column: Column) -> None:
        """Write the type, domain, annotation and tensor of a column into the schema.

        Presence and shape are unchanged.
        """
        source = Schema((column,)).to_proto()
        feature, replacement = self.feature, source.feature[0]
        feature.type = replacement.type
        if domain := feature.WhichOneof("domain_info"):
            feature.ClearField(domain)
        if domain := replacement.WhichOneof("domain_info"):
            getattr(feature, domain).CopyFrom(getattr(replacement, domain))
        feature.annotation.ClearField("extra_metadata")
        feature.annotation.extra_metadata.extend(replacement.annotation.extra_metadata)
        self.put_tensor(source)

    def put_tensor(self, source: schema_pb2.Schema) -> None:
        """Copy the tensor of the column, where the schema declares tensors."""
        groups = self.schema.tensor_representation_group
        tensors = source.tensor_representation_group[""].tensor_representation
        if "" in groups and self.name in tensors:
            groups[""].tensor_representation[self.name].CopyFrom(tensors[self.name])


def _pairs(findings: Findings, chosen: Iterable[str]) -> list[tuple[str, str]]:
    """Return (column, kind) of each chosen anomaly."""
    kinds_of: dict[str, list[str]] = {}
    for anomaly in findings.anomalies:
        if anomaly.column is not None:
            kinds_of.setdefault(anomaly.column, []).append(KINDS.get(anomaly.type, ""))
    pairs = []
    for choice in chosen:
        # A column may have a colon in its name.
        name, _, kind = (choice, "", "") if choice in kinds_of else choice.rpartition(":")
        if name not in kinds_of or (kind and kind not in kinds_of[name]):
            raise _unknown_choice(choice, kinds_of)
        kinds = [kind] if kind else list(dict.fromkeys(kinds_of[name]))
        if "" in kinds:
            acceptable = ", ".join(f"{name}:{kind}" for kind in kinds if kind)
            raise RecipeError(
                f'column "{name}": some of its anomalies cannot be accepted; '
                + (f"choose from {acceptable}" if acceptable else "change the schema by hand")
            )
        pairs += [(name, kind) for kind in kinds]
    return pairs


def _unknown_choice(choice: str, kinds_of: Mapping[str, Sequence[str]]) -> RecipeError:
    choices = [
        f"{name}:{kind}"
        for name, kinds in kinds_of.items()
        for kind in dict.fromkeys(kinds)
        if kind
    ]
    near = nearest_name(choice, [*kinds_of, *choices])
    hint = f' Did you mean "{near}"?' if near else ""
    listed = f"There is {', '.join(choices)}." if choices else "The data has none to accept."
    return RecipeError(f'no anomaly "{choice}" to accept.{hint} {listed}')


def _new(change: _Change) -> str:
    column = Column(change.name, _TYPES.get(change.statistics.type, "string"))
    source = Schema((column,)).to_proto()
    change.schema.feature.insert(_insertion_index(change), source.feature[0])
    change.put_tensor(source)
    return f"added, {column.type}"


def _insertion_index(change: _Change) -> int:
    """Return the index of a new column: after all columns that precede it in the data."""
    order, features = change.findings.observed.columns, change.schema.feature
    if change.name not in order:
        return len(features)
    before = set(order[: order.index(change.name)])
    return max((i + 1 for i, feature in enumerate(features) if feature.name in before), default=0)


def _missing(change: _Change) -> str:
    change.put(replace(change.column, role="unused", required=False))
    change.feature.lifecycle_stage = schema_pb2.DEPRECATED
    groups = change.schema.tensor_representation_group
    if "" in groups:
        groups[""].tensor_representation.pop(change.name, None)
    return "deprecated, so it may be missing"


def _type(change: _Change) -> str:
    column = change.column
    wrong = set(change.bad) & WRONG_TYPES
    wider: ColumnType = "float32" if wrong == {"fraction"} else "string"
    if not wrong:
        wider = _TYPES.get(change.statistics.type, "string")
    if wider == "string":
        change.put(replace(column, minimum=None, maximum=None, bad_value="reject", type=wider))
    else:
        change.put(replace(column, domain=(), spelling=(), type=wider))
    return f"type {column.type} changed to {wider}"


def _domain(change: _Change) -> str:
    column, stats = change.column, change.statistics.string_stats
    listed = [bucket.label for bucket in stats.rank_histogram.buckets]
    if stats.unique > len(listed):
        raise RecipeError(
            f'column "{change.name}": it has {stats.unique:,} different values, of which '
            f"{len(listed):,} are listed; remove its domain from the schema by hand"
        )
    more = tuple(value for value in listed if value not in column.domain)
    change.put(replace(column, domain=(*column.domain, *more)))
    return "domain extended by " + ", ".join(f'"{value}"' for value in more)


def _range(change: _Change) -> str:
    column, stats = change.column, change.statistics.num_stats
    convert: Callable[[float], float] = int if column.type == "int64" else float
    low, high = column.minimum, column.maximum
    wider = replace(
        column,
        minimum=None if low is None else min(low, convert(stats.min)),
        maximum=None if high is None else max(high, convert(stats.max)),
    )
    change.put(wider)
    return f"{column.expectation()} widened to {wider.expectation()}"


def _presence(change: _Change) -> str:
    rows = change.findings.observed.rows
    values = rows - int(common_of(change.statistics).num_missing)
    feature, share = change.feature, values / max(rows, 1)
    feature.presence.min_fraction = min(feature.presence.min_fraction, share)
    feature.presence.min_count = min(feature.presence.min_count, values)
    if feature.WhichOneof("shape_type") == "shape":
        # A fixed shape is for features that are always present: tfx_bsl refuses it elsewhere.
        feature.value_count.CopyFrom(schema_pb2.ValueCount(min=1, max=1))
    return f"may be missing in {1 - share:.2%} of the rows"


_ACCEPT: dict[str, Callable[[_Change], str]] = {
    "new": _new,
    "missing": _missing,
    "type": _type,
    "domain": _domain,
    "range": _range,
    "presence": _presence,
}
