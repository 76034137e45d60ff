"""Names in requests resolve to columns by one rule."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recordmill.schemas.errors import DataError
from recordmill.schemas.request_names import RequestNames, served_name

NAMES = st.lists(st.text("ab-_ .é", min_size=1, max_size=3), unique=True, max_size=5)


def test_dataset_names_and_signature_names() -> None:
    names = RequestNames(["education-num", "hours per week", "age"])
    assert names.column("education-num") == names.column("education_num") == "education-num"
    assert names.column("hours_per_week") == "hours per week"
    for unknown in ("education num", "Education-num", "hours-per-week", ""):
        assert names.column(unknown) is None
    assert names.spellings == [
        "education-num",
        "hours per week",
        "age",
        "education_num",
        "hours_per_week",
    ]


def test_columns_with_the_same_signature_name() -> None:
    names = RequestNames(["a-b", "a b", "c-d", "c_d"])
    with pytest.raises(DataError) as error:
        names.column("a_b")
    assert str(error.value) == (
        'expected the name of one column, got "a_b", which stands for "a-b" and "a b"; name the '
        "column as the dataset does"
    )
    assert (names.column("c_d"), names.column("c-d")) == ("c_d", "c-d")


def test_a_column_under_two_names() -> None:
    with pytest.raises(DataError) as error:
        RequestNames(["a-b"]).columns(["a_b", "c", "a-b"])
    assert str(error.value) == (
        'expected the column "a-b" once, got it as "a_b" and as "a-b"; leave one out'
    )


@given(NAMES, st.data())
def test_every_name_is_found_or_refused(columns: list[str], data: st.DataObject) -> None:
    names = RequestNames(columns)
    assert names.columns(columns) == {name: name for name in columns}
    for column in columns:
        alike = [other for other in columns if served_name(other) == served_name(column)]
        spelled = served_name(column)
        if spelled in columns or len(alike) == 1:
            assert names.column(spelled) == (spelled if spelled in columns else column)
        else:
            with pytest.raises(DataError, match="expected the name of one column"):
                names.column(spelled)
    unknown = data.draw(st.text("xyz", min_size=1))
    assert names.column(unknown) is None
