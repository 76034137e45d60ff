"""Small synthetic census, in the format of the published files.

The values are random; only the names of the categories and the format of the files are those of the
real data. The income depends on age, education, marriage, hours and capital gain, so that a model
has something to learn.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator

__all__ = ["write_census_sample"]

TRAIN_ROWS, EVAL_ROWS = 2_000, 1_000

_WORKCLASS = ("Private", "Self-emp-not-inc", "Self-emp-inc", "Federal-gov", "Local-gov", "?")
_EDUCATION = {
    "10th": 6,
    "11th": 7,
    "HS-grad": 9,
    "Some-college": 10,
    "Assoc-voc": 11,
    "Bachelors": 13,
    "Masters": 14,
    "Doctorate": 16,
}
_MARITAL = ("Married-civ-spouse", "Never-married", "Divorced", "Separated", "Widowed")
_OCCUPATION = (
    "Tech-support",
    "Craft-repair",
    "Other-service",
    "Sales",
    "Exec-managerial",
    "Prof-specialty",
    "Machine-op-inspct",
    "Adm-clerical",
    "?",
)
_RELATIONSHIP = {
    "Married-civ-spouse": ("Husband", "Wife"),
    "Never-married": ("Own-child", "Not-in-family"),
    "Divorced": ("Unmarried", "Not-in-family"),
    "Separated": ("Unmarried", "Not-in-family"),
    "Widowed": ("Unmarried", "Not-in-family"),
}
_RACE = ("White", "Black", "Asian-Pac-Islander", "Amer-Indian-Eskimo", "Other")
_COUNTRY = ("United-States", "United-States", "United-States", "Mexico", "Germany", "India", "?")


def write_census_sample(directory: str) -> tuple[str, str]:
    """Write `adult.data` (2,000 rows) and `adult.test` (1,000 rows), always the same bytes.

    Args:
      directory: Folder to write; created if it does not exist.

    Returns:
      The paths of the training and the evaluation file.
    """
    os.makedirs(directory, exist_ok=True)
    draw = random.Random(1994)
    train, evaluation = (os.path.join(directory, name) for name in ("adult.data", "adult.test"))
    with open(train, "w", encoding="utf-8", newline="\n") as lines:
        lines.writelines(f"{row}\n" for row in _rows(draw, TRAIN_ROWS))
        lines.write("\n")
    with open(evaluation, "w", encoding="utf-8", newline="\n") as lines:
        lines.write("|1x3 Cross validator\n")
        lines.writelines(f"{row}.\n" for row in _rows(draw, EVAL_ROWS))
        lines.write("\n")
    return train, evaluation


def _rows(draw: random.Random, count: int) -> Iterator[str]:
    for _ in range(count):
        yield ", ".join(map(str, _person(draw)))


def _person(draw: random.Random) -> tuple[object, ...]:
    age = min(90, 17 + int(draw.gammavariate(2.6, 9)))
    education, rank = draw.choice(list(_EDUCATION.items()))
    marital = draw.choice(_MARITAL)
    sex = draw.choice(("Female", "Male"))
    occupation = draw.choice(_OCCUPATION)
    hours = min(99, max(1, round(draw.gauss(40, 12))))
    gain = draw.choice((0, 0, 0, 0, 0, 0, 0, 2174, 5178, 15024))
    loss = 0 if gain else draw.choice((0, 0, 0, 0, 0, 0, 0, 0, 1902, 2002))
    score = (
        0.03 * (min(age, 55) - 38)
        + 0.35 * (rank - 10)
        + 1.6 * (marital == "Married-civ-spouse")
        + 0.8 * (occupation in ("Exec-managerial", "Prof-specialty"))
        + 0.03 * (hours - 40)
        + gain / 4000
        - 2.8
    )
    return (
        age,
        "?" if occupation == "?" else draw.choice(_WORKCLASS),
        draw.randrange(20_000, 500_000),
        education,
        rank,
        marital,
        occupation,
        draw.choice(_RELATIONSHIP[marital]),
        draw.choices(_RACE, (85, 9, 3, 1, 2))[0],
        sex,
        gain,
        loss,
        hours,
        draw.choice(_COUNTRY),
        ">50K" if draw.gauss(score, 1) > 0 else "<=50K",
    )
