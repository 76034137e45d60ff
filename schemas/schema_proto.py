"""Lossless conversion of a `Schema` to the `tensorflow_metadata` proto and back.

Whatever the proto has a field for is in that field, where TFDV, TFT and TFX read it. The rest is
in the annotation of the feature, as a `Struct` under the key "recordmill". The default tensor
representations spell out `Schema.feature_spec()`; columns outside it are DISABLED.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from math import isfinite, prod
from typing import Any, cast

from google.protobuf import json_format, struct_pb2
from tensorflow_metadata.proto.v0 import schema_pb2

from .column import BLANKS, Column, ColumnType
from .errors import DataError, RecipeError

__all__ = ["from_proto", "to_proto"]

_KEY = "recordmill"
_PROTO_TYPE = {"int64": schema_pb2.INT, "float32": schema_pb2.FLOAT, "string": schema_pb2.BYTES}
_COLUMN_TYPE = {proto: name for name, proto in _PROTO_TYPE.items()}
_DOMAIN = {"int64": "int_domain", "float32": "float_domain", "string": "string_domain"}
_DEFAULT = {"int64": "int_value", "float32": "float_value", "string": "bytes_value"}
_LEFT_OUT = frozenset(
    {
        schema_pb2.DEPRECATED,
        schema_pb2.DISABLED,
        schema_pb2.PLANNED,
        schema_pb2.ALPHA,
        schema_pb2.DEBUG_ONLY,
        schema_pb2.VALIDATION_DERIVED,
    }
)
"""The lifecycle stages whose features TFT and TFDV ignore."""


def to_proto(columns: Iterable[Column], *, inputs: Sequence[Column]) -> schema_pb2.Schema:
    """Convert columns to a `tensorflow_metadata` schema.

    Args:
      columns: The columns of the schema, in order.
      inputs: The columns that are inputs of the transform graph.

    Returns:
      A proto with one feature a column, in order, and in the tensor representation group "" one
      dense tensor for each input.
    """
    proto = schema_pb2.Schema()
    names = {column.name for column in inputs}
    for column in columns:
        proto.feature.append(_feature(column, disabled=column.name not in names))
    tensors = proto.tensor_representation_group[""].tensor_representation
    for column in inputs:
        tensors[column.name].dense_tensor.CopyFrom(_dense_tensor(column))
    return proto


def from_proto(proto: schema_pb2.Schema) -> tuple[Column, ...]:
    """Read the columns from a proto made by `to_proto`, by TFDV's inference, or by hand.

    Without an annotation, a feature with one value ({1, 1} in `value_count`, or the shape [1]) or
    without a shape is a scalar; a feature present in every example is required; a feature whose
    lifecycle stage is out of use has the role "unused".

    Raises:
      DataError: A feature has a type or a shape that a column cannot have, or contradicts itself.
    """
    if proto.sparse_feature:
        raise DataError(
            f'expected dense features only, got the sparse feature "{proto.sparse_feature[0].name}"'
        )
    domains = {
        domain.name: domain
        for domain in (*proto.string_domain, *proto.int_domain, *proto.float_domain)
    }
    try:
        return tuple(_column(feature, domains) for feature in proto.feature)
    except RecipeError as error:
        raise DataError(str(error)) from error


def _feature(column: Column, *, disabled: bool) -> schema_pb2.Feature:
    feature = schema_pb2.Feature(name=column.name, type=_PROTO_TYPE[column.type])
    if column.required:
        feature.presence.CopyFrom(schema_pb2.FeaturePresence(min_fraction=1.0, min_count=1))
        feature.shape.CopyFrom(_fixed_shape(column))
    else:
        # A fixed shape is for features that are always present: tfx_bsl refuses it elsewhere.
        values = prod(column.shape)
        feature.value_count.CopyFrom(schema_pb2.ValueCount(min=values, max=values))
    if disabled:
        feature.lifecycle_stage = schema_pb2.DISABLED
    if column.domain:
        feature.string_domain.name = column.name
        feature.string_domain.value.extend(column.domain)
    for name, bound in _bounds(column):
        setattr(getattr(feature, _DOMAIN[column.type]), name, bound)
    if column.doc:
        feature.annotation.comment.append(column.doc)
    if rest := _rest(column, feature):
        struct = struct_pb2.Struct()
        struct.update({_KEY: rest})
        feature.annotation.extra_metadata.add().Pack(struct)
    return feature


def _bounds(column: Column) -> Iterator[tuple[str, float]]:
    """Yield ("min", bound) and ("max", bound) for the bounds that the column has."""
    convert = int if column.type == "int64" else float
    for name, bound in (("min", column.minimum), ("max", column.maximum)):
        if bound is not None:
            yield name, convert(bound)


def _rest(column: Column, feature: schema_pb2.Feature) -> dict[str, Any]:
    """Return the fields of the column that `feature` does not hold, except defaults."""
    rest: dict[str, Any] = {}
    for name in ("unit", "role", "bad_value"):
        if getattr(column, name) != Column.__dataclass_fields__[name].default:
            rest[name] = getattr(column, name)
    if column.missing:
        rest["missing"] = list(column.missing)
    if column.spelling:
        rest["spelling"] = [list(pair) for pair in column.spelling]
    if _shape(feature) != column.shape:
        rest["shape"] = list(column.shape)
    for name, bound in _bounds(column):
        if getattr(getattr(feature, _DOMAIN[column.type]), name) != bound:
            rest[name] = bound
    return rest


def _fixed_shape(column: Column) -> schema_pb2.FixedShape:
    return schema_pb2.FixedShape(dim=[{"size": size} for size in column.shape])


def _dense_tensor(column: Column) -> schema_pb2.TensorRepresentation.DenseTensor:
    missing = column.missing_value
    value = missing.encode() if isinstance(missing, str) else missing
    return schema_pb2.TensorRepresentation.DenseTensor(
        column_name=column.name,
        shape=_fixed_shape(column),
        default_value={_DEFAULT[column.type]: value},
    )


def _column(feature: schema_pb2.Feature, domains: Mapping[str, Any]) -> Column:
    kind = _COLUMN_TYPE.get(feature.type)
    if kind is None:
        raise RecipeError(
            f'column "{feature.name}": expected a type of INT, FLOAT or BYTES, '
            f"got {schema_pb2.FeatureType.Name(feature.type)}"
        )
    unused = feature.deprecated or feature.lifecycle_stage in _LEFT_OUT
    fields = {
        "shape": _shape(feature),
        "role": "unused" if unused else "feature",
        **_domain(feature, kind, domains),
    }
    fields.update(_annotation_fields(feature, fields))
    return Column(
        name=feature.name,
        type=cast(ColumnType, kind),
        doc="\n".join(feature.annotation.comment),
        required=feature.presence.min_fraction >= 1.0,
        **fields,
    )


def _shape(feature: schema_pb2.Feature) -> tuple[int, ...]:
    """Return the shape by the proto without its annotation; () for one value."""
    field = feature.WhichOneof("shape_type")
    shape: tuple[int, ...] = ()
    if field == "shape":
        shape = tuple(dim.size for dim in feature.shape.dim)
    elif field == "value_count" and feature.value_count.min == feature.value_count.max:
        shape = (feature.value_count.min,)
    elif field:
        shape = (0,)
    if any(size < 1 for size in shape):
        got = " ".join(str(getattr(feature, field)).split())
        raise RecipeError(
            f'column "{feature.name}": expected a fixed number of values, got {field} {{ {got} }}'
        )
    return () if shape == (1,) else shape


def _domain(feature: schema_pb2.Feature, kind: str, domains: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a column that follow from its domain, inline or by name."""
    field = feature.WhichOneof("domain_info")
    domain = getattr(feature, field) if field else None
    if field == "domain":
        domain = domains.get(feature.domain)
        if domain is None:
            raise RecipeError(
                f'column "{feature.name}": no domain "{feature.domain}" in the schema'
            )
    if kind == "string":
        return {"domain": _classes(domain)}
    if isinstance(domain, schema_pb2.BoolDomain):
        return {"minimum": 0, "maximum": 1}
    if isinstance(domain, (schema_pb2.IntDomain, schema_pb2.FloatDomain)):
        return {"minimum": _bound(domain, "min"), "maximum": _bound(domain, "max")}
    return {}


def _classes(domain: Any) -> tuple[str, ...]:
    """Return the good values of a string, stripped: TFDV keeps the blanks of the file."""
    values: list[str] = []
    if isinstance(domain, schema_pb2.StringDomain):
        values = list(domain.value)
    elif isinstance(domain, schema_pb2.BoolDomain):
        values = [domain.false_value, domain.true_value]
    return tuple(filter(None, dict.fromkeys(value.strip(BLANKS) for value in values)))


def _bound(domain: Any, name: str) -> float | None:
    """Return a bound of a number domain; None where it is not set or is infinite."""
    if not domain.HasField(name) or not isfinite(getattr(domain, name)):
        return None
    bound: float = getattr(domain, name)
    return bound


def _annotation_fields(feature: schema_pb2.Feature, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a column from the annotation, which override `fields`."""
    rest = _annotation(feature)
    try:
        annotated = {name: read(rest[name]) for name, read in _READ.items() if name in rest}
        for name, field in (("min", "minimum"), ("max", "maximum")):
            # The exact bound, unless someone has since edited the rounded one beside it.
            if name in rest and _float32(rest[name]) == fields.get(field):
                annotated[field] = rest[name]
    except (TypeError, ValueError) as error:
        raise RecipeError(f'column "{feature.name}": bad {_KEY} annotation: {error}') from error
    return annotated


_READ: dict[str, Callable[[Any], Any]] = {
    "unit": str,
    "role": str,
    "bad_value": str,
    "missing": lambda tokens: tuple(str(token) for token in tokens),
    "spelling": lambda pairs: tuple((str(written), str(meant)) for written, meant in pairs),
    "shape": lambda sizes: tuple(int(size) for size in sizes),
}


def _float32(value: float) -> float:
    """Round a number to float32, as a `FloatDomain` does."""
    rounded: float = schema_pb2.FloatDomain(min=value).min
    return rounded


def _annotation(feature: schema_pb2.Feature) -> dict[str, Any]:
    """Return the annotation that `_rest` made; {} for a feature of another origin."""
    for message in feature.annotation.extra_metadata:
        struct = struct_pb2.Struct()
        if message.Is(struct.DESCRIPTOR) and message.Unpack(struct):
            rest = json_format.MessageToDict(struct).get(_KEY)
            if isinstance(rest, dict):
                return rest
    return {}
