"""Schema of the US Census (Adult) data.

Extracted by Barry Becker from the 1994 Census database (UCI Machine Learning Repository, "Adult",
CC BY 4.0): a row is a person aged 17 or more; the task is to predict whether the yearly income
is above 50,000 USD.
"""

from __future__ import annotations

from .column import Column
from .schema import Schema

__all__ = ["CENSUS"]

_UNKNOWN = ("?",)

CENSUS = Schema(
    (
        Column("age", "int64", "Age of the person.", unit="years", minimum=17, maximum=90),
        Column("workclass", "string", "Kind of employer.", missing=_UNKNOWN),
        Column(
            "fnlwgt",
            "int64",
            "Final sampling weight: how many people of the population the row stands for. "
            "A property of the survey, not of the person, so it is not a feature.",
            unit="people",
            minimum=0,
            role="weight",
        ),
        Column("education", "string", "Highest level of education reached.", missing=_UNKNOWN),
        Column(
            "education-num",
            "int64",
            "The same level as a rank: 1 is preschool, 16 a doctorate.",
            minimum=1,
            maximum=16,
        ),
        Column("marital-status", "string", "Marital status.", missing=_UNKNOWN),
        Column("occupation", "string", "Kind of work.", missing=_UNKNOWN),
        Column("relationship", "string", "Role in the household.", missing=_UNKNOWN),
        Column("race", "string", "Race, as the survey asked for it.", missing=_UNKNOWN),
        Column("sex", "string", "Sex, as the survey asked for it.", domain=("Female", "Male")),
        Column(
            "capital-gain",
            "int64",
            "Capital gains of the year; 99999 is the survey's cap.",
            unit="USD",
            minimum=0,
            maximum=99999,
        ),
        Column(
            "capital-loss",
            "int64",
            "Capital losses of the year.",
            unit="USD",
            minimum=0,
            maximum=99999,
        ),
        Column(
            "hours-per-week",
            "int64",
            "Hours worked in a usual week; 99 is the survey's cap.",
            unit="hours",
            minimum=1,
            maximum=99,
        ),
        Column("native-country", "string", "Country of birth.", missing=_UNKNOWN),
        Column(
            "income",
            "string",
            "Yearly income; the evaluation file writes it with a final dot.",
            unit="USD",
            domain=("<=50K", ">50K"),
            spelling=(("<=50K.", "<=50K"), (">50K.", ">50K")),
            required=True,
            role="label",
        ),
    )
)
