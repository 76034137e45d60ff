"""Files into clean rows with keys, and an account of every record: parse -> clean -> place.

One step, so that a block of text is worked on by one thread from its bytes to a sorted run and
nothing large goes from stage to stage.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial, reduce
from itertools import islice
from operator import add
from typing import Any, NamedTuple

import apache_beam as beam
import numpy as np
import numpy.typing as npt
import pyarrow as pa
from apache_beam.pvalue import TaggedOutput

from ...schemas.errors import DataError
from ...schemas.manifest import Ledger, SourceFile
from ...schemas.schema import Schema
from ...schemas.split_names import UNSPLIT
from ..config.recipe import Recipe
from ..readers.parse import parse_part
from ..readers.scan import parts
from ..readers.text_encoding import rejects_advice
from ..runtime import filesystem as files
from ..runtime.elements import Bucket, FileFragment, Reject, ScannedFile, TextBatch
from ..runtime.progress import Note, Progress
from ..runtime.thread_pool import ElementFn, SerialDoFn, ThreadedDoFn
from ..shuffle.bottom_k import BottomKSampler, merge_samples
from ..shuffle.fingerprint import few_keys
from ..shuffle.layout import FILE, KEY, LINE
from ..shuffle.shuffle import RowSink
from ..shuffle.sorted_runs import KeyedRows
from .clean import CleanBatch, clean

__all__ = [
    "SAMPLE_ROWS",
    "ReadCounts",
    "RowRouter",
    "IngestTable",
    "IngestResult",
    "read_counts_of",
    "check_rejects",
    "sum_read_counts",
    "write_rejects",
]

SAMPLE_ROWS = 64
"""Rows of a split whose text is kept for the parity check: those with the smallest keys."""

_SHOWN = 5
"""Rejects in the message of a run that had too many."""


@dataclass(frozen=True)
class ReadCounts:
    """What became of some records, by split, before they were shuffled.

    Attributes:
      ledger: The counts by split, `written` still 0.
      size: The bytes read.
      contents: The first lanes of the keys of the rows that were kept; None where there are more
        different ones than `few_keys` lists.
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
            _united(self.contents, other.contents),
        )

    @property
    def records(self) -> int:
        """The records read."""
        return sum(ledger.read for ledger in self.ledger.values())

    @property
    def rejected(self) -> int:
        """The records rejected, for whatever reason."""
        return sum(sum(ledger.rejected.values()) for ledger in self.ledger.values())


def _united(keys: frozenset[int] | None, others: frozenset[int] | None) -> frozenset[int] | None:
    if keys is None or others is None:
        return None
    return few_keys(np.array([*keys | others], np.uint64))


def _unchanged(buckets: beam.PCollection[Bucket]) -> beam.PCollection[Bucket]:
    return buckets


class IngestResult(NamedTuple):
    """What `IngestTable` gives.

    Attributes:
      rows: Cleaned rows, as `place` made them of each `KeyedRows` batch.
      accounts: An `ReadCounts` of the records that were read together.
      samples: (split, batch): of the rows with the smallest keys, in the order of their keys,
        what a request would carry, and the two key columns.
      sources: (place, `SourceFile`) for each input.
      findings: (name, what else was found), for the manifest.
      transform_fn: The folder of the transform graph, where that is there already.
      thin: Gives buckets without the rows that only all rows together tell to leave out.
    """

    rows: beam.PCollection[Any]
    accounts: beam.PCollection[ReadCounts]
    samples: beam.PCollection[tuple[str, pa.RecordBatch]]
    sources: beam.PCollection[tuple[int, SourceFile]]
    findings: beam.PCollection[tuple[str, Any]]
    transform_fn: beam.PCollection[str] | None = None
    thin: Callable[[beam.PCollection[Bucket]], beam.PCollection[Bucket]] = _unchanged

    def account(self, progress: Progress) -> beam.PCollection[ReadCounts]:
        """One `ReadCounts` of all records, which are noted in the progress as they are read."""
        return (
            self.accounts
            | "NoteRead" >> Note(progress, "read", lambda some: (some.records, some.size))
            | "AddUp" >> beam.CombineGlobally(sum_read_counts)
        )


@dataclass
class IngestTable(beam.PTransform):  # type: ignore[misc]
    """PCollection[ScannedFile] -> `IngestResult`.

    Attributes:
      recipe: Which rows count.
      schema: What the columns are.
      place: What happens to rows as soon as they are clean, such as that they become runs.
      rejects: A folder for the rejects: one file of JSON lines a block that has any.
      in_threads: Whether a pool of threads works, each holding what `place` gives for a whole
        part of a file; else one part after the other, one block in memory.
    """

    recipe: Recipe
    schema: Schema
    place: RowSink
    rejects: str
    in_threads: bool

    def expand(self, scanned: beam.PCollection[ScannedFile]) -> IngestResult:
        placing = RowRouter(self.place, SAMPLE_ROWS)
        work: ElementFn = _ReadPart(self.recipe, self.schema, placing, self.rejects)
        read = (
            scanned
            | "CutFiles" >> beam.FlatMap(parts)
            | "SpreadParts" >> beam.Reshuffle()
            # FileFragment
            | "ParseAndClean"
            >> beam.ParDo(ThreadedDoFn(work) if self.in_threads else SerialDoFn(work)).with_outputs(
                "account", "sample", main="rows"
            )
        )
        return IngestResult(
            rows=read.rows,
            accounts=read.account,
            samples=placing.samples(read.sample),
            sources=scanned | "Source" >> beam.Map(_source),
            findings=scanned.pipeline | "NoFindings" >> beam.Create([]),
        )


def _source(scanned: ScannedFile) -> tuple[int, SourceFile]:
    file = scanned.file
    source = SourceFile(file.path, file.split, scanned.size, scanned.sha256, scanned.records)
    return file.index, source


def sum_read_counts(accounts: Iterable[ReadCounts]) -> ReadCounts:
    return reduce(add, accounts, ReadCounts({}))


@dataclass
class RowRouter:
    """What happens to clean rows: they are placed, and a sample of them is kept.

    Attributes:
      place: Where they go.
      sample_rows: How many rows of each split are kept: those with the smallest keys.
    """

    place: RowSink
    sample_rows: int

    def setup(self) -> None:
        """Load what cannot be pickled, once a worker."""
        self.place.setup()
        self._smallest = BottomKSampler(self.sample_rows)

    def __call__(
        self, cleaned: CleanBatch, take: Callable[[npt.NDArray[np.int64]], pa.RecordBatch]
    ) -> Iterator[Any]:
        """What there is to shuffle now.

        Args:
          cleaned: The rows.
          take: What is kept of the rows at the given places, without their keys.
        """
        self._smallest.see(cleaned, take)
        for split, chosen in cleaned.by_split():
            yield from self.place(_keyed(split, cleaned, chosen))

    def finish(self) -> Iterator[Any]:
        """What is left to shuffle at the end of a bundle; and tagged "sample" what was kept."""
        yield from self.place.finish()
        for sample in self._smallest.finish():
            yield TaggedOutput("sample", sample)

    def samples(
        self, kept: beam.PCollection[tuple[str, pa.RecordBatch]]
    ) -> beam.PCollection[tuple[str, pa.RecordBatch]]:
        """What is kept of all that workers kept: the samples of `IngestResult`."""
        merge = partial(merge_samples, rows=self.sample_rows)
        return (
            kept
            | "GatherSamples" >> beam.GroupByKey()
            | "BottomK" >> beam.MapTuple(lambda split, some: (split, merge(some)))
        )


@dataclass(frozen=True)
class _ReadPart(ElementFn):
    """The work: FileFragment -> placed rows, and tagged "account" and "sample"."""

    recipe: Recipe
    schema: Schema
    placing: RowRouter
    rejects: str

    def setup(self) -> None:
        self.placing.setup()

    def __call__(self, part: FileFragment, *side_inputs: Any) -> Iterator[Any]:
        names = self.schema.names
        for block in parse_part(part, column_names=names, csv_format=self.recipe.csv):
            cleaned = clean(
                block,
                self.schema,
                splitting=self.recipe.split,
                seed=self.recipe.seed,
                filters=self.recipe.filters,
                sampling=self.recipe.sampling,
            )
            yield from read_counts_of(
                cleaned, self.rejects, split=block.split, position=block.position, size=block.size
            )
            rows = replace(cleaned, batch=_with_origin(block, cleaned))
            yield from self.placing(rows, partial(_texts, block, cleaned))

    def finish(self) -> Iterator[Any]:
        return self.placing.finish()


def read_counts_of(
    cleaned: CleanBatch, folder: str, *, split: str | None, position: tuple[int, int], size: int
) -> Iterator[TaggedOutput]:
    """Write the rejects of a block, and give its "account".

    Args:
      cleaned: What became of the block.
      folder: Where the rejects go.
      split: The split the input names, if any.
      position: The place of the block in the input.
      size: Its bytes.
    """
    write_rejects(cleaned.rejects, folder, split=split, position=position)
    yield TaggedOutput("account", ReadCounts(cleaned.ledger, size, few_keys(cleaned.hi)))


def _keyed(split: str, cleaned: CleanBatch, chosen: Any) -> KeyedRows:
    keys = [pa.array(cleaned.hi), pa.array(cleaned.lo)]
    schema = cleaned.batch.schema
    for name in KEY:
        schema = schema.append(pa.field(name, pa.uint64()))
    batch = pa.RecordBatch.from_arrays([*cleaned.batch.columns, *keys], schema=schema)
    return KeyedRows(
        split, batch if len(chosen) == batch.num_rows else batch.take(pa.array(chosen))
    )


def _with_origin(block: TextBatch, cleaned: CleanBatch) -> pa.RecordBatch:
    """The rows, and where each is from."""
    batch = cleaned.batch
    file = pa.DictionaryArray.from_arrays(
        pa.array(np.zeros(batch.num_rows, np.int32)), pa.array([block.file])
    )
    lines = pa.array(block.lines[cleaned.rows])
    return pa.RecordBatch.from_arrays(
        [*batch.columns, file, lines], names=[*batch.schema.names, FILE, LINE]
    )


def _texts(block: TextBatch, cleaned: CleanBatch, chosen: Any) -> pa.RecordBatch:
    """The text of the rows at these places, as it stands in the file."""
    texts = block.batch.take(pa.array(cleaned.rows[chosen]))
    columns = [column.dictionary_decode() for column in texts.columns]
    return pa.RecordBatch.from_arrays(columns, texts.schema.names)


def write_rejects(
    rejects: Sequence[Reject], folder: str, *, split: str | None, position: tuple[int, int]
) -> None:
    """One file a block, under a name that a replay writes again with the same content."""
    if not rejects:
        return
    place = "-".join(f"{number:06d}" for number in position)
    path = files.join(folder, split or UNSPLIT, f"{place}.jsonl")
    with files.create(path, durable=False) as lines:
        for reject in rejects:
            lines.write(json.dumps(asdict(reject), ensure_ascii=False).encode() + b"\n")


def check_rejects(account: ReadCounts, *, limit: float, folder: str) -> ReadCounts:
    """The account itself, where not too many records were rejected.

    Raises:
      DataError: More than `limit` of the records were; the message counts them by reason and
        shows the first ones.
    """
    if account.rejected <= limit * account.records:
        return account
    reasons = sum_read_counts(
        [ReadCounts({"": ledger}) for ledger in account.ledger.values()]
    ).ledger[""]
    counts = ", ".join(f"{count:,} {reason}" for reason, count in reasons.rejected.items())
    raise DataError(
        f"{account.rejected:,} of {account.records:,} records were rejected "
        f"({account.rejected / account.records:.2%}; max_reject_ratio is {limit:.2%}): {counts}. "
        f"Nothing was published. The first ones:\n{_first_rejects(folder)}"
    )


def _first_rejects(folder: str) -> str:
    shown: list[Reject] = []
    for name in files.list_files(folder):
        with files.read(files.join(folder, name)) as lines:
            shown += [Reject(**json.loads(line)) for line in islice(lines, _SHOWN - len(shown))]
    advice = rejects_advice(shown)
    return "\n".join([*(f"  {reject}" for reject in shown), *([advice] if advice else [])])
