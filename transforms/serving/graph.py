"""`ServingGraph`: the transform graph as it stands in front of a model."""

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
    """Raw columns in, features out; the label and what no feature is made of are left out.

    Attributes:
      features: The names of the features.
      used: Those of them that the model's answers depend on.
      columns: The spec of each raw column that a used feature is made of, [None, …], dense.
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
          path: Its folder.
          features: The names of the outputs that a model takes.
          bare: Whether it takes the pixels of images alone, without a dict.
          used: The features that its answers depend on; None for all. The others are computed of
            missing values where no used feature is made of their columns.
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
        """The SavedModel of the graph, which a module that calls it has to hold."""
        return self._graph.module

    @property
    def named(self) -> bool:
        """Whether features come in a dict; the pixels of images alone do not."""
        return not self._bare

    @property
    def dense(self) -> bool:
        """Whether all used features are dense, which the outputs of a signature have to be."""
        return all(isinstance(self.specs[name], tf.TensorSpec) for name in self.used)

    @property
    def specs(self) -> dict[str, tf.TypeSpec]:
        """The type spec of each feature, of tensors [None, …]."""
        return {name: unnamed(self._graph.outputs[name]) for name in self.features}

    def over(self, features: Sequence[str], *, used: Sequence[str] | None = None) -> ServingGraph:
        """Return the same graph in front of a model that takes other features.

        Args:
          features: Those that it takes, in a dict.
          used: Those that its answers depend on; None or empty for all.
        """
        return ServingGraph(self._path, features, False, used=used or None)

    @property
    def raw_spec(self) -> dict[str, Any]:
        """How `tf.io.parse_example` reads the columns; what is absent is missing."""
        spec = self._graph.raw_spec
        return {name: spec[name] for name in self.columns}

    def __call__(self, columns: Mapping[str, tf.Tensor]) -> Any:
        """The features of some rows, in whatever TensorFlow graph is being built.

        Args:
          columns: Tensors [rows, …] of any of `columns`; the others are missing in every row.

        Returns:
          A dict of tensors [rows, …] by name, or the pixels of images alone.
        """
        eager = tf.compat.v1.executing_eagerly_outside_functions()
        graph = self._graph if eager else TransformGraph(self._path)
        outputs = graph(raw_tensors(columns, graph.inputs))
        return outputs[IMAGE] if self._bare else {name: outputs[name] for name in self.features}
