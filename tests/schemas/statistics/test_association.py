"""Associations with the label: compared with numpy and pandas, by hand, and merged in any way."""

from __future__ import annotations

from math import sqrt
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recordmill.schemas.column import Column
from recordmill.schemas.schema import Schema
from recordmill.schemas.statistics.association import CATEGORIES, Measure
from recordmill.schemas.statistics.fold import Profile, StatisticsFold

KINDS = {"whole": "int64", "real": "float32", "text": "string", "class": "string"}


def fold_of(label: str) -> StatisticsFold:
    columns = [
        Column(name, kind, role="label" if name == label else "feature")  # type: ignore[arg-type]
        for name, kind in KINDS.items()
    ]
    return StatisticsFold(Schema(tuple(columns)))


def profile_of(rows: pd.DataFrame, fold: StatisticsFold, batches: int = 1) -> Profile:
    profile = fold.start()
    fields = fold.schema.arrow_schema()
    for part in np.array_split(np.arange(len(rows)), batches):
        batch = rows.iloc[part]
        arrays = [
            pa.array(batch[name].tolist(), field.type, from_pandas=True)
            for name, field in zip(KINDS, fields, strict=True)
        ]
        fold.add(profile, pa.RecordBatch.from_arrays(arrays, schema=fields))
    return profile


def measures(rows: pd.DataFrame, label: str, batches: int = 1) -> dict[str, Measure | None]:
    profile = profile_of(rows, fold_of(label), batches)
    return {name: association.measure() for name, association in profile.associations.items()}


def made(count: int, classes: int, seed: int = 0) -> pd.DataFrame:
    """Make rows in which all columns are associated, with missing values."""
    draw = np.random.default_rng(seed)
    base = draw.standard_normal(count)
    frame = pd.DataFrame(
        {
            "whole": np.round(1000 * base + 300 * draw.standard_normal(count)),
            "real": np.float32(base + draw.standard_normal(count)),
            "text": [f"t{int(x)}" for x in 3 * base + draw.standard_normal(count)],
            "class": [f"c{int(abs(x) * 4) % classes}" for x in base],
        }
    )
    for name in frame:
        frame.loc[draw.random(count) < 0.1, name] = None
    return frame


def pearson(frame: pd.DataFrame, first: str, second: str) -> float:
    return abs(float(frame[first].astype(float).corr(frame[second].astype(float))))


def epsilon(frame: pd.DataFrame, number: str, groups: str) -> float:
    """Compute Kelley's measure from the mean squares within the groups and of all rows."""
    present = frame[[number, groups]].dropna()
    values, rows = present[number].astype(float), len(present)
    within = ((values - values.groupby(present[groups]).transform("mean")) ** 2).sum()
    mean_square = within / (rows - present[groups].nunique())
    return sqrt(max(1 - mean_square / values.var(ddof=1), 0))


def cramers_v(frame: pd.DataFrame, first: str, second: str) -> float:
    """Compute Bergsma's measure from the definition of chi squared."""
    table = pd.crosstab(frame[first], frame[second]).to_numpy(float)
    rows, (r, c) = table.sum(), table.shape
    expected = table.sum(axis=1, keepdims=True) * table.sum(axis=0, keepdims=True) / rows
    phi = ((table - expected) ** 2 / expected).sum() / rows - (r - 1) * (c - 1) / (rows - 1)
    r, c = (side - (side - 1) ** 2 / (rows - 1) for side in (r, c))
    return sqrt(max(phi, 0) / min(r - 1, c - 1))


def expect(measure: Measure | None, value: float, kind: str) -> None:
    assert measure is not None
    assert (measure.kind, measure.value) == (kind, pytest.approx(value, rel=1e-9))


@pytest.mark.parametrize("batches", [1, 7])
class TestMadeRows:
    def test_of_a_number(self, batches: int) -> None:
        frame = made(5000, 5)
        by_name = measures(frame, "real", batches)
        assert list(by_name) == ["whole", "text", "class"]
        expect(by_name["whole"], pearson(frame, "whole", "real"), "pearson")
        expect(by_name["text"], epsilon(frame, "real", "text"), "correlation_ratio")
        expect(by_name["class"], epsilon(frame, "real", "class"), "correlation_ratio")
        assert by_name["whole"] and by_name["whole"].value > 0.5

    def test_of_two_classes(self, batches: int) -> None:
        frame = made(5000, 2)
        by_name = measures(frame, "class", batches)
        both = frame.assign(**{"class": frame["class"].map({"c0": 0.0, "c1": 1.0})})
        expect(by_name["whole"], pearson(both, "whole", "class"), "pearson")
        expect(by_name["real"], pearson(both, "real", "class"), "pearson")
        expect(by_name["text"], cramers_v(frame, "text", "class"), "cramers_v")

    def test_of_several_classes(self, batches: int) -> None:
        frame = made(5000, 5)
        by_name = measures(frame, "class", batches)
        expect(by_name["whole"], epsilon(frame, "whole", "class"), "correlation_ratio")
        expect(by_name["text"], cramers_v(frame, "text", "class"), "cramers_v")


def one_row_each(**columns: Any) -> pd.DataFrame:
    size = len(next(iter(columns.values())))
    return pd.DataFrame({name: columns.get(name, [None] * size) for name in KINDS})


def test_by_hand() -> None:
    frame = one_row_each(
        whole=[1, 2, 3, 4, None], real=[2.0, 4.0, 6.0, 8.0, 1.0], **{"class": list("aabbb")}
    )
    expect(measures(frame, "real")["whole"], 1.0, "pearson")
    # 0, 0, 1, 1 and 1, 2, 3, 4: the covariance is 0.5, the deviations 0.5 and sqrt(1.25).
    expect(measures(frame, "class")["whole"], 0.5 / (0.5 * sqrt(1.25)), "pearson")
    same = one_row_each(text=list("xyxyxy"), **{"class": [*list("abab"), None, "b"]})
    expect(measures(same, "class")["text"], 1.0, "cramers_v")


def test_identifiers_have_no_association() -> None:
    draw = np.random.default_rng(0)
    text = [f"id{i % 900}" for i in range(5000)]
    frame = one_row_each(
        text=text, real=draw.random(5000), **{"class": draw.choice(["a", "b"], 5000)}
    )
    for label in ("real", "class"):
        by_name = measures(frame, label)["text"]
        assert by_name and by_name.value < 0.2
        naive = frame.groupby("text")["real"].transform("mean").var() / frame["real"].var()
        assert sqrt(naive) > 0.4


@pytest.mark.parametrize("label", ["real", "class"])
def test_no_measure_without_variation(label: str) -> None:
    several = {"real": [0.1, 0.7, 0.3], "class": ["a", "b", "a"]}
    constant = {"whole": [3] * 3, "text": ["x"] * 3, "real": [0.1] * 3, "class": ["a"] * 3}
    for frame in (one_row_each(**constant), one_row_each(**constant | {label: several[label]})):
        assert not any(measures(frame, label).values())
    unlike = one_row_each(**several | {"text": ["x", "y", "z"]})
    assert measures(unlike, label)["text"] is None
    assert not any(measures(one_row_each(real=[None, float("nan")]), label).values())


@pytest.mark.parametrize("label", ["real", "class"])
def test_no_measure_of_too_many_categories(label: str) -> None:
    count = 2 * CATEGORIES + 2
    text = [f"t{i % (CATEGORIES + 1)}" for i in range(count)]
    frame = one_row_each(
        text=text, real=np.arange(count) % 7, **{"class": ["a", "b"] * (count // 2)}
    )
    for batches in (1, 2, 4):
        assert measures(frame, label, batches)["text"] is None
    fewer = frame[frame["text"] != "t0"]
    assert measures(fewer, label)["text"] is not None


def test_the_proto_has_it_only_with_a_label() -> None:
    frame = made(300, 2)
    for label in ("class", ""):
        fold = fold_of(label)
        dataset = fold.to_proto({"train": profile_of(frame, fold)}).datasets[0]
        kinds = {
            feature.path.step[0]: custom.str
            for feature in dataset.features
            for custom in feature.custom_stats
            if custom.name == "label_association_kind"
        }
        expected = {"whole": "pearson", "real": "pearson", "text": "cramers_v"}
        assert kinds == (expected if label else {})


ROWS = st.lists(
    st.tuples(
        st.none() | st.integers(-(2**63), 2**63 - 1),
        st.none() | st.floats(width=32),
        st.none() | st.sampled_from("abc"),
        st.none() | st.sampled_from("xyz"),
    ),
    max_size=20,
)


@given(ROWS, st.integers(1, 5), st.sampled_from(["whole", "real", "class"]))
def test_any_rows_in_any_parts_give_about_the_same_share(
    rows: list[tuple[Any, ...]], parts: int, label: str
) -> None:
    frame = pd.DataFrame(rows, columns=list(KINDS), dtype=object)
    fold = fold_of(label)
    pieces = [frame.iloc[rows] for rows in np.array_split(np.arange(len(frame)), parts)]
    merged = fold.merge([profile_of(piece, fold) for piece in pieces])
    single = profile_of(frame, fold)
    for name, association in merged.associations.items():
        measure, expected = association.measure(), single.associations[name].measure()
        if measure and expected:
            assert measure.kind == expected.kind
            assert 0 <= measure.value <= 1 and 0 <= expected.value <= 1


def test_the_census(adult: Path) -> None:
    from recordmill.schemas.census import CENSUS

    frame = pd.read_csv(
        adult / "adult.data", names=list(CENSUS.names), skipinitialspace=True, na_values="?"
    )
    fold, fields = StatisticsFold(CENSUS), CENSUS.arrow_schema()
    profile = fold.start()
    for start in range(0, len(frame), 10_000):
        batch = frame.iloc[start : start + 10_000]
        arrays = [pa.array(batch[f.name], f.type, from_pandas=True) for f in fields]
        fold.add(profile, pa.RecordBatch.from_arrays(arrays, schema=fields))
    by_name = {name: association.measure() for name, association in profile.associations.items()}
    frame["rich"] = (frame["income"] == ">50K").astype(float)
    expect(by_name["age"], pearson(frame, "age", "rich"), "pearson")
    expect(by_name["relationship"], cramers_v(frame, "relationship", "income"), "cramers_v")
    assert by_name["relationship"] and 0.45 < by_name["relationship"].value < 0.46
