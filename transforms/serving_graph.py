"""`ServingGraph`: the transform graph as it stands in front of a model."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import tensorflow as tf

from ..schemas.images import IMAGE
from .graph import TransformGraph
from .raw import raw_tensors

__all__ = ["ServingGraph"]


class ServingGraph:
    """Raw columns in, features out; the label and what no feature is made of are left out.

    Attributes:
      features: The names of the features.
      columns: The spec of each raw column that a feature is made of, [None, …], dense.
    """

    def __init__(self, path: str, features: tuple[str, ...], bare: bool) -> None:
        """Opens the graph.

        Args:
          path: Its folder.
          features: The names of the outputs that a model takes.
          bare: Whether it takes the pixels of images alone, without a dict.
        """
        self._path = path
        self._bare = bare
        self.features = features
        needed = frozenset[str]().union(*map(self._graph.sources, features))
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
    def dense(self) -> bool:
        """Whether all features are dense, which the outputs of a signature have to be."""
        outputs = self._graph.outputs
        return all(isinstance(outputs[name], tf.TensorSpec) for name in self.features)

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
