"""Descriptions of data: columns, schemas, statistics, anomalies, and the manifest of a dataset."""

from .column import MISSING_INT64, Column
from .errors import DataError, RecipeError, RecordmillError
from .images import ImageSchema
from .schema import Schema

__all__ = [
    "MISSING_INT64",
    "Column",
    "DataError",
    "ImageSchema",
    "RecipeError",
    "RecordmillError",
    "Schema",
]
