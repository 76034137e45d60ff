"""`Report`: the contents of a report page, of a dataset or of a profile."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ...schemas.images import ImageSchema
from ...schemas.manifest import Ledger, SourceFile
from ...schemas.schema import Schema
from ..runtime.elements import Reject

__all__ = ["Report"]


@dataclass(frozen=True, kw_only=True)
class Report:
    """Contents of a report page.

    Attributes:
      title: The dataset's name.
      created: When it was prepared or profiled, ISO 8601.
      versions: Package name to version.
      inputs: The files read.
      ledger: By split, where every record went.
      raw: By split, the `DatasetFeatureStatistics` of the columns, train first.
      transformed: The same of what the graph makes of them; empty where nobody looked.
      schema: What is known of the columns; None for no more than their statistics.
      rejects: By split, a few rejected records of each reason.
      images: What the manifest says of images; empty for a table.
      sheets: By split, a PNG or JPEG file with some of its pictures.
      repeats: By split, how many rows equal another one; a split where nobody counted has none.
      unseen: By split but train, by column, how many values are not in train; None for unknown.
      warnings: What may be wrong with the dataset as a whole.
    """

    title: str
    created: str
    versions: Mapping[str, str] = field(default_factory=dict)
    inputs: tuple[SourceFile, ...] = ()
    ledger: Mapping[str, Ledger] = field(default_factory=dict)
    raw: Mapping[str, Any] = field(default_factory=dict)
    transformed: Mapping[str, Any] = field(default_factory=dict)
    schema: Schema | ImageSchema | None = None
    rejects: Mapping[str, Sequence[Reject]] = field(default_factory=dict)
    images: Mapping[str, Any] = field(default_factory=dict)
    sheets: Mapping[str, bytes] = field(default_factory=dict)
    repeats: Mapping[str, int] = field(default_factory=dict)
    unseen: Mapping[str, Mapping[str, int | None]] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
