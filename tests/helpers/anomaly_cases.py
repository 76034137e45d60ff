"""Good rows, and the findings in others, for the tests of anomalies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from recordmill.pipelines.config.csv_format import CsvFormat
from recordmill.pipelines.runtime.elements import InputFile
from recordmill.pipelines.validation.blocks import BlockSummary, examine_block, merge
from recordmill.pipelines.validation.files import blocks, names_of, portions
from recordmill.pipelines.validation.observed import summarize
from recordmill.schemas.anomalies.find import Findings, find_anomalies
from recordmill.schemas.anomalies.observed import BadValues, InputSummary
from recordmill.schemas.column import Column
from recordmill.schemas.schema import Schema
from recordmill.schemas.statistics.fold import StatisticsFold

SCHEMA = Schema(
    (
        Column("age", "int64", minimum=0, maximum=90),
        Column("share", "float32", maximum=0.7),
        Column("sex", "string", domain=("F", "M")),
        Column("pay", "string", domain=("low", "high"), required=True, role="label"),
    )
)
GOOD: Mapping[str, Sequence[Any]] = {
    "age": [20, 40, None, 60],
    "share": [0.1, 0.7, 0.2, None],
    "sex": ["F", "M", "M", None],
    "pay": ["low", "low", "high", "high"],
}


def statistics(rows: Mapping[str, Sequence[Any]] = GOOD, times: int = 1) -> Any:
    """Statistics of rows, as a run writes them."""
    columns = tuple(Column(name, SCHEMA[name].type) for name in SCHEMA.names if name in rows)
    schema = Schema(columns)
    fields = schema.arrow_schema()
    batch = pa.RecordBatch.from_arrays(
        [pa.array(list(rows[one.name]) * times, fields.field(one.name).type) for one in columns],
        schema=fields,
    )
    fold = StatisticsFold(schema)
    return fold.to_proto({"": fold.add(fold.start(), batch)}).datasets[0]


def findings_of(rows: Mapping[str, Sequence[Any]], **options: Any) -> Findings:
    """Validate rows against `SCHEMA`."""
    proto = options.pop("schema", SCHEMA.to_proto())
    bad = options.pop("bad", {})
    return find_anomalies(proto, InputSummary(statistics(rows), bad=bad), **options)


def bad(text: str, count: int, location: str) -> BadValues:
    values = BadValues()
    values.add(text, count, location)
    return values


def anomalies_of(findings: Findings) -> list[tuple[str | None, str, str]]:
    return [(anomaly.column, anomaly.type, anomaly.long) for anomaly in findings.anomalies]


def examine_here(
    schema: Schema,
    *,
    inputs: Sequence[str],
    csv_format: CsvFormat | None = None,
    requests: bool = False,
    **_: Any,
) -> InputSummary:
    """`examine`, block by block, without a pipeline."""
    examined = examined_here(schema, inputs, csv_format or CsvFormat(), requests)
    return summarize(examined, schema)


def examined_here(
    schema: Schema, paths: Sequence[str], csv_format: CsvFormat, requests: bool = False
) -> BlockSummary:
    """What files hold."""
    parts = []
    for index, path in enumerate(paths):
        whole = names_of(InputFile(path, None, index), schema.names, csv_format, requests)
        parts.append(merge(schema, []))
        parts[-1].files[path] = whole.columns
        for portion in (whole, *portions(whole, csv_format)):
            parts += [examine_block(block, schema) for block in blocks(portion, csv_format)]
    return merge(schema, parts)
