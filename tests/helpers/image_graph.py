"""Transform graphs of images without an analysis, and rows of images, for tests of one stage."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from recordmill.pipelines.analysis.fused.export import export
from recordmill.pipelines.analysis.fused.graph import fingerprint, trace
from recordmill.pipelines.config.image_limits import ImageLimits
from recordmill.pipelines.images.annotations.refs import ImageRef
from recordmill.pipelines.images.check import check_image
from recordmill.pipelines.images.counts import with_marks
from recordmill.pipelines.images.files import FileRead, as_rows, open_file
from recordmill.pipelines.images.tensors import ImageTensorAdapter
from recordmill.schemas import ImageSchema


def write_graph(folder: Path, function: Callable[..., Any], schema: ImageSchema) -> str:
    """Write `transform_fn` and `transformed_metadata` of a function without analyzers."""
    specs = ImageTensorAdapter(schema).type_specs()
    model = folder / "transform_fn"
    export(function, specs, str(model), bindings=(), expected=fingerprint(trace(function, specs)))
    shutil.move(model / ".tft_metadata", folder / "transformed_metadata")
    return str(folder)


def rows_of(schema: ImageSchema, files: Sequence[tuple[bytes, dict[str, Any]]]) -> pa.RecordBatch:
    """Return rows of image files, each with the fields of its `ImageRef`."""
    good = []
    for index, (data, fields) in enumerate(files):
        ref = ImageRef(f"in/{index}", f"{index}.png", len(data), None, **fields)
        file = FileRead(data, hashlib.sha256(data).digest())
        good.append(open_file(ref, file, schema, limits=ImageLimits(), check=check_image))
    rows = as_rows(good, (), schema)
    return with_marks(rows, [one.marks for one in good]) if schema.kind == "detection" else rows
