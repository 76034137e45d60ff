"""Traces of a `preprocessing_fn`, and the graph of a phase, a subgraph of a trace.

A function is traced in the process that runs it, and the graph of a phase is extracted from the
trace; stock tensorflow_transform saves and loads a model instead, with the same ops. The values of
earlier phases are inserted while tracing, by the names of the tensors they replace.
"""

from __future__ import annotations

import tempfile
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import tensorflow as tf
from tensorflow_transform import (
    analyzer_nodes,
    annotators,
    graph_context,
    graph_tools,
    impl_helper,
    nodes,
    tf2_utils,
)
from tensorflow_transform.beam import impl as beam_impl
from tensorflow_transform.saved import saved_transform_io_v2

from .fold import Gatherer

__all__ = [
    "TRACING",
    "PhaseGraph",
    "PreprocessingFn",
    "Subgraph",
    "Trace",
    "check_fingerprint",
    "fingerprint",
    "phase_graph",
    "remembered",
    "replacements",
    "trace",
]

Array = np.ndarray[Any, Any]
PreprocessingFn = Callable[[dict[str, Any]], dict[str, Any]]

TRACING = threading.RLock()
"""Lock of everything that traces: TFT collects objects in globals that threads share."""

_REMEMBERED: OrderedDict[tuple[Any, ...], Any] = OrderedDict()
_REMEMBERED_AT_MOST = 8

_T = TypeVar("_T")


def remembered(key: tuple[Any, ...], make: Callable[[], _T]) -> _T:
    """Return the result of `make`, cached in the process for the 8 keys used last."""
    with TRACING:
        if key not in _REMEMBERED:
            _REMEMBERED[key] = make()
            while len(_REMEMBERED) > _REMEMBERED_AT_MOST:
                _REMEMBERED.popitem(last=False)
        _REMEMBERED.move_to_end(key)
        return _REMEMBERED[key]  # type: ignore[no-any-return]


class _Recorded:
    """A `preprocessing_fn` that records the outputs of its last trace."""

    def __init__(self, preprocessing_fn: PreprocessingFn) -> None:
        self._function = preprocessing_fn
        self.outputs: dict[str, Any] = {}

    def __call__(self, inputs: dict[str, Any]) -> dict[str, Any]:
        outputs = self._function(inputs)
        self.outputs = dict(outputs) if isinstance(outputs, dict) else {}
        return outputs


@dataclass(frozen=True)
class Trace:
    """A traced `preprocessing_fn`, and the objects that must live as long as the trace.

    Attributes:
      function: The `tf.types.experimental.ConcreteFunction`.
      returned: Outputs as the function returned them: the tensors its annotations refer to.
      module: Module whose attributes are the function's named objects.
      resources: Its lookup tables.
      objects: Its other trackable objects.
      variables: Its variables.
      folder: Folder of its temporary files.
    """

    function: Any
    returned: Mapping[str, Any]
    module: tf.Module
    resources: Sequence[Any]
    objects: Sequence[Any]
    variables: Sequence[tf.Variable]
    folder: tempfile.TemporaryDirectory[str]

    @property
    def graph(self) -> Any:
        """Graph of the function, a `FuncGraph`."""
        return self.function.graph

    @property
    def inputs(self) -> dict[str, Any]:
        """Placeholders of the inputs, by name."""
        return dict(tf2_utils.get_structured_inputs_from_func_graph(self.graph))

    @property
    def flat_inputs(self) -> list[Any]:
        """Placeholders of the inputs; sparse and ragged tensors have one for each component."""
        return list(tf.nest.flatten(self.inputs, expand_composites=True))


def trace(
    preprocessing_fn: PreprocessingFn,
    specs: Mapping[str, tf.TypeSpec],
    *,
    bindings: tuple[Any, ...] | None = None,
) -> Trace:
    """Trace a function, with the values of earlier phases inserted.

    Args:
      preprocessing_fn: The function.
      specs: Type specs of its inputs, by name.
      bindings: TFT's tensor bindings of earlier phases; None before the first.
    """
    _forget_eager_calls()
    folder = tempfile.TemporaryDirectory(prefix="recordmill-trace-")
    module, recorded = tf.Module(), _Recorded(preprocessing_fn)
    resources = saved_transform_io_v2.tracking.ResourceTracker()
    objects = annotators.ObjectTracker()
    variables: list[tf.Variable] = []

    def keep(create: Callable[..., Any], **arguments: Any) -> Any:
        variables.append(create(**arguments))
        return variables[-1]

    context = graph_context.TFGraphContext(module, folder.name, replacements(bindings))
    function = impl_helper.get_traced_transform_fn(recorded, dict(specs), context)
    with (
        TRACING,
        saved_transform_io_v2.tracking.resource_tracker_scope(resources),
        annotators.object_tracker_scope(objects),
        tf.variable_creator_scope(keep),
    ):
        concrete = function.get_concrete_function()
    tracked = resources.resources, objects.trackable_objects, variables
    return Trace(concrete, recorded.outputs, module, *tracked, folder)


def _forget_eager_calls() -> None:
    """Empty TFT's collections of the default graph, which every trace inherits.

    A TFT function that was called eagerly, for example in a notebook, leaves its tensors there,
    which belong to no graph.
    """
    default_graph = tf.compat.v1.get_default_graph()
    for key in default_graph.get_all_collection_keys():
        if str(key).startswith("tft_"):
            default_graph.clear_collection(key)


def replacements(bindings: tuple[Any, ...] | None) -> dict[str, tf.Tensor] | None:
    """Return the values that replace tensors while tracing, by the tensor's name."""
    if bindings is None:
        return None
    return beam_impl._get_tensor_replacement_map(None, *bindings)  # type: ignore[no-any-return]


def fingerprint(traced: Trace) -> dict[str, frozenset[str]]:
    """Return the inputs that each analyzer depends on, by the name of its placeholder tensor."""
    keys = {
        id(component): key
        for key, value in traced.inputs.items()
        for component in tf.nest.flatten(value, expand_composites=True)
    }
    sinks = traced.graph.get_collection(analyzer_nodes.ALL_REPLACEMENTS)
    return {str(sink.tensor.name): _source_inputs(sink.future, keys) for sink in sinks}


def _source_inputs(future: Any, keys: Mapping[int, str]) -> frozenset[str]:
    visitor = graph_tools.SourcedTensorsVisitor()
    nodes.Traverser(visitor).visit_value_node(future)
    sources = graph_tools.retrieve_sources(
        [tensor.op for tensor in visitor.sourced_tensors], ignore_control_dependencies=True
    )
    return frozenset(keys[id(source)] for source in sources if id(source) in keys)


def check_fingerprint(traced: Trace, expected: Mapping[str, frozenset[str]]) -> None:
    """Raise RuntimeError where a function has other analyzers than in its first trace.

    The values of analyzers are inserted by tensor names, which depend on the order of the calls. So
    the values of one trace fit another only if both call the same analyzers in the same order.
    """
    actual = fingerprint(traced)
    for name in sorted({*actual, *expected}):
        if actual.get(name) != expected.get(name):
            raise RuntimeError(
                f"preprocessing_fn calls other analyzers each time it is traced ({name}): call "
                "them in a fixed order, not in that of a set, or give each a name"
            )


class Subgraph:
    """The subgraph of a trace that computes given tensors, to be imported into another graph.

    Args:
      traced: The trace.
      fetches: Tensors to compute.
      checks: Whether to include ops that run for their effect alone, such as assertions.
    """

    def __init__(self, traced: Trace, fetches: Sequence[Any], *, checks: bool) -> None:
        graph = traced.graph
        self._captures = [(external, internal.name) for external, internal in graph.captures]
        self._feeds = [tensor.name for tensor in traced.flat_inputs]
        self._fetches = [tensor.name for tensor in fetches]
        ends = [tensor.op.name for tensor in fetches]
        ends += [operation.name for operation in graph.control_outputs if checks]
        mapped = {_node(name) for name in [*self._feeds, *(name for _, name in self._captures)]}
        self._definition = _cut(graph.as_graph_def(), ends, mapped)
        self._used = {_node(name) for node in self._definition.node for name in node.input}

    @property
    def reads_inputs(self) -> bool:
        """True where a node depends on the inputs of the trace."""
        return not self._used.isdisjoint(map(_node, self._feeds))

    def __call__(self, inputs: Sequence[Any]) -> list[Any]:
        """Import the subgraph into the `tf.function` that is being traced.

        Args:
          inputs: Tensors that replace the flat inputs of the trace; none where it reads none.

        Returns:
          The fetched tensors.
        """
        graph = tf.compat.v1.get_default_graph()
        tensors = dict(zip(self._feeds, inputs, strict=False))
        tensors |= {name: graph.capture(external) for external, name in self._captures}
        # A fetch can be an input itself, which is no node of the subgraph.
        computed = [name for name in dict.fromkeys(self._fetches) if name not in tensors]
        imported = tf.graph_util.import_graph_def(
            self._definition,
            input_map={name: value for name, value in tensors.items() if _node(name) in self._used},
            return_elements=computed,
        )
        tensors |= dict(zip(computed, imported, strict=True))
        return [tensors[name] for name in self._fetches]


def _node(name: str) -> str:
    """Return the name of the node that an input refers to: of "^x" and of "x:1" it is "x"."""
    return name.lstrip("^").split(":")[0]


def _cut(definition: Any, ends: Sequence[str], mapped: Set[str]) -> Any:
    """Return the nodes of a `GraphDef` that `ends` depend on, up to the nodes that are mapped."""
    by_name = {node.name: node for node in definition.node}
    needed: set[str] = set()
    pending = [name for name in ends if name not in mapped]
    while pending:
        name = pending.pop()
        if name not in needed:
            needed.add(name)
            pending += [
                parent for parent in map(_node, by_name[name].input) if parent not in mapped
            ]
    subgraph = tf.compat.v1.GraphDef()
    subgraph.CopyFrom(definition)  # with the library of functions and the versions
    del subgraph.node[:]
    subgraph.node.extend(node for node in definition.node if node.name in needed)
    for node in subgraph.node:
        node.attr.pop("_class", None)  # colocates the op with one that may not be in the subgraph
    return subgraph


@dataclass(frozen=True)
class PhaseGraph:
    """The graph that a phase runs on the tensors of a batch; thread-safe.

    Attributes:
      function: The `tf.types.experimental.ConcreteFunction`.
      traced: Trace that it was extracted from, which must live as long as it.
    """

    function: Any
    traced: Trace

    def __call__(self, inputs: Mapping[str, Any]) -> dict[str, list[Array]]:
        """Return the reduced arrays of each gatherer, by label."""
        outputs = self.function(dict(inputs))
        return {label: [np.asarray(value) for value in values] for label, values in outputs.items()}


def phase_graph(
    traced: Trace,
    specs: Mapping[str, tf.TypeSpec],
    tensors: Mapping[str, str],
    gatherers: Mapping[str, Gatherer],
) -> PhaseGraph:
    """Build the graph of a phase, which computes the tensors of the gatherers and no others.

    Args:
      traced: Trace of the function, with the values of earlier phases inserted.
      specs: Type specs of its inputs, by name.
      tensors: Names of the tensors in the graph, by the keys the gatherers use.
      gatherers: Gatherers of the phase, by label.
    """
    keys = sorted({key for gatherer in gatherers.values() for key in gatherer.keys})
    fetches = [traced.graph.get_tensor_by_name(tensors[key]) for key in keys]
    subgraph = Subgraph(traced, fetches, checks=True)

    @tf.function(input_signature=[dict(specs)], autograph=False)  # type: ignore[untyped-decorator]
    def phase(inputs: Mapping[str, Any]) -> dict[str, list[Any]]:
        values = subgraph(tf.nest.flatten(inputs, expand_composites=True))
        by_key = dict(zip(keys, values, strict=True))
        return {
            label: list(gatherer.reduce([by_key[key] for key in gatherer.keys]))
            for label, gatherer in gatherers.items()
        }

    return PhaseGraph(phase.get_concrete_function(), traced)
