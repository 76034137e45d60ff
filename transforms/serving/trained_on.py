"""`TrainedOn`: interface of the dataset that a model was trained on, as export needs it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import tensorflow as tf

from ...schemas.manifest import Manifest
from .graph import ServingGraph

__all__ = ["TrainedOn"]


class TrainedOn(Protocol):
    """The members of `PreparedDataset` that export uses; it has their documentation."""

    @property
    def manifest(self) -> Manifest: ...

    @property
    def raw_spec(self) -> Mapping[str, Any]: ...

    @property
    def feature_spec(self) -> Mapping[str, Any]: ...

    @property
    def features(self) -> Mapping[str, tf.TypeSpec]: ...

    @property
    def serving_graph(self) -> ServingGraph: ...

    def dataset(
        self,
        split: str,
        batch_size: int,
        *,
        shuffle: bool = True,
        features: Sequence[str] | None = None,
    ) -> tf.data.Dataset: ...
