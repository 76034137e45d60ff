"""`ColumnProposal`: what becomes of a column, and why; and the limits that several rules share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from ..column import BadValue, ColumnType, Role

__all__ = ["ENOUGH", "NUMERIC", "VOCABULARY", "ColumnProposal", "Feature", "Step"]

Step = str | dict[str, Any]
"""An operation by its name, or {its name: its arguments}."""

Kind = Literal[
    "nothing", "constant", "identifier", "date", "number", "category", "several", "text", "hashed"
]

NUMERIC = 0.99
"""A column is one of numbers, or of dates, where at least this share of its values are."""

ENOUGH = 20
"""Fewer values than this do not tell an identifier from a category."""

VOCABULARY = 1000
"""Up to so many different values are listed in a vocabulary."""


@dataclass(frozen=True)
class Feature:
    """One feature of a column.

    Attributes:
      suffix: What its name has behind the column's.
      steps: Its transform.
    """

    suffix: str
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class ColumnProposal:
    """What becomes of a column.

    Attributes:
      kind: In a word.
      type: As in `Column`.
      reasons: Why, and what else a reader should know; one line each.
      features: What is made of it; none where it is left out.
      missing: The tokens that mean "no value".
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
