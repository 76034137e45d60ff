"""Traces of a `preprocessing_fn`, and the graph that a phase cuts out of one.

A function is traced in the process that runs it, and what the graph of a phase needs is cut out
of the trace; stock tensorflow_transform saves and loads a model instead, with the same ops. The
results of earlier phases are put in while tracing, by the names of the tensors they replace.
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
    "Part",
    "PhaseGraph",
    "PreprocessingFn",
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
_REMEMBERED: OrderedDict[tuple[Any, ...], Any] = OrderedDict()
_REMEMBERED_AT_MOST = 8

_T = TypeVar("_T")


def remembered(key: tuple[Any, ...], make: Callable[[], _T]) -> _T:
    """What `make` gives, made once a process for a key as long as it is among the latest."""
    with TRACING:
        if key not in _REMEMBERED:
            _REMEMBERED[key] = make()
            while len(_REMEMBERED) > _REMEMBERED_AT_MOST:
                _REMEMBERED.popitem(last=False)
        _REMEMBERED.move_to_end(key)
        return _REMEMBERED[key]  # type: ignore[no-any-return]


class _Recorded:
    """A `preprocessing_fn` that remembers what it returned when it was last traced."""

    def __init__(self, preprocessing_fn: PreprocessingFn) -> None:
        self._function = preprocessing_fn
        self.outputs: dict[str, Any] = {}

    def __call__(self, inputs: dict[str, Any]) -> dict[str, Any]:
        outputs = self._function(inputs)
        self.outputs = dict(outputs) if isinstance(outputs, dict) else {}
        return outputs


@dataclass(frozen=True)
class Trace:
    """A traced `preprocessing_fn`, and what must live as long as it.

    Attributes:
      function: The `tf.types.experimental.ConcreteFunction`.
      returned: What the function itself returned: the tensors its annotations refer to.
      module: What the function's named objects are attributes of.
      resources: Its tables.
      objects: Its other objects.
      variables: Its variables.
      folder: Its temporary files.
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
        """The graph, a `FuncGraph`."""
        return self.function.graph

    @property
    def inputs(self) -> dict[str, Any]:
        """The inputs' placeholders, by name."""
        return dict(tf2_utils.get_structured_inputs_from_func_graph(self.graph))

    @property
    def flat_inputs(self) -> list[Any]:
        """The inputs' placeholders; those of a sparse or ragged tensor one by one."""
        return list(tf.nest.flatten(self.inputs, expand_composites=True))


def trace(
    preprocessing_fn: PreprocessingFn,
    specs: Mapping[str, tf.TypeSpec],
    *,
    bindings: tuple[Any, ...] | None = None,
) -> Trace:
    """Traces a function, with the results of earlier phases put in.

    Args:
      preprocessing_fn: The function.
      specs: What its inputs look like, by name.
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

    A function of TFT that somebody called eagerly, in a notebook say, has left its tensors there,
    and they are no part of any graph.
    """
    outside = tf.compat.v1.get_default_graph()
    for key in outside.get_all_collection_keys():
        if str(key).startswith("tft_"):
            outside.clear_collection(key)


def replacements(bindings: tuple[Any, ...] | None) -> dict[str, tf.Tensor] | None:
    if bindings is None:
        return None
    return beam_impl._get_tensor_replacement_map(None, *bindings)  # type: ignore[no-any-return]


def fingerprint(traced: Trace) -> dict[str, frozenset[str]]:
    """The inputs that each analyzer sees, by the name of the tensor that stands for its result."""
    keys = {
        id(component): key
        for key, value in traced.inputs.items()
        for component in tf.nest.flatten(value, expand_composites=True)
    }
    sinks = traced.graph.get_collection(analyzer_nodes.ALL_REPLACEMENTS)
    return {str(sink.tensor.name): _inputs_seen(sink.future, keys) for sink in sinks}


def _inputs_seen(future: Any, keys: Mapping[int, str]) -> frozenset[str]:
    visitor = graph_tools.SourcedTensorsVisitor()
    nodes.Traverser(visitor).visit_value_node(future)
    sources = graph_tools.retrieve_sources(
        [tensor.op for tensor in visitor.sourced_tensors], ignore_control_dependencies=True
    )
    return frozenset(keys[id(source)] for source in sources if id(source) in keys)


def check_fingerprint(traced: Trace, expected: Mapping[str, frozenset[str]]) -> None:
    """Raise RuntimeError where a function asks for other analyzers than it did at first."""
    now = fingerprint(traced)
    for name in sorted({*now, *expected}):
        if now.get(name) != expected.get(name):
            raise RuntimeError(
                f"preprocessing_fn asks for other analyzers each time it is traced ({name}): call "
                "them in a fixed order, not in that of a set, or give each a name"
            )


class Part:
    """The part of a traced graph that some tensors are computed by, to be put elsewhere.

    Args:
      traced: The trace.
      fetches: The tensors.
      checks: Whether what runs for its effect alone, such as an assertion, is a part of it too.
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
        """Whether any of it depends on the inputs of the trace."""
        return not self._used.isdisjoint(map(_node, self._feeds))

    def __call__(self, inputs: Sequence[Any]) -> list[Any]:
        """Put the part into the `tf.function` that is being traced.

        Args:
          inputs: What stands for the flat inputs of the trace; none where it reads none.

        Returns:
          The tensors.
        """
        here = tf.compat.v1.get_default_graph()
        found = dict(zip(self._feeds, inputs, strict=False))
        found |= {name: here.capture(external) for external, name in self._captures}
        inside = [name for name in dict.fromkeys(self._fetches) if name not in found]
        tensors = tf.graph_util.import_graph_def(
            self._definition,
            input_map={name: value for name, value in found.items() if _node(name) in self._used},
            return_elements=inside,
        )
        found |= dict(zip(inside, tensors, strict=True))
        return [found[name] for name in self._fetches]


def _node(name: str) -> str:
    """The name of the node that an input of another is, "^x" or "x:1", say."""
    return name.lstrip("^").split(":")[0]


def _cut(definition: Any, ends: Sequence[str], mapped: Set[str]) -> Any:
    """The nodes of a `GraphDef` that others take, without those that something stands in for."""
    by_name = {node.name: node for node in definition.node}
    needed: set[str] = set()
    waiting = [name for name in ends if name not in mapped]
    while waiting:
        name = waiting.pop()
        if name not in needed:
            needed.add(name)
            waiting += [
                parent for parent in map(_node, by_name[name].input) if parent not in mapped
            ]
    part = tf.compat.v1.GraphDef()
    part.CopyFrom(definition)
    del part.node[:]
    part.node.extend(node for node in definition.node if node.name in needed)
    for node in part.node:
        node.attr.pop("_class", None)  # it says which op to stand by, which may be left out
    return part


@dataclass(frozen=True)
class PhaseGraph:
    """What a phase runs on the tensors of a batch, to arrays by label; threads can share it.

    Attributes:
      function: The `tf.types.experimental.ConcreteFunction`.
      traced: What it was cut out of, which must live as long as it.
    """

    function: Any
    traced: Trace

    def __call__(self, inputs: Mapping[str, Any]) -> dict[str, list[Array]]:
        outputs = self.function(dict(inputs))
        return {label: [np.asarray(value) for value in values] for label, values in outputs.items()}


def phase_graph(
    traced: Trace,
    specs: Mapping[str, tf.TypeSpec],
    tensors: Mapping[str, str],
    gatherers: Mapping[str, Gatherer],
) -> PhaseGraph:
    """The graph of a phase, which gives what the gatherers need and nothing else.

    Args:
      traced: The function, with the results of the phases before put in.
      specs: What its inputs look like, by name.
      tensors: The names of the tensors in the graph, by the keys the gatherers use.
      gatherers: Those of the phase, by label.

    """
    keys = sorted({key for gatherer in gatherers.values() for key in gatherer.keys})
    read = [traced.graph.get_tensor_by_name(tensors[key]) for key in keys]
    part = Part(traced, read, checks=True)

    @tf.function(input_signature=[dict(specs)], autograph=False)  # type: ignore[untyped-decorator]
    def phase(inputs: Mapping[str, Any]) -> dict[str, list[Any]]:
        values = part(tf.nest.flatten(inputs, expand_composites=True))
        by_key = dict(zip(keys, values, strict=True))
        return {
            label: list(gatherer.reduce([by_key[key] for key in gatherer.keys]))
            for label, gatherer in gatherers.items()
        }

    return PhaseGraph(phase.get_concrete_function(), traced)
