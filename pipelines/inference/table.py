"""`InferredTable`: counts and column summaries of files, added up batch by batch."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from ...schemas.inference.observed import ColumnSummary
from ..readers.text_encoding import UNDECODABLE
from ..runtime.elements import Reject, TextBatch
from .sniff import Dialect

__all__ = ["InferredTable"]

_UNDECODABLE = 20
"""Number of undecodable records to keep, for guessing their encoding."""


@dataclass
class InferredTable:
    """Counts and column summaries of the files that a recipe is inferred from.

    Attributes:
      source: Name of the files in messages.
      dialect: Format and column names.
      columns: Summary of each column, in order.
      records: Number of records.
      rejected: Number of records that are not rows, by reason.
      rejects: First record of each reason, and the first few that are not UTF-8 text.
      comment_lines: Number of lines taken for comments.
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
        """Number of records that are rows."""
        return self.records - self.rejected.total()

    def add(self, batch: TextBatch) -> None:
        """Count the records and rejects of the next batch; the values are counted elsewhere."""
        self.records += batch.records
        for reject in batch.rejects:
            limit = _UNDECODABLE if reject.reason == UNDECODABLE else 1
            if self.rejected[reject.reason] < limit:
                self.rejects.append(reject)
            self.rejected[reject.reason] += 1
