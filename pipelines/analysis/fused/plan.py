"""Plan of an analysis: TFT's own graph of analyzers, divided into phases.

tensorflow_transform turns a traced `preprocessing_fn` into a graph of operations, each of which it
would run as a Beam transform. The plan is that graph in topological order, with the phase of each
operation: the number of passes over the data before it can run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import tensorflow_transform as tft
from tensorflow_transform import analyzer_nodes, analyzers, nodes, tf_utils
from tensorflow_transform.beam import analysis_graph_builder, beam_nodes

__all__ = ["KNOWN_VERSION", "NotFusable", "Plan", "Step", "plan_analysis"]

KNOWN_VERSION = "1.21"
"""Minor version of tensorflow_transform whose internals the fused analysis was written for."""

CONSTANT = -1
"""Phase of an operation that depends on no data."""

ACCUMULATES: frozenset[type] = frozenset(
    {
        analyzer_nodes.CacheableCombineAccumulate,
        analyzer_nodes.CacheableCombinePerKeyAccumulate,
        analyzer_nodes.PackedCombineAccumulate,
        analyzer_nodes.VocabularyAccumulate,
    }
)
"""Operations that accumulate rows: they alone are distributed over the workers."""

FINISHES: frozenset[type] = frozenset(
    {
        analyzer_nodes.AddKey,
        analyzer_nodes.CacheableCombineMerge,
        analyzer_nodes.CacheableCombinePerKeyFormatKeys,
        analyzer_nodes.CacheableCombinePerKeyFormatLarge,
        analyzer_nodes.CacheableCombinePerKeyMerge,
        analyzer_nodes.ExtractCombineMergeOutputs,
        analyzer_nodes.ExtractPackedCombineMergeOutputs,
        analyzer_nodes.ExtractVocabularyReservedTokens,
        analyzer_nodes.FlattenLists,
        analyzer_nodes.PackedCombineMerge,
        analyzer_nodes.ScaleAndFlattenPerKeyBucketBouandaries,
        analyzer_nodes.VocabularyCount,
        analyzer_nodes.VocabularyMerge,
        analyzer_nodes.VocabularyOrderAndWrite,
        analyzer_nodes.VocabularyPrune,
        beam_nodes.CreateTensorBinding,
        beam_nodes.ExtractFromDict,
        beam_nodes.Flatten,
    }
)
"""Operations on the accumulators of all rows."""

FRAME: frozenset[type] = frozenset(
    {
        beam_nodes.ApplySavedModel,
        beam_nodes.CreateSavedModel,
        beam_nodes.ExtractInputForSavedModel,
    }
)
"""Operations that run a phase's graph from a SavedModel; the fused analysis traces instead."""

UNFUSABLE: Mapping[type, str] = {
    analyzer_nodes.PTransform: "a Beam transform of the caller",
    analyzer_nodes.DecodeCache: "a cache of earlier analyses",
    analyzer_nodes.EncodeCache: "a cache of earlier analyses",
    analyzer_nodes.InstrumentDatasetCache: "a cache of earlier analyses",
}
"""Operations that stock tensorflow_transform must run, with their descriptions for messages."""


class NotFusable(Exception):
    """The fused analysis does not support a `preprocessing_fn`; the message names the reason."""


@dataclass(frozen=True)
class Step:
    """One operation of the plan.

    Attributes:
      kind: Class of TFT's definition of the operation.
      operation: Fields of the definition, which itself does not pickle.
      inputs: Numbers of its input values.
      outputs: Numbers of its output values.
      phase: Pass over the data that it belongs to, or `CONSTANT`.
    """

    kind: type
    operation: SimpleNamespace
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    phase: int


@dataclass(frozen=True)
class Plan:
    """The operations of an analysis, in topological order.

    Attributes:
      steps: Operations, without those in `FRAME` and without constants.
      tensors: For each phase, the names in the traced graph of the tensors that its operations
        read, by their keys.
      constants: Values that depend on no data, by number.
    """

    steps: tuple[Step, ...]
    tensors: tuple[Mapping[str, str], ...]
    constants: Mapping[int, Any]

    def of(self, phase: int) -> tuple[Step, ...]:
        """Return the steps of a phase and the constant ones, in order."""
        return tuple(step for step in self.steps if step.phase in (phase, CONSTANT))


def plan_analysis(graph: Any, inputs: Mapping[str, Any], outputs: Mapping[str, Any]) -> Plan:
    """Plan the analysis of a traced `preprocessing_fn`.

    Args:
      graph: The `tf.Graph` of the trace; its collection of unevaluated analyzers is emptied.
      inputs: Input tensors of the trace, by name.
      outputs: Output tensors of the trace, by name.

    Returns:
      The plan; without phases where there is no analyzer.

    Raises:
      NotFusable: An operation is unknown or unsupported, or TFT has another version.
    """
    if not tft.__version__.startswith(KNOWN_VERSION + "."):
        raise NotFusable(
            f"tensorflow_transform {tft.__version__} is not the known version, {KNOWN_VERSION}"
        )
    root, _, _ = analysis_graph_builder.build(graph, inputs, outputs, set())
    recorder = _Recorder(graph)
    nodes.Traverser(recorder).visit_value_node(root)
    return recorder.plan()


class _Recorder(nodes.Visitor):  # type: ignore[misc]
    """Visitor that numbers the values of the graph of operations, and records the steps."""

    def __init__(self, graph: Any) -> None:
        self._graph = graph
        self._phases: list[int] = []
        self._steps: list[Step] = []
        self._constants: dict[int, Any] = {}
        self._signatures: dict[int, Mapping[str, str]] = {}
        self._tensors: dict[int, Mapping[str, str]] = {}

    def plan(self) -> Plan:
        tensors = tuple(self._tensors[phase] for phase in sorted(self._tensors))
        return Plan(tuple(self._steps), tensors, self._constants)

    def validate_value(self, value: Any) -> None:
        """Do nothing, for TFT's traverser: numbers need no check."""

    def visit(self, operation: Any, inputs: tuple[int, ...]) -> tuple[int, ...]:
        start = len(self._phases)
        outputs = tuple(range(start, start + operation.num_outputs))
        phase = self._phase(operation, inputs)
        self._phases.extend(phase for _ in outputs)
        if type(operation) in FRAME:
            self._record_frame(operation, inputs, outputs)
        elif isinstance(operation, analyzer_nodes.ExtractVocabularyReservedTokens):
            tokens = tf_utils.fetch_vocabulary_reserved_tokens(self._graph, operation.name)
            self._constants[outputs[0]] = list(tokens)
        else:
            _check_fusable(operation)
            fields = SimpleNamespace(**operation._asdict())
            self._steps.append(Step(type(operation), fields, inputs, outputs, phase))
        return outputs

    def _phase(self, operation: Any, inputs: tuple[int, ...]) -> int:
        if isinstance(operation, beam_nodes.ApplySavedModel):
            return int(operation.phase)
        return max((self._phases[value] for value in inputs), default=CONSTANT)

    def _record_frame(
        self, operation: Any, inputs: tuple[int, ...], outputs: tuple[int, ...]
    ) -> None:
        if isinstance(operation, beam_nodes.CreateSavedModel):
            self._signatures[outputs[0]] = {
                key: tensor.name
                for key, tensor in operation.output_signature.items()
                if hasattr(tensor, "name")
            }
        elif isinstance(operation, beam_nodes.ApplySavedModel):
            self._tensors[operation.phase] = self._signatures[inputs[0]]


def _check_fusable(operation: Any) -> None:
    """Raise NotFusable for an operation that is not interpreted."""
    operation_type = type(operation)
    if operation_type in UNFUSABLE:
        raise NotFusable(f'analyzer "{operation.label}" is {UNFUSABLE[operation_type]}')
    if operation_type not in ACCUMULATES | FINISHES:
        raise NotFusable(
            f'analyzer "{operation.label}" is of an unknown type, {operation_type.__name__}'
        )
    labels = analyzers._VocabOrderingType.WEIGHTED_LABELS
    if getattr(operation, "vocab_ordering_type", None) == labels:
        raise NotFusable(f'analyzer "{operation.label}" orders a vocabulary by weighted labels')
