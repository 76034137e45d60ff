"""The pipeline of a `Reshape`, before the main one.

scan -> parse and clean by the source's schema -> function of deferred frames -> Parquet files

Its files are the main pipeline's inputs. Which rows stand in which file depends on the runner; the
main pipeline orders rows by their content, so nothing else does.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any, NamedTuple
from uuid import uuid4

import apache_beam as beam
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from apache_beam.dataframe import convert
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.pvalue import AsIter

from ...schemas.errors import RecipeError, RecordmillError
from ...schemas.manifest import Ledger, SourceFile
from ...schemas.schema import Schema
from ..config.csv_format import CsvFormat
from ..config.input import Input
from ..config.reshape import Reshape, Table
from ..config.row_selection import RowSelection
from ..inputs.spans import resolve
from ..readers.csv_source import ScanCsv, check_formats
from ..readers.parse import parse_part
from ..readers.scan import parts
from ..runtime import filesystem as files
from ..runtime.elements import FileFragment, ScannedFile
from ..runtime.thread_pool import in_global_window
from ..selection.read_counts import ReadCounts, check_rejects, read_counts_of, sum_read_counts
from ..tables.clean import clean
from ..tables.dataframes import frame_table
from .reshape import place_of, reshaped_frame, to_frame

__all__ = ["Reshaped", "reshape", "reshaped_splits"]

_WHOLE = "inputs"
"""What the inputs are called where they name no split."""

_FILE_ROWS = 1 << 40
"""More rows than a file has: the index of a row is this times its file, and its line."""


@dataclass(frozen=True)
class Reshaped:
    """What came of a reshape.

    Attributes:
      inputs: The rows to prepare, as Parquet files.
      told: For the manifest, as JSON: "function"; "sources", for each split or table its "files"
        (as `SourceFile`s), the records "read", those "rejected" by reason, and of a table its
        "spans"; and "rows", the rows that each split was given.
    """

    inputs: tuple[Input, ...]
    told: Mapping[str, Any]


def reshaped_splits(what: Reshape, inputs: Sequence[Input]) -> tuple[str | None, ...]:
    """The splits of what a reshape will return, in the order of the inputs.

    Raises:
      RecipeError: There are inputs and no schema for them, or the other way round, or a split is
        called as a table is.
    """
    if (what.schema is None) == bool(inputs):
        needs = "no inputs but its tables" if what.schema is None else "inputs"
        raise RecipeError(f"reshape {what.name}: expected {needs}, got {len(inputs)} inputs")
    splits = tuple(dict.fromkeys(one.split for one in inputs)) or (None,)
    for name in what.tables:
        if name in splits or name == _WHOLE:
            raise RecipeError(f'reshape {what.name}: "{name}" is a split and a table; rename one')
    return splits


def reshape(
    what: Reshape,
    inputs: Sequence[Input],
    *,
    schema: Schema,
    csv: CsvFormat,
    max_reject_ratio: float,
    folder: str,
    rejects: str,
    runner: beam.runners.PipelineRunner,
    options: PipelineOptions | None = None,
    check: Callable[[Sequence[Input]], None] | None = None,
) -> Reshaped:
    """Make the rows to prepare.

    Args:
      what: What is to be done.
      inputs: The run's, spans resolved.
      schema: The columns of the rows to prepare, which the function must return.
      csv: How the inputs are written, where they are CSV.
      max_reject_ratio: The share of the records of a split, or of a table, that may be rejected.
      folder: Of the run, for the rows; workers must see it.
      rejects: Where the rejected rows of the sources go, one `reshape-NAME.jsonl` a split or
        table, as those of the main pipeline.
      runner: As of `prepare`.
      options: As of `prepare`.
      check: Is called with the inputs of each table, spans resolved, before any data is read.

    Raises:
      DataError: A source is bad, or more of its rows than `max_reject_ratio`.
      RecipeError: The function failed, when it was called or on rows.
    """
    splits = reshaped_splits(what, inputs)
    told = files.join(folder, "reshaped.json")
    read = partial(
        _ReadTable, max_reject_ratio=max_reject_ratio, rejects=files.join(folder, "rejects")
    )
    main = {
        split or _WHOLE: Table(
            schema=what.schema, inputs=tuple(i for i in inputs if i.split == split), csv=csv
        )
        for split in splits
        if what.schema is not None
    }
    resolved = {name: resolve(table.inputs) for name, table in what.tables.items()}
    tables = {name: replace(table, inputs=resolved[name][0]) for name, table in what.tables.items()}
    for table in tables.values():
        if check:
            check(table.inputs)
    for table in (*main.values(), *tables.values()):
        check_formats(table.inputs)
    with _failures(what), beam.Pipeline(runner, options) as p:
        _build(p, replace(what, tables=tables), main, schema, read, folder, told)
    found = json.loads(files.read_bytes(told))
    for name in found["sources"]:
        _publish_rejects(files.join(folder, "rejects", name), rejects, name)
    for name, (_, spans) in resolved.items():
        found["sources"][name]["spans"] = [asdict(span) for span in spans]
    return _reshaped(splits, found, schema, folder)


def _build(
    p: beam.Pipeline,
    what: Reshape,
    main: Mapping[str, Table],
    schema: Schema,
    read: Callable[[str, Table], _ReadTable],
    folder: str,
    told: str,
) -> None:
    """Add it all to a pipeline; what it did stands in the file `told`."""
    every = {**main, **what.tables}
    sources = {name: p | f"Read {name}" >> read(name, table) for name, table in every.items()}

    def frame_of(name: str) -> Any:
        """A frame of its own for each call: the function may add columns to it."""
        return convert.to_dataframe(sources[name].frames, proxy=to_frame([], every[name].schema))

    written = []
    for name in main or (_WHOLE,):
        tables = {table: frame_of(table) for table in what.tables}
        frame = reshaped_frame(what, frame_of(name) if main else None, tables, schema)
        pieces = convert.to_pcollection(frame, yield_elements="pandas", label=f"Reshape {name}")
        write = _WritePieces(name, files.join(folder, "rows"), schema, what.name)
        written.append(pieces | f"Write {name}" >> beam.ParDo(write))
    _ = (
        p
        | "Once" >> beam.Create([told])
        | "Tell"
        >> beam.Map(
            _tell,
            function=what.name,
            sources=AsIter([s.sources for s in sources.values()] | "Sources" >> beam.Flatten()),
            accounts=AsIter([s.account for s in sources.values()] | "Accounts" >> beam.Flatten()),
            written=AsIter(written | "Written" >> beam.Flatten()),
        )
    )


class _Read(NamedTuple):
    """What `_ReadTable` gives; the account is one."""

    frames: beam.PCollection[pd.DataFrame]
    account: beam.PCollection[tuple[str, ReadCounts]]
    sources: beam.PCollection[tuple[str, int, SourceFile]]


@dataclass(eq=False)
class _ReadTable(beam.PTransform):  # type: ignore[misc]
    """PBegin -> `_Read`."""

    name: str
    table: Table
    max_reject_ratio: float
    rejects: str

    def expand(self, begin: beam.pvalue.PBegin) -> _Read:
        scanned = (
            begin
            | "Scan"
            >> ScanCsv(
                [Input(None, one.pattern) for one in self.table.inputs],
                column_names=self.table.schema.names,
                csv_format=self.table.csv,
            )
            | "Name" >> beam.Map(_of_table, self.name)
        )
        rows = (
            scanned
            | "Cut" >> beam.FlatMap(parts)
            | "SpreadParts" >> beam.Reshuffle()
            | "Clean"
            >> beam.FlatMap(_frames, table=self.table, rejects=self.rejects).with_outputs(
                "counts", main="frames"
            )
        )
        account = (
            rows.counts
            | "AddUp" >> beam.CombineGlobally(sum_read_counts)
            | "CheckRejects"
            >> beam.Map(
                check_rejects,
                limit=self.max_reject_ratio,
                folder=files.join(self.rejects, self.name),
            )
            | "NameAccount" >> beam.Map(lambda account, name: (name, account), self.name)
        )
        return _Read(rows.frames, account, scanned | "Source" >> beam.Map(_source))


def _of_table(scanned: ScannedFile, name: str) -> ScannedFile:
    """Count a file under the table's name, which need not be one that a split may have."""
    return replace(scanned, file=replace(scanned.file, split=name))


def _source(scanned: ScannedFile) -> tuple[str | None, int, SourceFile]:
    file = scanned.file
    source = SourceFile(file.path, file.split, scanned.size, scanned.sha256, scanned.records)
    return file.split, file.index, source


def _frames(part: FileFragment, *, table: Table, rejects: str) -> Iterator[Any]:
    """The clean rows of a part, a frame a block; and tagged "account"."""
    names = table.schema.names
    for block in parse_part(part, column_names=names, csv_format=table.csv):
        cleaned = clean(block, table.schema, RowSelection())
        yield from read_counts_of(
            cleaned, rejects, split=block.split, position=block.position, size=block.size
        )
        frame = to_frame([cleaned.batch], table.schema)
        frame.index = pd.Index(part.file.index * _FILE_ROWS + block.lines[cleaned.rows])
        yield frame


class _WritePieces(beam.DoFn):  # type: ignore[misc]
    """DataFrame -> (split, path, rows): the pieces of a bundle as one file, or one a schema.

    A bundle that is done again writes files of other names; those that count are those told.
    """

    def __init__(self, split: str, folder: str, schema: Schema, function: str) -> None:
        super().__init__()
        self._split, self._folder, self._schema = split, folder, schema
        self._function = function

    def start_bundle(self) -> None:
        self._stack = ExitStack()
        self._writer: pq.ParquetWriter | None = None
        self._written: list[tuple[str, int]] = []

    def process(self, piece: pd.DataFrame) -> None:
        if not len(piece):
            return
        table = frame_table(piece, self._schema, name=f"reshape {self._function}")
        if self._writer is None or self._writer.schema != table.schema:
            self._begin(table.schema)
        assert self._writer is not None
        self._writer.write_table(table)
        path, rows = self._written[-1]
        self._written[-1] = path, rows + table.num_rows

    def _begin(self, schema: pa.Schema) -> None:
        self._stack.close()
        path = files.join(self._folder, f"{self._split}-{uuid4().hex}.parquet")
        file = self._stack.enter_context(files.create(path, durable=False))
        self._writer = self._stack.enter_context(pq.ParquetWriter(file, schema))
        self._written.append((path, 0))

    def finish_bundle(self) -> Iterator[Any]:
        self._stack.close()
        for path, rows in self._written:
            yield in_global_window((self._split, path, rows))


@contextmanager
def _failures(reshape: Reshape) -> Iterator[None]:
    """What the function raises on rows as a RecipeError; ours, and the system's, as they are."""
    try:
        yield
    except (RecordmillError, OSError):
        raise
    except Exception as error:
        text = str(error)
        if isinstance(error, RuntimeError) and _PASSED_ON.search(text):
            raise
        told = _WHILE.sub("", text).strip()
        raise RecipeError(
            f"reshape {place_of(reshape, error)}: it failed on rows: {type(error).__name__}: {told}"
        ) from error


_WHILE = re.compile(r" \[while running '.*", re.DOTALL)
_PASSED_ON = re.compile(r"^KeyboardInterrupt|^recordmill\.schemas\.errors\.", re.MULTILINE)


def _tell(
    path: str,
    *,
    function: str,
    sources: Iterable[tuple[str, int, SourceFile]],
    accounts: Iterable[tuple[str, ReadCounts]],
    written: Iterable[tuple[str, str, int]],
) -> None:
    """Write down what was read and written."""
    ordered = sorted(sources, key=lambda source: source[:2])
    told = {
        "function": function,
        "sources": {
            label: {
                "files": [asdict(file) for name, _, file in ordered if name == label],
                "read": account.records,
                "rejected": dict(account.ledger.get(label, Ledger()).rejected),
            }
            for label, account in sorted(accounts)
        },
        "written": sorted(written),
    }
    files.write_bytes(path, json.dumps(told).encode(), durable=False)


def _publish_rejects(folder: str, rejects: str, name: str) -> None:
    parts = (files.join(folder, part) for part in files.list_files(folder))
    files.concatenate(files.join(rejects, f"reshape-{name}.jsonl"), parts)


def _reshaped(
    splits: Sequence[str | None], found: dict[str, Any], schema: Schema, folder: str
) -> Reshaped:
    """The files that count; one without rows for a split that got none."""
    written = found.pop("written")
    inputs: list[Input] = []
    rows = {}
    for split in splits:
        name = split or _WHOLE
        paths = [path for label, path, _ in written if label == name]
        if not paths:
            paths = [files.join(folder, "rows", f"{name}.parquet")]
            with files.create(paths[0], durable=False) as file:
                pq.write_table(schema.arrow_schema().empty_table(), file)
        inputs += [Input(split, path) for path in paths]
        rows[name] = sum(count for label, _, count in written if label == name)
    return Reshaped(tuple(inputs), {**found, "rows": rows})
