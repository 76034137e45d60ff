from __future__ import annotations

from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest
from tensorflow_metadata.proto.v0 import schema_pb2
from tensorflow_metadata.proto.v0.statistics_pb2 import FeatureNameStatistics

from recordmill.schemas.anomalies.find import Findings, find_anomalies
from recordmill.schemas.anomalies.observed import BadValues, InputSummary
from recordmill.schemas.anomalies.update import update_schema
from recordmill.schemas.column import Column
from recordmill.schemas.errors import RecipeError
from recordmill.schemas.schema import Schema
from recordmill.schemas.statistics.fold import StatisticsFold

SCHEMA = Schema(
    (
        Column("age", "int64", "In years.", minimum=0, maximum=90, missing=("?",)),
        Column("share", "float32", maximum=0.7),
        Column("sex", "string", domain=("F", "M"), spelling=(("f", "F"),)),
        Column("pay", "string", domain=("low", "high"), required=True, role="label"),
    )
)
ROWS: dict[str, list[Any]] = {
    "age": [-5, 120],
    "share": [0.1, 0.9],
    "sex": ["x", "F"],
    "pay": ["low", None],
    "zip": [1, 2],
}


def findings(
    rows: dict[str, list[Any]] = ROWS,
    bad: dict[str, str] | None = None,
    schema: schema_pb2.Schema | None = None,
) -> Findings:
    columns = [Column(one.name, one.type) for one in SCHEMA if one.name in rows]
    found = Schema((*columns, *([Column("zip", "int64")] if "zip" in rows else [])))
    batch = pa.RecordBatch.from_arrays(
        [pa.array(rows[f.name], f.type) for f in found.arrow_schema()], schema=found.arrow_schema()
    )
    fold = StatisticsFold(found)
    seen = {
        name: {reason: BadValues(1, {"1.5": (1, "a:1")})} for name, reason in (bad or {}).items()
    }
    proto = fold.to_proto({"": fold.add(fold.start(), batch)}).datasets[0]
    return find_anomalies(schema or SCHEMA.to_proto(), InputSummary(proto, bad=seen))


def accepted(found: Findings, *chosen: str) -> tuple[Schema, list[str]]:
    proto, told = update_schema(found, chosen)
    return Schema.from_proto(proto), told


def test_each_kind() -> None:
    schema, told = accepted(findings(), "age", "share:range", "sex:domain", "pay", "zip:new")
    assert told == [
        'column "age": an integer in [0, 90] widened to an integer in [-5, 120]',
        'column "share": a finite number of at most 0.7 widened to a finite number of at most '
        "0.8999999761581421",
        'column "sex": domain extended by "x"',
        'column "pay": may be missing in 50.00% of the rows',
        'column "zip": added, int64',
    ]
    assert schema["age"] == Column(
        "age", "int64", "In years.", minimum=-5, maximum=120, missing=("?",)
    )
    assert schema["share"].maximum == pytest.approx(0.9)
    assert schema["sex"] == Column("sex", "string", domain=("F", "M", "x"), spelling=(("f", "F"),))
    assert schema["pay"] == Column("pay", "string", domain=("low", "high"), role="label")
    assert schema["zip"] == Column("zip", "int64")


def test_what_is_accepted_is_no_anomaly_any_more() -> None:
    found = findings()
    proto, _ = update_schema(found, ["age", "share", "sex", "pay", "zip"])
    assert find_anomalies(proto, found.observed).anomalies == ()
    assert sorted(proto.tensor_representation_group[""].tensor_representation) == sorted(
        ["age", "share", "sex", "pay", "zip"]
    )


def test_all_else_stays() -> None:
    proto = SCHEMA.to_proto()
    proto.feature[0].drift_comparator.jensen_shannon_divergence.threshold = 0.3
    proto.feature[0].annotation.tag.append("mine")
    proto.dataset_constraints.min_examples_count = 1
    changed, _ = update_schema(findings(schema=proto), ["age"])
    expected = schema_pb2.Schema()
    expected.CopyFrom(proto)
    expected.feature[0].int_domain.min, expected.feature[0].int_domain.max = -5, 120
    assert changed == expected
    assert proto.feature[0].int_domain.min == 0


def test_a_missing_column_is_deprecated() -> None:
    rows = {name: values for name, values in ROWS.items() if name != "pay"}
    found = findings(rows)
    proto, told = update_schema(found, ["pay"])
    assert told == ['column "pay": deprecated, so it may be missing']
    assert proto.feature[3].lifecycle_stage == schema_pb2.DEPRECATED
    assert Schema.from_proto(proto)["pay"].role == "unused"
    assert "pay" not in proto.tensor_representation_group[""].tensor_representation
    assert [one.column for one in find_anomalies(proto, found.observed).anomalies].count("pay") == 0


@pytest.mark.parametrize(
    ("reason", "kind"), [("fraction", "float32"), ("not_an_integer", "string")]
)
def test_another_type(reason: str, kind: str) -> None:
    good = {**ROWS, "age": [5, 6]}
    schema, told = accepted(findings(good, {"age": reason}), "age")
    assert told == [f'column "age": type int64 changed to {kind}']
    assert schema["age"].type == kind
    assert schema["age"].maximum == (90 if kind == "float32" else None)


def test_the_type_of_foreign_statistics() -> None:
    found = findings({**ROWS, "age": [5, 6]})
    found.observed.statistics.features[0].type = FeatureNameStatistics.FLOAT
    again = find_anomalies(found.schema, found.observed)
    assert accepted(again, "age:type")[0]["age"].type == "float32"


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        (
            "agee",
            'no anomaly "agee" to accept. Did you mean "age"? There is age:range, share:range, '
            "sex:domain, pay:presence, zip:new.",
        ),
        (
            "age:domain",
            'no anomaly "age:domain" to accept. Did you mean "sex:domain"? There is age:range, '
            "share:range, sex:domain, pay:presence, zip:new.",
        ),
    ],
)
def test_no_such_anomaly(chosen: str, message: str) -> None:
    with pytest.raises(RecipeError) as error:
        update_schema(findings(), [chosen])
    assert str(error.value) == message


def test_not_a_number_cannot_be_accepted() -> None:
    found = findings({**ROWS, "share": [0.1, 0.2]}, {"share": "nan"})
    with pytest.raises(RecipeError, match="some of its anomalies cannot be accepted; change the"):
        update_schema(found, ["share"])


def test_a_domain_of_more_values_than_are_known() -> None:
    found = findings()
    found.observed.statistics.features[2].string_stats.unique = 5000
    with pytest.raises(RecipeError) as error:
        update_schema(found, ["sex"])
    assert str(error.value) == (
        'column "sex": it has 5,000 different values, of which 2 are listed; remove its domain '
        "from the schema by hand"
    )


def test_a_new_column_stands_where_it_stands_in_the_data() -> None:
    found = findings()
    for order, expected in (
        (("zip", "age", "share", "sex", "pay"), ["zip", "age", "share", "sex", "pay"]),
        (("age", "share", "zip", "sex", "pay"), ["age", "share", "zip", "sex", "pay"]),
        ((), ["age", "share", "sex", "pay", "zip"]),
    ):
        ordered = replace(found, observed=replace(found.observed, columns=order))
        schema, _ = accepted(ordered, "zip")
        assert list(schema.names) == expected
