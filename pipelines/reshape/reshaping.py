"""Pipeline of a `Reshape`, which runs before the main one.

    scan -> parse and clean by the source's schema -> function of deferred frames -> Parquet files

Its files are the inputs of the main pipeline. The runner decides which file a row is in; no result
depends on it, since the main pipeline orders rows by their content.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
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
from ..readers.csv_stages import ScanCsv, check_formats
from ..readers.parse import parse_fragment
from ..readers.scan import file_fragments
from ..runtime import filesystem as files
from ..runtime.elements import FileFragment, ScannedFile
from ..runtime.thread_pool import in_global_window
from ..selection.read_counts import ReadCounts, check_rejects, read_counts_of, sum_read_counts
from ..tables.clean import clean
from ..tables.dataframes import frame_table
from .reshape import failing_line, reshaped_frame, to_frame

__all__ = ["Reshaped", "reshape", "reshaped_splits"]

_NO_SPLIT = "inputs"
"""Name of the inputs where they name no split."""

_SUMMARY = "reshaped.json"

_FILE_ROWS = 1 << 40
"""More rows than a file has: the index of a row is this times the file's, plus its line."""


@dataclass(frozen=True)
class Reshaped:
    """The result of a reshape.

    Attributes:
      inputs: Parquet files with the rows to prepare.
      metadata: Entry of the manifest, as JSON: "function"; "sources", for each split or table its
        "files" (as `SourceFile`s), the number of records "read", those "rejected" by reason, and
        for a table its "spans"; and "rows", the number of rows of each split.
    """

    inputs: tuple[Input, ...]
    metadata: Mapping[str, Any]


def reshaped_splits(spec: Reshape, inputs: Sequence[Input]) -> tuple[str | None, ...]:
    """Return the splits that a reshape produces, in the order of the inputs.

    Raises:
      RecipeError: There are inputs and no schema for them, or a schema and no inputs, or a split
        and a table have the same name.
    """
    if (spec.schema is None) == bool(inputs):
        needs = "no inputs but its tables" if spec.schema is None else "inputs"
        raise RecipeError(f"reshape {spec.name}: expected {needs}, got {len(inputs)} inputs")
    splits = tuple(dict.fromkeys(entry.split for entry in inputs)) or (None,)
    for name in spec.tables:
        if name in splits or name == _NO_SPLIT:
            raise RecipeError(f'reshape {spec.name}: "{name}" is a split and a table; rename one')
    return splits


def reshape(
    spec: Reshape,
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
    """Compute the rows to prepare.

    Args:
      spec: The function, and its tables.
      inputs: Inputs of the run, spans resolved.
      schema: Schema of the rows to prepare, which the function must return.
      csv: Format of the inputs that are CSV.
      max_reject_ratio: Share of the records of a split, or of a table, that may be rejected.
      folder: Path of a folder of the run for the rows, which all workers can access.
      rejects: Path of the folder for rejected rows of the sources: one `reshape-NAME.jsonl` for
        each split or table, as those of the main pipeline.
      runner: As in `prepare`.
      options: As in `prepare`.
      check: Called with the inputs of each table, spans resolved, before any data is read.

    Raises:
      DataError: A source is bad, or more of its rows than `max_reject_ratio`.
      RecipeError: The function failed, when it was called or on rows.
    """
    splits = reshaped_splits(spec, inputs)
    main = _tables_by_split(splits, inputs, spec.schema, csv)
    resolved = {name: resolve(table.inputs) for name, table in spec.tables.items()}
    tables = {name: replace(table, inputs=resolved[name][0]) for name, table in spec.tables.items()}
    for table in tables.values():
        if check:
            check(table.inputs)
    for table in (*main.values(), *tables.values()):
        check_formats(table.inputs)
    with _explain_failures(spec), beam.Pipeline(runner, options) as p:
        _build(p, replace(spec, tables=tables), main, schema, max_reject_ratio, folder)
    summary = json.loads(files.read_bytes(files.join(folder, _SUMMARY)))
    for name in summary["sources"]:
        _publish_rejects(files.join(folder, "rejects", name), rejects, name)
    for name, (_, spans) in resolved.items():
        summary["sources"][name]["spans"] = [asdict(span) for span in spans]
    return _reshaped(splits, summary, schema, folder)


def _tables_by_split(
    splits: Iterable[str | None], inputs: Sequence[Input], schema: Schema | None, csv: CsvFormat
) -> dict[str, Table]:
    """Return the inputs of each split as a table; none where the run has no inputs of its own."""
    if schema is None:
        return {}
    return {
        split or _NO_SPLIT: Table(
            schema=schema, inputs=tuple(i for i in inputs if i.split == split), csv=csv
        )
        for split in splits
    }


def _build(
    p: beam.Pipeline,
    spec: Reshape,
    main: Mapping[str, Table],
    schema: Schema,
    max_reject_ratio: float,
    folder: str,
) -> None:
    """Add all stages to a pipeline; the last one writes a summary for `_reshaped`."""
    tables = {**main, **spec.tables}
    rejects = files.join(folder, "rejects")
    sources = {
        name: p | f"Read {name}" >> _ReadTable(name, table, max_reject_ratio, rejects)
        for name, table in tables.items()
    }

    def frame_of(name: str) -> Any:
        """Create a frame for each call, since the function may add columns to it."""
        return convert.to_dataframe(sources[name].frames, proxy=to_frame([], tables[name].schema))

    written = []
    for name in main or (_NO_SPLIT,):
        frames = {table: frame_of(table) for table in spec.tables}
        frame = reshaped_frame(spec, frame_of(name) if main else None, frames, schema)
        rows = convert.to_pcollection(frame, yield_elements="pandas", label=f"Reshape {name}")
        write = _WriteFrames(name, files.join(folder, "rows"), schema, spec.name)
        written.append(rows | f"Write {name}" >> beam.ParDo(write))
    _ = (
        p
        | "Once" >> beam.Create([files.join(folder, _SUMMARY)])
        | "WriteSummary"
        >> beam.Map(
            _write_summary,
            function=spec.name,
            sources=AsIter([s.sources for s in sources.values()] | "Sources" >> beam.Flatten()),
            counts=AsIter([s.counts for s in sources.values()] | "Counts" >> beam.Flatten()),
            written=AsIter(written | "Written" >> beam.Flatten()),
        )
    )


class _Read(NamedTuple):
    """Result of `_ReadTable`; `counts` has one element."""

    frames: beam.PCollection[pd.DataFrame]
    counts: beam.PCollection[tuple[str, ReadCounts]]
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
                [Input(None, entry.pattern) for entry in self.table.inputs],
                column_names=self.table.schema.names,
                csv_format=self.table.csv,
            )
            | "Name" >> beam.Map(_of_table, self.name)
        )
        rows = (
            scanned
            | "Cut" >> beam.FlatMap(file_fragments)
            | "SpreadParts" >> beam.Reshuffle()
            | "Clean"
            >> beam.FlatMap(_frames, table=self.table, rejects=self.rejects).with_outputs(
                "counts", main="frames"
            )
        )
        counts = (
            rows.counts
            | "AddUp" >> beam.CombineGlobally(sum_read_counts)
            | "CheckRejects"
            >> beam.Map(
                check_rejects,
                limit=self.max_reject_ratio,
                folder=files.join(self.rejects, self.name),
            )
            | "NameCounts" >> beam.Map(lambda counts, name: (name, counts), self.name)
        )
        return _Read(rows.frames, counts, scanned | "Source" >> beam.Map(_source))


def _of_table(scanned: ScannedFile, name: str) -> ScannedFile:
    """Count a file under the name of the table, as if that were its split."""
    return replace(scanned, file=replace(scanned.file, split=name))


def _source(scanned: ScannedFile) -> tuple[str | None, int, SourceFile]:
    file = scanned.file
    source = SourceFile(file.path, file.split, scanned.size, scanned.sha256, scanned.records)
    return file.split, file.index, source


def _frames(part: FileFragment, *, table: Table, rejects: str) -> Iterator[Any]:
    """Yield the clean rows of a fragment, a frame for each block; counts are tagged "counts"."""
    names = table.schema.names
    for block in parse_fragment(part, column_names=names, csv_format=table.csv):
        cleaned = clean(block, table.schema, RowSelection())
        yield from read_counts_of(
            cleaned, rejects, split=block.split, position=block.position, size=block.size
        )
        frame = to_frame([cleaned.batch], table.schema)
        frame.index = pd.Index(part.file.index * _FILE_ROWS + block.lines[cleaned.rows])
        yield frame


class _WriteFrames(beam.DoFn):  # type: ignore[misc]
    """DataFrame -> (split, path, rows): the frames of a bundle as one file, or one for each schema.

    A repeated bundle writes files of other names; only those that reach the summary are read.
    """

    def __init__(self, split: str, folder: str, schema: Schema, function: str) -> None:
        super().__init__()
        self._split, self._folder, self._schema = split, folder, schema
        self._function = function

    def start_bundle(self) -> None:
        self._stack = ExitStack()
        self._writer: pq.ParquetWriter | None = None
        self._written: list[tuple[str, int]] = []

    def process(self, frame: pd.DataFrame) -> None:
        if not len(frame):
            return
        table = frame_table(frame, self._schema, name=f"reshape {self._function}")
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
def _explain_failures(reshape: Reshape) -> Iterator[None]:
    """Raise errors of the function on rows as a RecipeError, and all others as they are."""
    try:
        yield
    except (RecordmillError, OSError):
        raise
    except Exception as error:
        text = str(error)
        if isinstance(error, RuntimeError) and _PASSED_ON.search(text):
            raise
        reason = f"{type(error).__name__}: {_WHILE.sub('', text).strip()}"
        raise RecipeError(
            f"reshape {failing_line(reshape, error)}: it failed on rows: {reason}"
        ) from error


_WHILE = re.compile(r" \[while running '.*", re.DOTALL)
_PASSED_ON = re.compile(r"^KeyboardInterrupt|^recordmill\.schemas\.errors\.", re.MULTILINE)


def _write_summary(
    path: str,
    *,
    function: str,
    sources: Iterable[tuple[str, int, SourceFile]],
    counts: Iterable[tuple[str, ReadCounts]],
    written: Iterable[tuple[str, str, int]],
) -> None:
    """Write the sources that were read, and the files that were written, as JSON."""
    ordered = sorted(sources, key=lambda source: source[:2])
    summary = {
        "function": function,
        "sources": {
            label: {
                "files": [asdict(file) for name, _, file in ordered if name == label],
                "read": read.records,
                "rejected": dict(read.ledger.get(label, Ledger()).rejected),
            }
            for label, read in sorted(counts)
        },
        "written": sorted(written),
    }
    files.write_bytes(path, json.dumps(summary).encode(), durable=False)


def _publish_rejects(folder: str, rejects: str, name: str) -> None:
    paths = (files.join(folder, path) for path in files.list_files(folder))
    files.concatenate(files.join(rejects, f"reshape-{name}.jsonl"), paths)


def _reshaped(
    splits: Sequence[str | None], summary: dict[str, Any], schema: Schema, folder: str
) -> Reshaped:
    """Return the files in the summary, and one without rows for each split that got none."""
    written = summary.pop("written")
    inputs: list[Input] = []
    rows = {}
    for split in splits:
        name = split or _NO_SPLIT
        paths = [path for label, path, _ in written if label == name]
        if not paths:
            paths = [files.join(folder, "rows", f"{name}.parquet")]
            with files.create(paths[0], durable=False) as file:
                pq.write_table(schema.arrow_schema().empty_table(), file)
        inputs += [Input(split, path) for path in paths]
        rows[name] = sum(count for label, _, count in written if label == name)
    return Reshaped(tuple(inputs), {**summary, "rows": rows})
