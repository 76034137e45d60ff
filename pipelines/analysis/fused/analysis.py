"""Fused analysis of a `preprocessing_fn`: one pass over the rows for each phase.

Stock tensorflow_transform turns the graph of analyzers of a `preprocessing_fn` into hundreds of
Beam stages. Here the same graph is interpreted. In a pass over the rows, one TensorFlow graph runs
on each batch, and TFT's own combiners fold its outputs; one function evaluates the rest at the end
of the pass. An analyzer whose input depends on another analyzer belongs to a later phase.

    analysis = trace(preprocessing_fn, specs)              the plan, in phases
    fold = analysis.fold(adapter, phase, bindings)         the computation of a pass: a `Fold`
    bindings = finish(analysis, phase, folded, ...)        the values of the phase's analyzers
    export(analysis, bindings, folder)                     the SavedModel and its metadata

The modules of `recordmill.pipelines.analysis.fused` alone use internals of tensorflow_transform;
with any version but the one they were written for, `trace` raises `NotFusable`.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import tensorflow as tf
from tensorflow_transform import annotators
from tfx_bsl.tfxio.tensor_adapter import TensorAdapter, TensorAdapterConfig

from ....schemas.errors import DataError
from ...runtime import filesystem as files
from ...runtime.elements import RawTensorAdapter
from ..graph_errors import explain_failure
from .export import deferred_schema
from .export import export as export_graph
from .finish import evaluate
from .fold import Gatherer, gatherers_of
from .graph import (
    PhaseGraph,
    PreprocessingFn,
    Trace,
    check_fingerprint,
    fingerprint,
    phase_graph,
    remembered,
)
from .graph import trace as trace_graph
from .plan import NotFusable, Plan, plan_analysis

__all__ = [
    "Analysis",
    "Bindings",
    "NotFusable",
    "PhaseFold",
    "TfxTensorAdapter",
    "export",
    "finish",
    "trace",
]


def _token() -> str:
    return uuid.uuid4().hex


@dataclass(frozen=True)
class Bindings:
    """Values of the analyzers of all phases so far.

    Attributes:
      values: TFT's `_TensorBinding`s, in the order of the plan.
      token: Unique name of the values: cache key of the graphs that they were inserted into.
    """

    values: tuple[Any, ...] = ()
    token: str = field(default_factory=_token)


@dataclass(frozen=True)
class Analysis:
    """A traced `preprocessing_fn` and the plan of its analysis; it pickles without the trace.

    Attributes:
      preprocessing_fn: The function.
      specs: Type specs of its inputs, by name.
      plan: Operations of all phases.
      gatherers: Folds of the rows, by phase and by label.
      fingerprint: Inputs that each analyzer depends on, to compare later traces with.
      assets: File names of the vocabularies, by their keys.
      token: Unique name of the analysis: cache key of its traces in a process.
    """

    preprocessing_fn: PreprocessingFn
    specs: Mapping[str, tf.TypeSpec]
    plan: Plan
    gatherers: tuple[Mapping[str, Gatherer], ...]
    fingerprint: Mapping[str, frozenset[str]]
    assets: Mapping[str, str]
    token: str

    @property
    def phases(self) -> int:
        """Number of passes over the rows; 0 without analyzers."""
        return len(self.gatherers)

    def fold(
        self, adapter: RawTensorAdapter, phase: int, bindings: Bindings | None = None
    ) -> PhaseFold:
        """Return the computation of the pass of a phase.

        Args:
          adapter: Converts a batch into the inputs of the function.
          phase: Index of the phase, from 0.
          bindings: Result of `finish` for the previous phase; None for phase 0.
        """
        return PhaseFold(self, adapter, phase, bindings)

    def schema(self) -> Any:
        """Return the schema of the outputs, without the facts that analyzers compute."""
        return deferred_schema(self._trace(None))

    def _trace(self, bindings: Bindings | None) -> Trace:
        """Return the traced function, cached in this process.

        A trace does not pickle, so every worker traces the function again, and checks that it has
        the same analyzers as the plan.
        """

        def make() -> Trace:
            values = bindings.values if bindings else None
            traced = trace_graph(self.preprocessing_fn, self.specs, bindings=values)
            check_fingerprint(traced, self.fingerprint)
            return traced

        return remembered((self.token, bindings and bindings.token), make)

    def graph(self, phase: int, bindings: Bindings | None) -> PhaseGraph:
        """Return the graph of a phase, cached in this process."""

        def make() -> PhaseGraph:
            tensors, gatherers = self.plan.tensors[phase], self.gatherers[phase]
            return phase_graph(self._trace(bindings), self.specs, tensors, gatherers)

        return remembered((self.token, bindings and bindings.token, phase), make)


def trace(preprocessing_fn: PreprocessingFn, specs: Mapping[str, tf.TypeSpec]) -> Analysis:
    """Trace a `preprocessing_fn` and plan its analysis.

    Args:
      preprocessing_fn: A function as tensorflow_transform defines it.
      specs: Type specs of its batched inputs, by name.

    Raises:
      NotFusable: The function needs an operation that only stock tensorflow_transform supports.
      ValueError: The function returns no outputs, or has trainable variables.
    """
    traced = trace_graph(preprocessing_fn, specs)
    _check_outputs(traced)
    assets = annotators.get_asset_annotations(traced.graph)
    annotators.clear_asset_annotations(traced.graph)
    inputs_by_analyzer = fingerprint(traced)
    plan = plan_analysis(traced.graph, traced.inputs, traced.function.structured_outputs)
    by_phase = tuple(gatherers_of(plan, phase) for phase in range(len(plan.tensors)))
    token = _token()
    remembered((token, None), lambda: traced)
    return Analysis(
        preprocessing_fn, dict(specs), plan, by_phase, inputs_by_analyzer, assets, token
    )


def _check_outputs(traced: Trace) -> None:
    """Check the outputs as stock TFT does, with the same messages."""
    outputs = traced.function.structured_outputs
    if not isinstance(outputs, dict):
        raise ValueError(
            "A `preprocessing_fn` must return a "
            f"Dict[str, Union[tf.Tensor, tf.SparseTensor, tf.RaggedTensor]]. Got: {outputs}"
        )
    if not outputs:
        raise ValueError("The preprocessing function returned an empty dict")
    variables = traced.graph.get_collection(tf.compat.v1.GraphKeys.TRAINABLE_VARIABLES)
    if variables:
        raise ValueError(f"The preprocessing function contained trainable variables {variables}")


_Key = tuple[str, int | None]
Folded = dict[_Key, Any]
"""Accumulators of gatherers by (label, partition); the partition of an undivided one is None."""


@dataclass(frozen=True)
class PhaseFold:
    """The `Fold` of a phase; an accumulator contains those of all its gatherers.

    Attributes:
      analysis: The analysis.
      adapter: Converts a batch into the inputs of the function.
      phase: Index of the phase.
      bindings: Values of the analyzers of earlier phases.
    """

    analysis: Analysis
    adapter: RawTensorAdapter
    phase: int
    bindings: Bindings | None = None

    @property
    def _gatherers(self) -> Mapping[str, Gatherer]:
        return self.analysis.gatherers[self.phase]

    def setup(self) -> None:
        """Trace the function, unless this process has its trace."""
        self.adapter.setup()
        self.analysis.graph(self.phase, self.bindings)

    def start(self) -> Folded:
        """Return a fresh accumulator of each gatherer."""
        return {(label, None): gatherer.start() for label, gatherer in self._gatherers.items()}

    def add(self, accumulator: Folded, batch: pa.RecordBatch) -> Folded:
        """Run the graph on a batch, and fold its outputs into the accumulators.

        Raises:
          DataError: The graph fails; the message names the op and the rows.
        """
        graph = self.analysis.graph(self.phase, self.bindings)

        def run(rows: pa.RecordBatch) -> Any:
            return graph(self.adapter(rows))

        try:
            arrays = run(batch)
        except tf.errors.OpError as error:
            raise DataError(explain_failure(error, graph.traced.function, batch, run)) from error
        for label, gatherer in self._gatherers.items():
            key = (label, None)
            accumulator[key] = gatherer.add(accumulator[key], arrays[label])
        return accumulator

    def merge(self, accumulators: list[Folded]) -> Folded:
        """Merge the accumulators of each gatherer and partition, passed in canonical order."""
        keys = dict.fromkeys(key for folded in accumulators for key in folded)
        return {
            key: self._gatherers[key[0]].merge(
                [folded[key] for folded in accumulators if key in folded]
            )
            for key in keys
        }

    def split(self, accumulator: Folded) -> list[tuple[str, Folded]]:
        """Split an accumulator into named partitions, so that several workers can merge it.

        Only partitions of the same name are merged with each other. Small accumulators stay
        together under ""; a large vocabulary is partitioned by the hash of its tokens.
        """
        small: Folded = {}
        partitions: list[tuple[str, Folded]] = [("", small)]
        for (label, _), gathered in accumulator.items():
            for partition, share in self._gatherers[label].split(gathered).items():
                if partition is None:
                    small[label, None] = share
                else:
                    partitions.append((f"{label}/{partition}", {(label, partition): share}))
        return partitions


def finish(
    analysis: Analysis,
    phase: int,
    folded: Sequence[Folded],
    *,
    folder: str,
    before: Bindings | None = None,
) -> Bindings:
    """Evaluate the analyzers of a phase.

    Args:
      analysis: The analysis.
      phase: Index of the phase.
      folded: Accumulators of all rows: one for each name of a partition; none without rows.
      folder: Path of the folder for vocabularies; workers of later phases must be able to read it.
      before: Bindings of the previous phase.

    Returns:
      The values of the analyzers of all phases so far.
    """
    partitions: dict[str, dict[int | None, Any]] = {}
    for accumulator in folded:
        for (label, partition), share in accumulator.items():
            partitions.setdefault(label, {})[partition] = share
    gathered = {
        label: gatherer.join(dict(sorted(partitions[label].items(), key=_partition_rank)))
        if label in partitions
        else gatherer.start()
        for label, gatherer in analysis.gatherers[phase].items()
    }
    # A retry of a bundle evaluates again: each attempt gets a folder of its own.
    values = evaluate(analysis.plan, phase, gathered, files.join(folder, _token()))
    return Bindings((before.values if before else ()) + values)


def _partition_rank(item: tuple[int | None, Any]) -> int:
    """Return a sort key: the undivided share first, which Python cannot compare with numbers."""
    return -1 if item[0] is None else item[0]


def export(
    analysis: Analysis,
    bindings: Bindings,
    folder: str,
    *,
    save_options: tf.saved_model.SaveOptions | None = None,
) -> None:
    """Write the SavedModel of the function, as stock `AnalyzeDataset` does.

    Args:
      analysis: The analysis.
      bindings: Bindings of the last phase.
      folder: Path of the model; the metadata of the outputs are written to `.tft_metadata` in it.
      save_options: Options of `tf.saved_model.save`.

    Raises:
      RuntimeError: The function has other analyzers when it is traced again.
    """
    export_graph(
        analysis.preprocessing_fn,
        analysis.specs,
        folder,
        bindings=bindings.values,
        expected=analysis.fingerprint,
        save_options=save_options,
    )


class TfxTensorAdapter:
    """A `RawTensorAdapter` for batches that a `TensorAdapterConfig` of tfx_bsl describes."""

    def __init__(self, config: TensorAdapterConfig) -> None:
        self._config = config

    def setup(self) -> None:
        """Create the adapter of tfx_bsl."""
        self._adapter = TensorAdapter(self._config)

    def type_specs(self) -> dict[str, tf.TypeSpec]:
        """Return the type spec of each tensor, by name."""
        return TensorAdapter(self._config).OriginalTypeSpecs()  # type: ignore[no-any-return]

    def __call__(self, batch: pa.RecordBatch) -> dict[str, tf.Tensor]:
        """Return the tensors of a batch, by name."""
        return self._adapter.ToBatchTensors(batch, produce_eager_tensors=True)  # type: ignore[no-any-return]

    def __reduce__(self) -> tuple[Any, ...]:
        return TfxTensorAdapter, (self._config,)
