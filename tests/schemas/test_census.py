from __future__ import annotations

import pytest
from helpers.real_data import DATA

from recordmill.schemas.census import CENSUS

ADULT = DATA / "census"


def test_the_columns_of_the_published_files() -> None:
    assert CENSUS.names == (
        "age",
        "workclass",
        "fnlwgt",
        "education",
        "education-num",
        "marital-status",
        "occupation",
        "relationship",
        "race",
        "sex",
        "capital-gain",
        "capital-loss",
        "hours-per-week",
        "native-country",
        "income",
    )


def test_thirteen_features_and_the_label_reach_the_graph() -> None:
    assert len([column for column in CENSUS if column.role == "feature"]) == 13
    assert CENSUS["fnlwgt"].role == "weight"
    assert CENSUS.label is CENSUS["income"]
    assert CENSUS.inputs == tuple(column for column in CENSUS if column.name != "fnlwgt")


def test_every_column_is_documented() -> None:
    assert all(column.doc.endswith(".") for column in CENSUS)


@pytest.mark.skipif(not ADULT.is_dir(), reason=f"no real data at {ADULT}")
@pytest.mark.parametrize(("file", "rows"), [("adult.data", 32561), ("adult.test", 16281)])
def test_the_published_files_are_clean_by_it(file: str, rows: int) -> None:
    lines = (ADULT / file).read_text().splitlines()
    table = [line.split(", ") for line in lines if line and not line.startswith("|")]
    assert len(table) == rows
    for column, values in zip(CENSUS, zip(*table, strict=True), strict=True):
        good = {value for value in values if value not in column.missing}
        meant = {dict(column.spelling).get(value, value) for value in good}
        if column.type == "int64":
            assert min(map(int, good)) >= (column.minimum or 0)
            assert max(map(int, good)) <= (column.maximum or max(map(int, good)))
        elif column.domain:
            assert meant == set(column.domain)
