"""`Report`: the contents of the report of a dataset or a profile."""

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
    """Contents of the report of a dataset or a profile.

    Attributes:
      title: Name of the dataset.
      created: Time of preparation or profiling, ISO 8601.
      versions: Versions of packages, by name.
      inputs: Files read.
      ledger: Numbers of records read, written, rejected …, by split.
      raw: `DatasetFeatureStatistics` of the columns, by split, train first.
      transformed: The same of the transformed features; empty for a profile.
      schema: Schema of the columns; None if only their statistics are known.
      rejects: A few rejected records of each reason, by split.
      images: `Manifest.images`; empty for a table.
      sheets: Contact sheets, PNG or JPEG files, by split.
      repeats: Number of rows that are equal to another row, by split; without the splits where they
        were not counted.
      unseen: Number of values that are not in train, by split except train, and by column; None if
        unknown.
      warnings: Possible problems of the dataset as a whole.
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
