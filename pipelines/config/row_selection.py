"""`RowSelection`: the filters, the sampling and the split of rows."""

from __future__ import annotations

from dataclasses import dataclass, field

import pyarrow.compute as pc

from .splitting import Splitting

__all__ = ["RowSelection"]


@dataclass(frozen=True, kw_only=True)
class RowSelection:
    """Settings that decide which rows stay, in which split and in which order.

    Attributes:
      splitting: Ratios and key columns by which content decides the split of rows whose input
        names none; the key columns, or else whole rows, are also what is sampled.
      seed: Seed of the keys, the splits and the sample.
      filters: Expressions over the schema's columns; a row stays where all are true, and null is
        not true.
      sampling: Share of the rows to keep, in (0, 1].
    """

    splitting: Splitting = field(default_factory=Splitting)
    seed: int = 0
    filters: tuple[pc.Expression, ...] = ()
    sampling: float = 1.0
