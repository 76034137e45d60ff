"""`InferredTable`: what files were seen to hold, counted block by block."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from ...schemas.inference.observed import ColumnSummary
from ..readers.text_encoding import UNDECODABLE
from ..runtime.elements import Reject, TextBatch
from .sniff import Dialect

__all__ = ["InferredTable"]

_UNDECODABLE = 20
"""So many records that are no UTF-8 are kept, to see which encoding they look like."""


@dataclass
class InferredTable:
    """What files were seen to hold.

    Attributes:
      source: What to call the files in messages.
      dialect: How they are written.
      columns: What each column holds, in order.
      records: How many records there are.
      rejected: How many records are no rows, by reason.
      rejects: The first record of each reason, and the first few that are no UTF-8 text.
      comment_lines: How many lines are taken for comments.
    """

    source: str
    dialect: Dialect
    columns: list[ColumnSummary]
    records: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    rejects: list[Reject] = field(default_factory=list)
    comment_lines: int = 0

    @property
    def rows(self) -> int:
        """How many records are rows."""
        return self.records - self.rejected.total()

    def add(self, block: TextBatch) -> None:
        """Count the records of the next block, but for the values of its columns."""
        self.records += block.records
        for reject in block.rejects:
            kept = _UNDECODABLE if reject.reason == UNDECODABLE else 1
            if self.rejected[reject.reason] < kept:
                self.rejects.append(reject)
            self.rejected[reject.reason] += 1
