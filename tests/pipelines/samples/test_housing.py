from __future__ import annotations

import csv
import hashlib
from pathlib import Path

from recordmill.pipelines.housing import HOUSING
from recordmill.pipelines.samples.housing import ROWS, write_housing_sample


def test_the_same_bytes_every_time(tmp_path: Path) -> None:
    paths = [Path(write_housing_sample(str(tmp_path / name))) for name in "ab"]
    assert paths[0].name == "housing.csv"
    first, second = (hashlib.sha256(path.read_bytes()).hexdigest() for path in paths)
    assert first == second


def test_rows_match_the_schema_of_the_recipe(tmp_path: Path) -> None:
    with open(write_housing_sample(str(tmp_path)), newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == ROWS
    assert tuple(rows[0]) == HOUSING.schema.names
    for column in HOUSING.schema:
        values = [float(row[column.name]) for row in rows]
        assert len(set(values)) > 1
        assert column.minimum is None or min(values) >= column.minimum
        assert column.maximum is None or max(values) <= column.maximum
        assert column.type == "float32" or all(value == int(value) for value in values)


def test_the_columns_are_those_of_the_published_file() -> None:
    names = "CRIM,ZN,INDUS,CHAS,NOX,RM,AGE,DIS,RAD,TAX,PTRATIO,B,LSTAT,MEDV"
    assert ",".join(HOUSING.schema.names) == names
