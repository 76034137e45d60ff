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
    columns = [Column(column.name, column.type) for column in SCHEMA if column.name in rows]
    row_schema = Schema((*columns, *([Column("zip", "int64")] if "zip" in rows else [])))
    batch = pa.RecordBatch.from_arrays(
        [pa.array(rows[f.name], f.type) for f in row_schema.arrow_schema()],
        schema=row_schema.arrow_schema(),
    )
    fold = StatisticsFold(row_schema)
    seen = {
        name: {reason: BadValues(1, {"1.5": (1, "a:1")})} for name, reason in (bad or {}).items()
    }
    proto = fold.to_proto({"": fold.add(fold.start(), batch)}).datasets[0]
    return find_anomalies(schema or SCHEMA.to_proto(), InputSummary(proto, bad=seen))


def accepted(results: Findings, *chosen: str) -> tuple[Schema, list[str]]:
    proto, changes = update_schema(results, chosen)
    return Schema.from_proto(proto), changes


def test_each_kind() -> None:
    schema, changes = accepted(findings(), "age", "share:range", "sex:domain", "pay", "zip:new")
    assert changes == [
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


def test_accepted_anomalies_are_valid_afterwards() -> None:
    results = findings()
    proto, _ = update_schema(results, ["age", "share", "sex", "pay", "zip"])
    assert find_anomalies(proto, results.observed).anomalies == ()
    assert sorted(proto.tensor_representation_group[""].tensor_representation) == sorted(
        ["age", "share", "sex", "pay", "zip"]
    )


def test_the_rest_of_the_schema_is_unchanged() -> None:
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
    results = findings(rows)
    proto, changes = update_schema(results, ["pay"])
    assert changes == ['column "pay": deprecated, so it may be missing']
    assert proto.feature[3].lifecycle_stage == schema_pb2.DEPRECATED
    assert Schema.from_proto(proto)["pay"].role == "unused"
    assert "pay" not in proto.tensor_representation_group[""].tensor_representation
    assert [column.column for column in find_anomalies(proto, results.observed).anomalies].count(
        "pay"
    ) == 0


@pytest.mark.parametrize(
    ("reason", "kind"), [("fraction", "float32"), ("not_an_integer", "string")]
)
def test_another_type(reason: str, kind: str) -> None:
    good = {**ROWS, "age": [5, 6]}
    schema, changes = accepted(findings(good, {"age": reason}), "age")
    assert changes == [f'column "age": type int64 changed to {kind}']
    assert schema["age"].type == kind
    assert schema["age"].maximum == (90 if kind == "float32" else None)


def test_the_type_of_foreign_statistics() -> None:
    results = findings({**ROWS, "age": [5, 6]})
    results.observed.statistics.features[0].type = FeatureNameStatistics.FLOAT
    again = find_anomalies(results.schema, results.observed)
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


def test_nan_cannot_be_accepted() -> None:
    results = findings({**ROWS, "share": [0.1, 0.2]}, {"share": "nan"})
    with pytest.raises(RecipeError, match="some of its anomalies cannot be accepted; change the"):
        update_schema(results, ["share"])


def test_a_domain_with_more_values_than_are_listed() -> None:
    results = findings()
    results.observed.statistics.features[2].string_stats.unique = 5000
    with pytest.raises(RecipeError) as error:
        update_schema(results, ["sex"])
    assert str(error.value) == (
        'column "sex": it has 5,000 different values, of which 2 are listed; remove its domain '
        "from the schema by hand"
    )


def test_a_new_column_is_inserted_in_the_order_of_the_data() -> None:
    results = findings()
    for order, expected in (
        (("zip", "age", "share", "sex", "pay"), ["zip", "age", "share", "sex", "pay"]),
        (("age", "share", "zip", "sex", "pay"), ["age", "share", "zip", "sex", "pay"]),
        ((), ["age", "share", "sex", "pay", "zip"]),
    ):
        ordered = replace(results, observed=replace(results.observed, columns=order))
        schema, _ = accepted(ordered, "zip")
        assert list(schema.names) == expected
