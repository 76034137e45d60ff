from __future__ import annotations

from collections import Counter

import numpy as np
import pyarrow as pa

from recordmill.pipelines.config.csv_format import CsvFormat
from recordmill.pipelines.inference.sniff import Dialect
from recordmill.pipelines.inference.table import InferredTable
from recordmill.pipelines.runtime.elements import Reject, TextBatch


def block(records: int, *reasons: str, first: int = 1) -> TextBatch:
    rejects = tuple(
        Reject("a.csv", first + place, None, reason, "", "") for place, reason in enumerate(reasons)
    )
    batch = pa.RecordBatch.from_pydict({"x": pa.array([], pa.string())})
    lines = np.zeros(0, np.int64)
    return TextBatch(None, "a.csv", (0, 0), batch, lines, str, records, 0, rejects)


def test_records_are_counted_and_the_first_of_each_reason_is_kept() -> None:
    table = InferredTable("a.csv", Dialect(CsvFormat(), ("x",), ()), [])
    table.add(block(10, "nul_byte", "too_few_fields", "nul_byte"))
    table.add(block(5, "nul_byte", first=20))
    assert (table.records, table.rows) == (15, 11)
    assert table.rejected == Counter(nul_byte=3, too_few_fields=1)
    assert [(one.reason, one.line) for one in table.rejects] == [
        ("nul_byte", 1),
        ("too_few_fields", 2),
    ]


def test_twenty_records_show_which_encoding_they_look_like() -> None:
    table = InferredTable("a.csv", Dialect(CsvFormat(), ("x",), ()), [])
    for _ in range(3):
        table.add(block(10, *["invalid_utf8"] * 9))
    assert (table.rejected["invalid_utf8"], len(table.rejects)) == (27, 20)
