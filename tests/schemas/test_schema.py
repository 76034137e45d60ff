from __future__ import annotations

import subprocess
import sys

import pyarrow as pa
import pytest

from recordmill.schemas.column import MISSING_INT64, Column
from recordmill.schemas.errors import DataError, RecipeError
from recordmill.schemas.schema import Schema

AGE = Column("age", "int64")
WEIGHT = Column("weight", "float32", role="weight")
PAY = Column("pay", "string", role="label")
SCHEMA = Schema((AGE, WEIGHT, PAY))


def test_it_is_a_sequence_of_columns_with_names() -> None:
    assert len(SCHEMA) == 3
    assert list(SCHEMA) == [AGE, WEIGHT, PAY]
    assert SCHEMA.names == ("age", "weight", "pay")
    assert SCHEMA["weight"] is WEIGHT


def test_a_wrong_name_gets_the_nearest_one() -> None:
    with pytest.raises(RecipeError) as error:
        SCHEMA["wieght"]
    assert str(error.value) == 'no column "wieght" in the schema; did you mean "weight"?'
    with pytest.raises(RecipeError) as error:
        SCHEMA["zzz"]
    assert str(error.value) == 'no column "zzz" in the schema'


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ((), "a schema needs at least one column"),
        ((AGE, PAY, AGE), 'column "age" is declared 2 times'),
        (
            (PAY, Column("sex", "string", role="label")),
            "at most one column can be the label, got pay, sex",
        ),
    ],
)
def test_contradictions(columns: tuple[Column, ...], message: str) -> None:
    with pytest.raises(RecipeError) as error:
        Schema(columns)
    assert str(error.value) == message


def test_label_and_inputs() -> None:
    assert SCHEMA.label is PAY
    assert SCHEMA.inputs == (AGE, PAY)
    assert Schema((AGE,)).label is None


def test_arrow_schema() -> None:
    assert SCHEMA.arrow_schema() == pa.schema(
        {"age": pa.int64(), "weight": pa.float32(), "pay": pa.dictionary(pa.int32(), pa.string())}
    )


@pytest.mark.slow  # imports TensorFlow
def test_feature_spec() -> None:
    import tensorflow as tf

    assert SCHEMA.feature_spec() == {
        "age": tf.io.FixedLenFeature((), tf.int64, MISSING_INT64),
        "pay": tf.io.FixedLenFeature((), tf.string, ""),
    }


def test_pbtxt_round_trip() -> None:
    text = SCHEMA.to_pbtxt()
    assert text.startswith('feature {\n  name: "age"\n')
    assert Schema.from_pbtxt(text) == SCHEMA


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("feature {\n  nmae: 1\n}", 'schema.pbtxt: 2:3 : Message type "tensorflow.metadata.v0.'),
        ('feature { name: "x" type: STRUCT }', 'schema.pbtxt: column "x": expected a type of '),
        ("", "schema.pbtxt: a schema needs at least one column"),
    ],
)
def test_a_text_that_is_no_schema(text: str, message: str) -> None:
    with pytest.raises(DataError) as error:
        Schema.from_pbtxt(text)
    assert str(error.value).startswith(message)


def test_importing_a_schema_is_light() -> None:
    code = (
        "import sys; before = set(sys.modules)\n"
        "import recordmill.schemas.census, recordmill.schemas.manifest\n"
        "heavy = {'google', 'numpy', 'pyarrow', 'tensorflow', 'tensorflow_metadata'}\n"
        "loaded = heavy & (set(sys.modules) - before)\n"
        "assert not loaded, loaded"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
