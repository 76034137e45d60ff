"""Columns as `infer` sees them, from a list of texts."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from recordmill.pipelines.inference.observe import observe
from recordmill.schemas.inference.observed import ColumnSummary


def observed(texts: Sequence[str], *, portions: int = 1) -> ColumnSummary:
    """What is seen of a column, given in some portions."""
    seen = ColumnSummary()
    size = -(-len(texts) // portions) or 1
    for start in range(0, len(texts), size):
        portion = pa.array(texts[start : start + size], pa.string())
        observe(seen, portion.dictionary_encode())
    return seen
