"""Features that the outputs of a model depend on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import tensorflow as tf

from .transform_graph import ancestor_ops

__all__ = ["used_features"]


def used_features(
    function: Callable[[dict[str, Any]], Any], specs: Mapping[str, tf.TypeSpec]
) -> list[str]:
    """Return the features that a function uses, in the order of `specs`.

    A feature counts as used if an output, or an op with an effect such as an assertion, depends on
    it in the graph of the function. A nested function that was loaded with `tf.saved_model.load`
    counts as using all its arguments.

    Args:
      function: A function from a dict of tensors [rows, …] to tensors.
      specs: The type spec of each feature.
    """
    traced = tf.function(function, autograph=False).get_concrete_function(dict(specs))
    names = [
        name for name in sorted(specs) for _ in tf.nest.flatten(specs[name], expand_composites=True)
    ]
    inputs = {tensor.op.name: name for name, tensor in zip(names, traced.inputs, strict=False)}
    graph = traced.graph
    ancestors = ancestor_ops(graph.outputs, graph.control_outputs)
    used = {inputs[op] for op in ancestors if op in inputs}
    return [name for name in specs if name in used]
