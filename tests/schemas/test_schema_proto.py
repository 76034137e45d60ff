from __future__ import annotations

import math
import string
from typing import Any

import pytest
from google.protobuf import json_format, struct_pb2, text_format
from hypothesis import given, settings
from hypothesis import strategies as st
from tensorflow_metadata.proto.v0 import schema_pb2

from recordmill.schemas.census import CENSUS
from recordmill.schemas.column import Column
from recordmill.schemas.errors import DataError
from recordmill.schemas.schema import Schema

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
WORDS = st.lists(st.text(string.ascii_letters + "é?<=. ", min_size=1).map(str.strip), unique=True)


def _bounds(kind: str) -> st.SearchStrategy[tuple[Any, Any]]:
    number: st.SearchStrategy[Any] = (
        st.integers(-(2**63) + 1, 2**63 - 1)
        if kind == "int64"
        else st.floats(-3e38, 3e38, allow_subnormal=False)
    )
    both = st.tuples(number, number).map(lambda pair: (min(pair), max(pair)))
    return both | st.tuples(number, st.none()) | st.tuples(st.none(), number)


@st.composite
def columns(draw: st.DrawFn, name: str) -> Column:
    kind = draw(st.sampled_from(["int64", "float32", "string"]))
    fields: dict[str, Any] = {
        "doc": draw(TEXT),
        "unit": draw(TEXT),
        "shape": tuple(draw(st.lists(st.integers(1, 5), max_size=2))),
        "required": draw(st.booleans()),
        "role": draw(st.sampled_from(["feature", "weight", "unused"])),
    }
    words = [word for word in draw(WORDS) if word]
    cut = draw(st.integers(0, len(words)))
    fields["missing"] = tuple(words[:cut])
    policies = ["reject"] if fields["required"] else ["reject", "missing"]
    if kind == "string":
        fields["domain"] = tuple(words[cut:])
        fields["spelling"] = tuple((f"{word}!", word) for word in words[cut:])
    elif draw(st.booleans()):
        fields["minimum"], fields["maximum"] = draw(_bounds(kind))
        policies.append("clip")
    return Column(name, kind, bad_value=draw(st.sampled_from(policies)), **fields)


@st.composite
def schemas(draw: st.DrawFn) -> Schema:
    names = draw(st.lists(TEXT.filter(bool), min_size=1, max_size=4, unique=True))
    return Schema(tuple(draw(columns(name)) for name in names))


@settings(max_examples=200, deadline=None)
@given(schemas())
def test_round_trip(schema: Schema) -> None:
    proto = schema.to_proto()
    assert Schema.from_proto(proto) == schema
    assert Schema.from_proto(schema_pb2.Schema.FromString(proto.SerializeToString())) == schema
    assert Schema.from_pbtxt(schema.to_pbtxt()) == schema


def test_census_round_trip() -> None:
    assert Schema.from_proto(CENSUS.to_proto()) == CENSUS


SAID = """
feature {
  name: "age" type: INT value_count { min: 1 max: 1 } int_domain { min: 17 max: 90 }
  annotation { comment: "In years." extra_metadata {
    [type.googleapis.com/google.protobuf.Struct] { REST } } }
}
feature {
  name: "share" type: FLOAT value_count { min: 1 max: 1 } float_domain { min: 0.1 }
  annotation { extra_metadata { [type.googleapis.com/google.protobuf.Struct] { REST } } }
}
feature {
  name: "weight" type: FLOAT value_count { min: 1 max: 1 } lifecycle_stage: DISABLED
  annotation { extra_metadata { [type.googleapis.com/google.protobuf.Struct] { REST } } }
}
feature {
  name: "pay" type: BYTES shape {} presence { min_fraction: 1 min_count: 1 }
  string_domain { name: "pay" value: "low" value: "high" }
  annotation { extra_metadata { [type.googleapis.com/google.protobuf.Struct] { REST } } }
}
tensor_representation_group {
  key: ""
  value {
    tensor_representation { key: "age" value { dense_tensor {
      column_name: "age" shape {}
      default_value { int_value: -9223372036854775808 } } } }
    tensor_representation { key: "share" value { dense_tensor {
      column_name: "share" shape {} default_value { float_value: nan } } } }
    tensor_representation { key: "pay" value { dense_tensor {
      column_name: "pay" shape {} default_value { bytes_value: "" } } } }
  }
}
"""


def test_what_the_proto_says() -> None:
    schema = Schema(
        (
            Column("age", "int64", "In years.", unit="years", minimum=17, maximum=90),
            Column("share", "float32", minimum=0.1, bad_value="clip"),
            Column("weight", "float32", role="weight"),
            Column(
                "pay",
                "string",
                domain=("low", "high"),
                missing=("?",),
                spelling=(("lo", "low"),),
                required=True,
                role="label",
            ),
        )
    )
    expected = text_format.Parse(SAID.replace("REST", ""), schema_pb2.Schema())
    proto = schema.to_proto()
    rests = [_take_rest(feature) for feature in proto.feature]
    for feature in expected.feature:
        _take_rest(feature)
    assert text_format.MessageToString(proto) == text_format.MessageToString(expected)
    assert rests == [
        {"unit": "years"},
        {"bad_value": "clip", "min": 0.1},
        {"role": "weight"},
        {"role": "label", "missing": ["?"], "spelling": [["lo", "low"]]},
    ]


def _take_rest(feature: schema_pb2.Feature) -> Any:
    struct = struct_pb2.Struct()
    feature.annotation.extra_metadata.pop().Unpack(struct)
    return json_format.MessageToDict(struct).get("recordmill")


def test_an_edited_bound_wins_over_the_exact_one_beside_it() -> None:
    proto = Schema((Column("x", "float32", minimum=0.1, maximum=0.7),)).to_proto()
    proto.feature[0].float_domain.max = 0.5
    assert Schema.from_proto(proto)["x"] == Column("x", "float32", minimum=0.1, maximum=0.5)


@pytest.mark.slow  # imports TensorFlow
def test_tft_reads_the_raw_feature_spec() -> None:
    from tensorflow_transform.tf_metadata import schema_utils

    schema = Schema(
        (
            *CENSUS,
            Column("ratio", "float32"),
            Column("grid", "int64", shape=(2, 2)),
            Column("pair", "string", shape=(2,), required=True),
            Column("skip", "float32", role="unused"),
        )
    )
    spec, domains = schema_utils.schema_as_feature_spec(schema.to_proto())
    expected = schema.feature_spec()
    assert spec.keys() == expected.keys()
    assert list(domains["income"].value) == ["<=50K", ">50K"]
    for name, feature in expected.items():
        assert (spec[name].dtype, tuple(spec[name].shape)) == (feature.dtype, feature.shape)
        values = [feature.default_value] * math.prod(feature.shape)
        assert repr(spec[name].default_value) == repr(values[0] if len(values) == 1 else values)


TFDV = """
feature { name: "trip_miles" type: FLOAT
          presence { min_fraction: 1.0 min_count: 1 } shape { dim { size: 1 } } }
feature { name: "company" type: BYTES domain: "company"
          presence { min_count: 1 } value_count { min: 1 max: 1 } }
feature { name: "hour" type: INT int_domain { min: 0 max: 23 is_categorical: true } }
feature { name: "speed" type: FLOAT float_domain { min: 0 max: inf } }
feature { name: "paid" type: BYTES bool_domain { false_value: "no" true_value: "yes" } }
feature { name: "night" type: INT bool_domain {} }
feature { name: "note" type: BYTES natural_language_domain {} }
feature { name: "zone" type: INT domain: "zones" }
feature { name: "old" type: INT deprecated: true }
feature { name: "new" type: INT lifecycle_stage: PLANNED }
feature { name: "box" type: FLOAT value_count { min: 4 max: 4 } }
string_domain { name: "company" value: " Blue" value: "Red" value: " Red" value: "" }
int_domain { name: "zones" min: 1 }
"""


def test_a_schema_of_tfdv() -> None:
    assert Schema.from_pbtxt(TFDV) == Schema(
        (
            Column("trip_miles", "float32", required=True),
            Column("company", "string", domain=("Blue", "Red")),
            Column("hour", "int64", minimum=0, maximum=23),
            Column("speed", "float32", minimum=0),
            Column("paid", "string", domain=("no", "yes")),
            Column("night", "int64", minimum=0, maximum=1),
            Column("note", "string"),
            Column("zone", "int64", minimum=1),
            Column("old", "int64", role="unused"),
            Column("new", "int64", role="unused"),
            Column("box", "float32", shape=(4,)),
        )
    )


@pytest.mark.parametrize(
    ("feature", "message"),
    [
        ("type: STRUCT", "expected a type of INT, FLOAT or BYTES, got STRUCT"),
        ("", "expected a type of INT, FLOAT or BYTES, got TYPE_UNKNOWN"),
        (
            "type: INT value_count { min: 1 }",
            "expected a fixed number of values, got value_count { min: 1 }",
        ),
        (
            "type: INT value_count { min: 0 max: 0 }",
            "expected a fixed number of values, got value_count { min: 0 max: 0 }",
        ),
        (
            "type: INT shape { dim { size: 2 } dim {} }",
            "expected a fixed number of values, got shape { dim { size: 2 } dim { } }",
        ),
        (
            "type: INT value_counts { value_count { min: 1 max: 1 } }",
            "expected a fixed number of values, got value_counts { value_count { min: 1 max: 1 } }",
        ),
        ('type: BYTES domain: "colours"', 'no domain "colours" in the schema'),
        ("type: INT int_domain { min: 3 max: 1 }", "minimum 3 is above maximum 1"),
    ],
)
def test_what_a_column_cannot_be(feature: str, message: str) -> None:
    with pytest.raises(DataError) as error:
        Schema.from_pbtxt(f'feature {{ name: "x" {feature} }}')
    assert str(error.value) == f'schema.pbtxt: column "x": {message}'


def test_a_sparse_feature_is_no_column() -> None:
    proto = schema_pb2.Schema(sparse_feature=[{"name": "words"}])
    with pytest.raises(DataError) as error:
        Schema.from_proto(proto)
    assert str(error.value) == 'expected dense features only, got the sparse feature "words"'


@pytest.mark.parametrize(
    ("rest", "message"),
    [
        ({"spelling": [["a"]]}, "bad recordmill annotation: not enough values to unpack "),
        ({"shape": "x"}, "bad recordmill annotation: invalid literal for int()"),
        ({"role": "boss"}, "expected a role of feature, label, weight, unused, got "),
    ],
)
def test_a_bad_annotation(rest: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError) as error:
        Schema.from_proto(_annotated({"recordmill": rest}))
    assert str(error.value).startswith(f'column "x": {message}')


def test_an_annotation_of_others_is_passed_over() -> None:
    proto = _annotated({"unit": 3})
    proto.feature[0].annotation.extra_metadata.add().Pack(struct_pb2.Value(null_value=0))
    assert Schema.from_proto(proto) == Schema((Column("x", "string"),))


def _annotated(values: dict[str, Any]) -> schema_pb2.Schema:
    proto = schema_pb2.Schema(feature=[{"name": "x", "type": schema_pb2.BYTES}])
    struct = struct_pb2.Struct()
    struct.update(values)
    proto.feature[0].annotation.extra_metadata.add().Pack(struct)
    return proto
