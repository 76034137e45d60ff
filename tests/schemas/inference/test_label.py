"""Choice of the label."""

from __future__ import annotations

import pytest
from helpers.observed import observed

from recordmill.schemas.errors import RecipeError
from recordmill.schemas.inference.label import Label, choose_label

COLUMNS = {
    "id": [str(i) for i in range(100)],
    "price": [f"{i * 7 % 31}.5" for i in range(100)],
    "kind": ["a", "b", "c", "d"] * 25,
    "stars": ["1", "2", "3", "4", "5"] * 20,
    "constant": ["k"] * 100,
    "text": [f"text {i}" for i in range(100)],
    "holed": ["yes", "no", "", "None"] * 25,
    "dotted": ["<=50K", ">50K", "<=50K.", ">50K."] * 25,
}


def label(*names: str, wanted: str | None = None) -> Label | None:
    columns = [observed(COLUMNS[name.split()[0]]) for name in names]
    called = [name.split()[-1] for name in names]
    return choose_label(called, columns, wanted=wanted)


def label_index(*names: str) -> int | None:
    chosen = label(*names)
    return chosen.index if chosen else None


def test_a_name_has_priority_over_the_last_column() -> None:
    assert label_index("price", "kind", "stars") == 0
    assert label_index("stars", "kind target", "price") == 1
    assert label_index("kind churn_label", "stars", "id") == 0
    assert label_index("stars", "kind", "price cost") == 2


def test_columns_that_cannot_be_labels_are_skipped() -> None:
    assert label_index("kind", "constant label", "stars") == 2
    assert label_index("kind", "id") is None
    assert label_index("kind", "text") is None
    assert label_index("kind label") is None


def test_texts_and_few_whole_numbers_are_classes() -> None:
    chosen = label("id", "stars")
    assert chosen is not None
    proposal = chosen.proposal
    assert (proposal.type, proposal.domain, proposal.required) == ("string", tuple("12345"), True)
    assert proposal.features[0].steps == ("label_ids",)
    assert proposal.reasons == (
        "the label, because it is the last column: 5 different ones in 100 values, whole numbers: "
        "classes, whose ids are their places in the domain",
        '"1" 20, "2" 20, "3" 20, "4" 20, "5" 20',
        "a label outside the domain is rejected",
    )


def test_a_number_is_passed_on() -> None:
    chosen = label("id", "price")
    assert chosen is not None
    proposal = chosen.proposal
    assert (proposal.type, proposal.required, proposal.domain) == ("float32", True, ())
    assert proposal.features[0].steps == ("as_is",)
    assert proposal.reasons[0] == (
        "the label, by its name: 100 of 100 values are numbers in [0.5, 30.5]; 31 different ones: "
        "an amount, passed on as it is"
    )


def test_a_label_with_holes_is_not_required_and_none_can_be_a_class() -> None:
    chosen = label("id", "holed")
    assert chosen is not None
    assert (chosen.proposal.domain, chosen.proposal.required) == (("no", "yes", "None"), False)


def test_classes_with_a_dot_are_those_without() -> None:
    chosen = label("id", "dotted")
    assert chosen is not None
    assert chosen.proposal.domain == ("<=50K", ">50K")
    assert chosen.proposal.spelling == (("<=50K.", "<=50K"), (">50K.", ">50K"))


def test_the_label_that_the_user_names() -> None:
    chosen = label("price", "kind", wanted="kind")
    assert chosen is not None
    assert chosen.index == 1 and chosen.proposal.reasons[0].startswith(
        "the label, as --label says: "
    )


def test_a_label_that_is_missing_or_impossible() -> None:
    with pytest.raises(RecipeError) as error:
        label("price", "kind", wanted="prise")
    assert str(error.value) == '--label: there is no column "prise"; did you mean "price"?'
    with pytest.raises(RecipeError) as error:
        label("price", "text", wanted="text")
    assert str(error.value) == (
        '--label: "text" can be no label: expected numbers, or from 2 to 100 classes; got 100 '
        "different ones in 100 values"
    )
