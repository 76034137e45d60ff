"""`ServingGraph`: the transform graph in front of a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import tensorflow as tf

from ...schemas.images import IMAGE
from .raw_columns import raw_tensors
from .transform_graph import TransformGraph, unnamed

__all__ = ["ServingGraph"]


class ServingGraph:
    """Transform graph without the label and without columns that no used feature depends on.

    Attributes:
      features: Names of the features.
      used: Names of the features that the model's predictions depend on.
      columns: Spec of each dense raw column that a used feature depends on, [None, …].
    """

    def __init__(
        self,
        path: str,
        features: Sequence[str],
        bare: bool,
        *,
        used: Sequence[str] | None = None,
    ) -> None:
        """Open the graph.

        Args:
          path: The folder of the graph.
          features: The names of the outputs that a model takes.
          bare: Whether the model takes the pixels of images alone, without a dict.
          used: The names of the features that its predictions depend on; None for all. Others are
            computed from missing values, unless a used feature depends on their columns.
        """
        self._path = path
        self._bare = bare
        self.features = tuple(features)
        self.used = self.features if used is None else tuple(used)
        needed = frozenset[str]().union(*map(self._graph.sources, self.used))
        self.columns: dict[str, tf.TensorSpec] = {
            name: tf.TensorSpec(spec.shape, spec.dtype, name)
            for name, spec in sorted(self._graph.inputs.items())
            if name in needed and isinstance(spec, tf.TensorSpec)
        }

    @cached_property
    def _graph(self) -> TransformGraph:
        return TransformGraph(self._path)

    @property
    def module(self) -> Any:
        """SavedModel of the graph, which a module that calls it must reference."""
        return self._graph.module

    @property
    def named(self) -> bool:
        """True where features are in a dict; False for the pixels of images alone."""
        return not self._bare

    @property
    def dense(self) -> bool:
        """True where all used features are dense, as outputs of a signature must be."""
        return all(isinstance(self.specs[name], tf.TensorSpec) for name in self.used)

    @property
    def specs(self) -> dict[str, tf.TypeSpec]:
        """Type spec of each feature, of tensors [None, …]."""
        return {name: unnamed(self._graph.outputs[name]) for name in self.features}

    def over(self, features: Sequence[str], *, used: Sequence[str] | None = None) -> ServingGraph:
        """Return the same graph in front of a model over other features.

        Args:
          features: The names of the features that it takes, in a dict.
          used: The names of the features that its predictions depend on; None or empty for all.
        """
        return ServingGraph(self._path, features, False, used=used or None)

    @property
    def raw_spec(self) -> dict[str, Any]:
        """Columns as a spec for `tf.io.parse_example`; absent ones are missing."""
        spec = self._graph.raw_spec
        return {name: spec[name] for name in self.columns}

    def __call__(self, columns: Mapping[str, tf.Tensor]) -> Any:
        """Compute features, in the current TensorFlow graph.

        Args:
          columns: Tensors [rows, …] of any of `columns`; absent ones are missing in every row.

        Returns:
          A dict of tensors [rows, …] by name, or the pixels of images alone.
        """
        eager = tf.compat.v1.executing_eagerly_outside_functions()
        graph = self._graph if eager else TransformGraph(self._path)
        outputs = graph(raw_tensors(columns, graph.inputs))
        return outputs[IMAGE] if self._bare else {name: outputs[name] for name in self.features}
