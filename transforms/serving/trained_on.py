"""`TrainingDataset`: interface of the dataset of a model's training, for export."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import tensorflow as tf

from ...schemas.manifest import Manifest
from .graph import ServingGraph

__all__ = ["TrainingDataset"]


class TrainingDataset(Protocol):
    """Members of `PreparedDataset` that export uses; see there."""

    @property
    def manifest(self) -> Manifest:
        """Content of `manifest.json`."""

    @property
    def raw_spec(self) -> Mapping[str, Any]:
        """Raw columns, as a spec for `tf.io.parse_example`."""

    @property
    def feature_spec(self) -> Mapping[str, Any]:
        """Content of the records, as a spec for `tf.io.parse_example`."""

    @property
    def features(self) -> Mapping[str, tf.TypeSpec]:
        """Specs of the features of a batch, by name."""

    @property
    def serving_graph(self) -> ServingGraph:
        """Transform graph in front of a served model."""

    def dataset(
        self,
        split: str,
        batch_size: int,
        *,
        shuffle: bool = True,
        features: Sequence[str] | None = None,
    ) -> tf.data.Dataset:
        """Read the records of a split in batches."""
