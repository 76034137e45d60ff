"""`RowSelection`: the filters, the sampling and the split of rows."""

from __future__ import annotations

from dataclasses import dataclass, field

import pyarrow.compute as pc

from .splitting import Splitting

__all__ = ["RowSelection"]


@dataclass(frozen=True, kw_only=True)
class RowSelection:
    """Settings that select rows, assign them to splits and order them.

    Attributes:
      splitting: Ratios and key columns of the split by content, for rows whose input names none.
        Sampling decides by the same columns: the key columns, or else the whole row.
      seed: Seed of the keys, the splits and the sample.
      filters: Expressions over the columns of the schema; a row stays if all of them are true, and
        null counts as not true.
      sampling: Share of the rows to use, in (0, 1].
    """

    splitting: Splitting = field(default_factory=Splitting)
    seed: int = 0
    filters: tuple[pc.Expression, ...] = ()
    sampling: float = 1.0
