"""`ColumnProposal`: the proposed type and features of a column, and thresholds of several rules."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from ..column import BadValue, ColumnType, Role

__all__ = ["ENOUGH", "NUMERIC", "VOCABULARY", "ColumnProposal", "Feature", "Step"]

Step = str | dict[str, Any]
"""Operation of a recipe: its name, or {name: arguments}."""

Kind = Literal[
    "nothing", "constant", "identifier", "date", "number", "category", "several", "text", "hashed"
]

NUMERIC = 0.99
"""Least share of numbers, or of dates, in a column of numbers, or of dates."""

ENOUGH = 20
"""Least number of values that tells an identifier from a category."""

VOCABULARY = 1000
"""Most distinct values of a vocabulary."""


@dataclass(frozen=True)
class Feature:
    """Feature made from a column.

    Attributes:
      suffix: Suffix that its name adds to the column's.
      steps: Operations of its transform, in order.
    """

    suffix: str
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class ColumnProposal:
    """Proposed declaration and features of a column.

    Attributes:
      kind: Class of the column, in a word.
      type: As in `Column`.
      reasons: Reasons of the proposal, and remarks; one line each.
      features: Features of the column; none where it is left out.
      missing: Tokens that mean "no value".
      domain: As in `Column`.
      spelling: As in `Column`.
      bad_value: As in `Column`.
      role: As in `Column`.
      required: As in `Column`.
    """

    kind: Kind
    type: ColumnType
    reasons: tuple[str, ...]
    features: tuple[Feature, ...] = ()
    missing: tuple[str, ...] = ()
    domain: tuple[str, ...] = ()
    spelling: tuple[tuple[str, str], ...] = ()
    bad_value: BadValue = "reject"
    role: Role = "feature"
    required: bool = False
