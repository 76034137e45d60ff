"""Reports of small, wide, hostile and pictured data, made without a run."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
from PIL import Image

from recordmill.pipelines.report.report import Report
from recordmill.pipelines.runtime.elements import Reject
from recordmill.pipelines.samples.census import write_census_sample
from recordmill.schemas.census import CENSUS
from recordmill.schemas.column import Column
from recordmill.schemas.images import ImageSchema
from recordmill.schemas.manifest import Ledger, SourceFile
from recordmill.schemas.schema import Schema
from recordmill.schemas.statistics.fold import StatisticsFold

HOSTILE = (
    "<img src=x onerror=document.title='owned'>",
    "</script><script>document.title='owned'</script>",
    "<!--<script>",
    "{{7*7}}{% raw %}${7*7}",
    "line\u2028end\u2029",
    "\u202eright to left\u202c",
    "שלום عالم",
    "&lt;b&gt;&amp;",
    "\x00\x01\t\"'`\\",
    "x" * 10_000,
    "__proto__",
    "",
)
"""What stands in cells and names."""


def statistics(schema: Schema, splits: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """By split, the statistics of columns of values; None is missing."""
    fold = StatisticsFold(schema)
    types = {field.name: field.type for field in schema.arrow_schema()}
    found = {}
    for split, columns in splits.items():
        arrays = {name: pa.array(values) for name, values in columns.items()}
        batch = pa.RecordBatch.from_pydict(
            {
                name: array.dictionary_encode() if pa.types.is_string(array.type) else array
                for name, array in arrays.items()
            }
        )
        batch = pa.RecordBatch.from_arrays(
            [batch[name].cast(types[name]) for name in schema.names], names=list(schema.names)
        )
        profile = fold.add(fold.start(), batch)
        found[split] = fold.to_proto({split: profile}).datasets[0]
    return found


def census(folder: Path) -> Report:
    """The census sample, its strings as they are written there."""
    tables = {}
    for split, path in zip(("train", "eval"), write_census_sample(str(folder)), strict=True):
        lines = [
            line
            for line in Path(path).read_text().splitlines()
            if line.count(",") == len(CENSUS) - 1
        ]
        table = pyarrow.csv.read_csv(
            io.BytesIO("\n".join(lines).replace(", ", ",").replace("K.", "K").encode()),
            read_options=pyarrow.csv.ReadOptions(column_names=list(CENSUS.names)),
            convert_options=pyarrow.csv.ConvertOptions(null_values=["?"], strings_can_be_null=True),
        )
        tables[split] = {name: table[name].to_pylist() for name in CENSUS.names}
    return Report(
        title="census",
        created="2026-01-02T03:04:05+00:00",
        versions={"recordmill": "0.1.0", "tensorflow": "2.21.0"},
        inputs=(SourceFile("adult.data", "train", 1000, "ab" * 32, 1000),),
        ledger={split: Ledger(read=1000, written=1000) for split in tables},
        raw=statistics(CENSUS, tables),
        schema=CENSUS,
    )


def wide(columns: int, *, rows: int = 2000) -> Report:
    """Many columns of all kinds: train and eval, raw and transformed."""
    draw = np.random.default_rng(0)
    words = [f"value {word}" for word in range(40)]
    types = ("float32", "int64", "string")
    schema = Schema(tuple(Column(f"column_{i:03}", types[i % 3]) for i in range(columns)))  # type: ignore[arg-type]

    def values(place: int, count: int) -> Any:
        if place % 3 == 0:
            return draw.lognormal(place % 7, 0.2 + place % 5 / 4, count).astype(np.float32)
        if place % 3 == 1:
            return draw.poisson(1 + place % 50, count)
        return [words[word] for word in draw.zipf(1.3, count) % len(words)]

    splits = {
        split: {name: values(place, count) for place, name in enumerate(schema.names)}
        for split, count in (("train", rows), ("eval", rows // 4))
    }
    made = Schema(tuple(Column(name, "float32") for name in schema.names))
    scaled = {
        split: {name: draw.normal(size=300).astype(np.float32) for name in made.names}
        for split in splits
    }
    return Report(
        title="wide",
        created="2026-01-02T03:04:05+00:00",
        raw=statistics(schema, splits),
        transformed=statistics(made, scaled),
        schema=schema,
    )


def hostile() -> Report:
    """Names and cells that would act if they could, everywhere that data reaches the page."""
    columns = [Column(text, "string", doc=text, unit=text) for text in HOSTILE if text]
    schema = Schema((*columns, Column("number", "float32")))
    cells = list(HOSTILE) * 3
    table: dict[str, Any] = {column.name: cells for column in columns}
    table["number"] = [1e308 / 1e300, -5.0, 0.0] * len(HOSTILE)
    return Report(
        title="".join(HOSTILE[:4]),
        created=HOSTILE[0],
        versions={HOSTILE[0]: HOSTILE[1]},
        inputs=tuple(SourceFile(text, text, 1, text, 1) for text in HOSTILE),
        ledger={HOSTILE[0]: Ledger(read=12, rejected={HOSTILE[1]: 12})},
        raw=statistics(schema, {HOSTILE[0]: table, HOSTILE[1]: table}),
        schema=schema,
        rejects={HOSTILE[0]: [Reject(t, 1, t, HOSTILE[1], t, t) for t in HOSTILE]},
        unseen={HOSTILE[1]: {HOSTILE[0]: 5}},
    )


def pictures() -> Report:
    """A dataset of images, with a sheet."""
    sheet = io.BytesIO()
    Image.new("RGB", (60, 40), "#88aacc").save(sheet, format="PNG")
    names = Schema((Column("image/width", "int64"), Column("image/height", "int64")))
    sides = {"image/width": [640, 320, 640], "image/height": [480, 240, 200]}
    return Report(
        title="pets",
        created="2026-01-02T03:04:05+00:00",
        raw=statistics(names, {"train": sides}),
        schema=ImageSchema("classification", ("cat", HOSTILE[0])),
        images={
            "kind": "classification",
            "classes": ["cat", HOSTILE[0]],
            "storage": "jpeg",
            "height": 224,
            "width": 224,
            "formats": {"JPEG": 2, "PNG": 1},
            "counts": {"train": {"images": 3, "classes": {"cat": 2, HOSTILE[0]: 1}}},
            "near_duplicates": {
                "groups": 1,
                "images": 2,
                "straddling": 0,
                "dropped": 0,
                "examples": [[["train", HOSTILE[1]], ["train", "b.jpg"]]],
            },
        },
        sheets={"train": sheet.getvalue()},
    )
