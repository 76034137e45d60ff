"""`ReadCounts`: counts of every record read; and the files of rejects."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import reduce
from itertools import islice
from operator import add

import numpy as np
from apache_beam.pvalue import TaggedOutput

from ...schemas.errors import DataError
from ...schemas.manifest import Ledger
from ...schemas.split_names import UNSPLIT
from ..readers.text_encoding import rejects_advice
from ..runtime import filesystem as files
from ..runtime.elements import Reject
from ..shuffle.fingerprint import distinct_keys
from .select import CleanBatch

__all__ = ["ReadCounts", "check_rejects", "read_counts_of", "sum_read_counts", "write_reject_file"]


_SHOWN = 5
"""Rejects in the message of a run that had too many."""


@dataclass(frozen=True)
class ReadCounts:
    """Counts of some records up to the shuffle; they add up in any order.

    Attributes:
      ledger: Counts by split, `written` still 0.
      size: Number of bytes read.
      contents: Distinct first lanes of the keys of the selected rows; None where there are more of
        them than `distinct_keys` returns.
    """

    ledger: Mapping[str, Ledger]
    size: int = 0
    contents: frozenset[int] | None = frozenset()

    def __add__(self, other: ReadCounts) -> ReadCounts:
        names = sorted({*self.ledger, *other.ledger})
        none = Ledger()
        return ReadCounts(
            {name: self.ledger.get(name, none) + other.ledger.get(name, none) for name in names},
            self.size + other.size,
            _union(self.contents, other.contents),
        )

    @property
    def records(self) -> int:
        """Number of records read."""
        return sum(ledger.read for ledger in self.ledger.values())

    @property
    def rejected(self) -> int:
        """Number of records rejected, for any reason."""
        return sum(sum(ledger.rejected.values()) for ledger in self.ledger.values())


def _union(keys: frozenset[int] | None, others: frozenset[int] | None) -> frozenset[int] | None:
    if keys is None or others is None:
        return None
    return distinct_keys(np.array([*keys | others], np.uint64))


def sum_read_counts(counts: Iterable[ReadCounts]) -> ReadCounts:
    """Return the sum of counts; all zero for none."""
    return reduce(add, counts, ReadCounts({}))


def read_counts_of(
    cleaned: CleanBatch, folder: str, *, split: str | None, position: tuple[int, int], size: int
) -> Iterator[TaggedOutput]:
    """Write the rejects of a block, and yield its `ReadCounts`, tagged "counts".

    Args:
      cleaned: Rows of the block.
      folder: Folder of the rejects.
      split: Split that the input names, if any.
      position: (index of the input, index of the block in it).
      size: Size of the block in bytes.
    """
    write_reject_file(cleaned.rejects, folder, split=split, position=position)
    yield TaggedOutput("counts", ReadCounts(cleaned.ledger, size, distinct_keys(cleaned.hi)))


def write_reject_file(
    rejects: Sequence[Reject], folder: str, *, split: str | None, position: tuple[int, int]
) -> None:
    """Write the rejects of a block to a file, whose name is the same when a runner retries."""
    if not rejects:
        return
    stem = "-".join(f"{number:06d}" for number in position)
    path = files.join(folder, split or UNSPLIT, f"{stem}.jsonl")
    with files.create(path, durable=False) as lines:
        for reject in rejects:
            lines.write(json.dumps(asdict(reject), ensure_ascii=False).encode() + b"\n")


def check_rejects(counts: ReadCounts, *, limit: float, folder: str) -> ReadCounts:
    """Return the counts, unless too many records were rejected.

    Raises:
      DataError: More than `limit` of the records were; the message counts them by reason and
        shows the first ones.
    """
    if counts.rejected <= limit * counts.records:
        return counts
    reasons = sum_read_counts(
        [ReadCounts({"": ledger}) for ledger in counts.ledger.values()]
    ).ledger[""]
    shares = ", ".join(f"{count:,} {reason}" for reason, count in reasons.rejected.items())
    raise DataError(
        f"{counts.rejected:,} of {counts.records:,} records were rejected "
        f"({counts.rejected / counts.records:.2%}; max_reject_ratio is {limit:.2%}): {shares}. "
        f"Nothing was published. The first ones:\n{_first_rejects(folder)}"
    )


def _first_rejects(folder: str) -> str:
    shown: list[Reject] = []
    for name in files.list_files(folder):
        with files.read(files.join(folder, name)) as lines:
            shown += [Reject(**json.loads(line)) for line in islice(lines, _SHOWN - len(shown))]
    advice = rejects_advice(shown)
    return "\n".join([*(f"  {reject}" for reject in shown), *([advice] if advice else [])])
