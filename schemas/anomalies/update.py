"""`update_schema`: a schema that takes chosen anomalies for what is right from now on.

All else that stands in the schema - comparators, constraints, other columns - stays as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches

from tensorflow_metadata.proto.v0 import schema_pb2
from tensorflow_metadata.proto.v0.statistics_pb2 import FeatureNameStatistics

from ..column import Column, ColumnType
from ..errors import RecipeError
from ..schema import Schema
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
"""What a type of anomaly is called where it is accepted; others cannot be."""

_ORDER = ("new", "missing", "type", "domain", "range", "presence")
_TYPES: dict[int, ColumnType] = {
    FeatureNameStatistics.INT: "int64",
    FeatureNameStatistics.FLOAT: "float32",
}


def update_schema(findings: Findings, chosen: Sequence[str]) -> tuple[schema_pb2.Schema, list[str]]:
    """The schema with the chosen anomalies accepted.

    Args:
      findings: Of data that is right.
      chosen: "COLUMN" for all that is found of a column, "COLUMN:KIND" for one kind of `KINDS`.

    Returns:
      A new schema, and what was changed, a line each.

    Raises:
      RecipeError: There is no such anomaly; or it cannot be accepted, such as that of a domain
        with more new values than are known.
    """
    pairs = _pairs(findings, chosen)
    schema = schema_pb2.Schema()
    schema.CopyFrom(findings.schema)
    told = []
    for name in dict.fromkeys(name for name, _ in pairs):
        wanted = {kind for other, kind in pairs if other == name}
        for kind in _ORDER:
            if kind in wanted:
                told.append(f'column "{name}": {_ACCEPT[kind](_Change(schema, name, findings))}')
    Schema.from_proto(schema)
    return schema, told


@dataclass(frozen=True)
class _Change:
    """One change of a column of a schema."""

    schema: schema_pb2.Schema
    name: str
    findings: Findings

    @property
    def feature(self) -> schema_pb2.Feature:
        return next(one for one in self.schema.feature if one.name == self.name)

    @property
    def column(self) -> Column:
        return Schema.from_proto(self.schema)[self.name]

    @property
    def statistics(self) -> FeatureNameStatistics:
        features = self.findings.observed.statistics.features
        return next(one for one in features if feature_name(one) == self.name)

    @property
    def bad(self) -> Mapping[str, BadValues]:
        return self.findings.observed.bad.get(self.name, {})

    def put(self, column: Column) -> None:
        """Write what the proto says of a column: its type, its domain, its annotation, its tensor.

        Presence and shape stay as they are.
        """
        fresh = Schema((column,)).to_proto()
        feature, made = self.feature, fresh.feature[0]
        feature.type = made.type
        for one in (feature, made):
            said = one.WhichOneof("domain_info")
            if said and one is feature:
                feature.ClearField(said)
            elif said:
                getattr(feature, said).CopyFrom(getattr(made, said))
        feature.annotation.ClearField("extra_metadata")
        feature.annotation.extra_metadata.extend(made.annotation.extra_metadata)
        self.put_tensor(fresh)

    def put_tensor(self, fresh: schema_pb2.Schema) -> None:
        """Take over the tensor of a column, where the schema says what tensors there are."""
        groups = self.schema.tensor_representation_group
        made = fresh.tensor_representation_group[""].tensor_representation
        if "" in groups and self.name in made:
            groups[""].tensor_representation[self.name].CopyFrom(made[self.name])


def _pairs(findings: Findings, chosen: Iterable[str]) -> list[tuple[str, str]]:
    """(column, kind) of what is chosen."""
    found: dict[str, list[str]] = {}
    for anomaly in findings.anomalies:
        if anomaly.column is not None:
            found.setdefault(anomaly.column, []).append(KINDS.get(anomaly.type, ""))
    pairs = []
    for one in chosen:
        name, _, kind = (one, "", "") if one in found else one.rpartition(":")
        if name not in found or (kind and kind not in found[name]):
            raise _no_such(one, found)
        kinds = [kind] if kind else list(dict.fromkeys(found[name]))
        if "" in kinds:
            raise RecipeError(
                f'column "{name}": not all that is wrong with it can be accepted; choose one with '
                f"{name}:KIND, of {', '.join(filter(None, kinds)) or 'nothing here'}"
            )
        pairs += [(name, kind) for kind in kinds]
    return pairs


def _no_such(one: str, found: Mapping[str, Sequence[str]]) -> RecipeError:
    choices = [
        f"{name}:{kind}" for name, kinds in found.items() for kind in dict.fromkeys(kinds) if kind
    ]
    near = get_close_matches(one, [*found, *choices], n=1)
    hint = f' Did you mean "{near[0]}"?' if near else ""
    there = f"There is {', '.join(choices)}." if choices else "The data has none to accept."
    return RecipeError(f'no anomaly "{one}" to accept.{hint} {there}')


def _new(change: _Change) -> str:
    column = Column(change.name, _TYPES.get(change.statistics.type, "string"))
    fresh = Schema((column,)).to_proto()
    change.schema.feature.insert(_place(change), fresh.feature[0])
    change.put_tensor(fresh)
    return f"added, {column.type}"


def _place(change: _Change) -> int:
    """Where a new column stands: behind those that stand before it in the data."""
    order, known = change.findings.observed.columns, change.schema.feature
    if change.name not in order:
        return len(known)
    before = set(order[: order.index(change.name)])
    return max((place + 1 for place, one in enumerate(known) if one.name in before), default=0)


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
            f"{len(listed):,} are known; take its domain out of the schema by hand"
        )
    more = tuple(value for value in listed if value not in column.domain)
    change.put(replace(column, domain=(*column.domain, *more)))
    return "domain extended by " + ", ".join(f'"{value}"' for value in more)


def _range(change: _Change) -> str:
    column, stats = change.column, change.statistics.num_stats
    whole: Callable[[float], float] = int if column.type == "int64" else float
    low, high = column.minimum, column.maximum
    wider = replace(
        column,
        minimum=None if low is None else min(low, whole(stats.min)),
        maximum=None if high is None else max(high, whole(stats.max)),
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
        # A fixed shape is for features that are always present.
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
