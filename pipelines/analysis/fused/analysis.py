"""The analysis of a `preprocessing_fn` in one pass a phase.

Stock tensorflow_transform turns the graph of analyzers of a `preprocessing_fn` into hundreds of
Beam stages. Here the same graph is interpreted: a pass over the rows runs one TensorFlow graph a
batch and folds what it gives with TFT's own combiners, and one function afterwards does the rest.

    analysis = trace(preprocessing_fn, specs)              the plan, in phases
    fold = analysis.fold(feed, phase, bindings)            what a pass computes: a `Fold`
    bindings = finish(analysis, phase, folded, ...)        the values of the phase's analyzers
    export(analysis, bindings, folder)                     the SavedModel and its metadata

This module and those named `fused_*` are the only ones that use internals of
tensorflow_transform; another version than the known one makes `trace` raise `NotFusable`.
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
from ..graph_errors import explained
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
    """The values of the analyzers of the phases that are done.

    Attributes:
      values: TFT's `_TensorBinding`s, in the order of the plan.
      token: Names them, so that a graph they were put into is not taken for another.
    """

    values: tuple[Any, ...] = ()
    token: str = field(default_factory=_token)


@dataclass(frozen=True)
class Analysis:
    """What `trace` found out of a `preprocessing_fn`; pickles with the function.

    Attributes:
      preprocessing_fn: The function.
      specs: What its inputs look like, by name.
      plan: What is to be done.
      gatherers: How the rows are folded, by phase and by label.
      fingerprint: The inputs that each analyzer sees, to compare later traces with.
      assets: The file names of the vocabularies, by their keys.
      token: Names the analysis.
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
        """How many passes over the rows it takes; 0 where there is no analyzer."""
        return len(self.gatherers)

    def fold(
        self, feed: RawTensorAdapter, phase: int, bindings: Bindings | None = None
    ) -> PhaseFold:
        """What the pass of a phase computes.

        Args:
          feed: Makes the tensors of a batch.
          phase: The phase, from 0.
          bindings: What `finish` gave for the phase before; None for phase 0.
        """
        return PhaseFold(self, feed, phase, bindings)

    def schema(self) -> Any:
        """The schema of the outputs as far as it is known before any row is seen."""
        return deferred_schema(self._trace(None))

    def _trace(self, bindings: Bindings | None) -> Trace:
        """The traced function, kept in this process."""

        def make() -> Trace:
            values = bindings.values if bindings else None
            traced = trace_graph(self.preprocessing_fn, self.specs, bindings=values)
            check_fingerprint(traced, self.fingerprint)
            return traced

        return remembered((self.token, bindings and bindings.token), make)

    def graph(self, phase: int, bindings: Bindings | None) -> PhaseGraph:
        """The graph of a phase, kept in this process."""

        def make() -> PhaseGraph:
            tensors, gatherers = self.plan.tensors[phase], self.gatherers[phase]
            return phase_graph(self._trace(bindings), self.specs, tensors, gatherers)

        return remembered((self.token, bindings and bindings.token, phase), make)


def trace(preprocessing_fn: PreprocessingFn, specs: Mapping[str, tf.TypeSpec]) -> Analysis:
    """Traces a `preprocessing_fn` and plans its analysis.

    Args:
      preprocessing_fn: A function in the sense of tensorflow_transform.
      specs: What its inputs look like, by name, batched.

    Raises:
      NotFusable: The function needs what only stock tensorflow_transform can do.
      ValueError: The function returns no outputs, or has variables that can be trained.
    """
    traced = trace_graph(preprocessing_fn, specs)
    _check_outputs(traced)
    assets = annotators.get_asset_annotations(traced.graph)
    annotators.clear_asset_annotations(traced.graph)
    seen = fingerprint(traced)
    plan = plan_analysis(traced.graph, traced.inputs, traced.function.structured_outputs)
    by_phase = tuple(gatherers_of(plan, phase) for phase in range(len(plan.tensors)))
    token = _token()
    remembered((token, None), lambda: traced)
    return Analysis(preprocessing_fn, dict(specs), plan, by_phase, seen, assets, token)


def _check_outputs(traced: Trace) -> None:
    """The checks of stock TFT, with its messages."""
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


@dataclass(frozen=True)
class PhaseFold:
    """The `Fold` of a phase; an accumulator holds the part of each gatherer, whole or a piece.

    Attributes:
      analysis: What is analyzed.
      feed: Makes the tensors of a batch.
      phase: The phase.
      bindings: The values of the phases before.
    """

    analysis: Analysis
    feed: RawTensorAdapter
    phase: int
    bindings: Bindings | None = None

    @property
    def _gatherers(self) -> Mapping[str, Gatherer]:
        return self.analysis.gatherers[self.phase]

    def setup(self) -> None:
        """Traces the function, or takes the trace that this process has."""
        self.feed.setup()
        self.analysis.graph(self.phase, self.bindings)

    def start(self) -> Folded:
        return {(label, None): gatherer.start() for label, gatherer in self._gatherers.items()}

    def add(self, accumulator: Folded, batch: pa.RecordBatch) -> Folded:
        graph = self.analysis.graph(self.phase, self.bindings)

        def run(rows: pa.RecordBatch) -> Any:
            return graph(self.feed(rows))

        try:
            arrays = run(batch)
        except tf.errors.OpError as error:
            raise DataError(explained(error, graph.traced.function, batch, run)) from error
        for label, gatherer in self._gatherers.items():
            key = (label, None)
            accumulator[key] = gatherer.add(accumulator[key], arrays[label])
        return accumulator

    def merge(self, accumulators: list[Folded]) -> Folded:
        keys = dict.fromkeys(key for accumulator in accumulators for key in accumulator)
        return {
            key: self._gatherers[key[0]].merge([some[key] for some in accumulators if key in some])
            for key in keys
        }

    def split(self, accumulator: Folded) -> list[tuple[str, Folded]]:
        """The accumulator in pieces with names; pieces of one name are merged with each other.

        What is small stays together; a large vocabulary is cut by the hash of its tokens.
        """
        small: Folded = {}
        pieces: list[tuple[str, Folded]] = [("", small)]
        for (label, _), part in accumulator.items():
            for place, piece in self._gatherers[label].split(part).items():
                if place is None:
                    small[label, None] = piece
                else:
                    pieces.append((f"{label}/{place}", {(label, place): piece}))
        return pieces


def finish(
    analysis: Analysis,
    phase: int,
    folded: Sequence[Folded],
    *,
    folder: str,
    before: Bindings | None = None,
) -> Bindings:
    """What a phase ends with.

    Args:
      analysis: What is analyzed.
      phase: The phase.
      folded: All that was folded of the rows: pieces, each merged with those of its name; none
        where there were no rows.
      folder: Where the vocabularies go; every worker that sees later phases must reach it.
      before: What the phase before ended with.

    Returns:
      The values of the analyzers of all phases so far.
    """
    pieces: dict[str, dict[int | None, Any]] = {}
    for part in folded:
        for (label, place), piece in part.items():
            pieces.setdefault(label, {})[place] = piece
    gathered = {
        label: gatherer.join(dict(sorted(pieces[label].items(), key=_place)))
        if label in pieces
        else gatherer.start()
        for label, gatherer in analysis.gatherers[phase].items()
    }
    values = evaluate(analysis.plan, phase, gathered, files.join(folder, _token()))
    return Bindings((before.values if before else ()) + values)


def _place(item: tuple[int | None, Any]) -> int:
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
      analysis: What was analyzed.
      bindings: What the last phase ended with.
      folder: Where the model goes, with the metadata of the outputs in `.tft_metadata`.
      save_options: How the model is saved.

    Raises:
      RuntimeError: The function did not ask for the same analyzers when it was traced again.
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
    """The `RawTensorAdapter` of batches as a `TensorAdapterConfig` of tfx_bsl describes them."""

    def __init__(self, config: TensorAdapterConfig) -> None:
        self._config = config

    def setup(self) -> None:
        self._adapter = TensorAdapter(self._config)

    def type_specs(self) -> dict[str, tf.TypeSpec]:
        return TensorAdapter(self._config).OriginalTypeSpecs()  # type: ignore[no-any-return]

    def __call__(self, batch: pa.RecordBatch) -> dict[str, tf.Tensor]:
        return self._adapter.ToBatchTensors(batch, produce_eager_tensors=True)  # type: ignore[no-any-return]

    def __reduce__(self) -> tuple[Any, ...]:
        return TfxTensorAdapter, (self._config,)
