"""Folds of the rows of a phase: one gatherer for each operation that accumulates rows.

A gatherer names the tensors of the phase's graph that it needs, reduces them inside the graph as
far as possible, folds the reduced arrays into an accumulator, and merges accumulators. Combiners
are tensorflow_transform's own; vocabularies are counted in Arrow tables, so Python never handles
single tokens.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
from tensorflow_transform import analyzer_nodes, analyzers
from tensorflow_transform.beam import analyzer_impls, beam_nodes

from .plan import ACCUMULATES, NotFusable, Plan, Step
from .sums import PARTITION_FROM, PARTITIONS
from .vocabulary import GatherVocabulary

__all__ = ["GatherCombined", "GatherCombinedPerKey", "Gatherer", "gatherers_of"]


class Gatherer(Protocol):
    """Fold of the rows for one operation: picklable, and used by several threads at once."""

    @property
    def keys(self) -> tuple[str, ...]:
        """Keys in `Plan.tensors` of the tensors it needs."""

    def reduce(self, tensors: Sequence[Any]) -> Sequence[Any]:
        """Reduce the tensors of a batch; called inside the graph, when it is traced."""

    def start(self) -> Any:
        """Return a fresh accumulator."""

    def add(self, accumulator: Any, arrays: Sequence[np.ndarray[Any, Any]]) -> Any:
        """Return the accumulator with the reduced tensors of a batch folded in."""

    def merge(self, accumulators: Sequence[Any]) -> Any:
        """Merge accumulators, passed in canonical order, into one."""

    def split(self, accumulator: Any) -> Mapping[int | None, Any]:
        """Partition a large accumulator by the hash of its keys; return a small one under None."""

    def join(self, partitions: Mapping[int | None, Any]) -> Any:
        """Return the accumulator of partitions, each of which is merged."""


@dataclass(frozen=True)
class GatherCombined:
    """Folds batches by one of TFT's combiners.

    Attributes:
      keys: Keys of the tensors that the combiner takes.
      combiner: TFT's `analyzer_nodes.Combiner`.
    """

    keys: tuple[str, ...]
    combiner: Any

    def reduce(self, tensors: Sequence[Any]) -> Sequence[Any]:
        """Return the tensors unchanged."""
        return tensors

    def start(self) -> Any:
        """Return a fresh accumulator of the combiner."""
        return self.combiner.create_accumulator()

    def add(self, accumulator: Any, arrays: Sequence[np.ndarray[Any, Any]]) -> Any:
        """Fold a batch into the accumulator."""
        return self.combiner.add_input(accumulator, tuple(arrays))

    def merge(self, accumulators: Sequence[Any]) -> Any:
        """Merge accumulators."""
        return self.combiner.merge_accumulators(list(accumulators))

    def split(self, accumulator: Any) -> Mapping[int | None, Any]:
        """Return the compacted accumulator under None."""
        return {None: self.combiner.compact(accumulator)}

    def join(self, partitions: Mapping[int | None, Any]) -> Any:
        """Return the accumulator under None."""
        return partitions[None]


@dataclass(frozen=True)
class GatherCombinedPerKey:
    """Folds the rows of each key by one of TFT's combiners; its accumulator is a dict by key.

    Attributes:
      keys: Keys of the tensors: first that of the rows' keys, then those the combiner takes.
      combiner: TFT's `analyzer_nodes.Combiner`.
    """

    keys: tuple[str, ...]
    combiner: Any

    def reduce(self, tensors: Sequence[Any]) -> Sequence[Any]:
        """Return the tensors unchanged."""
        return tensors

    def start(self) -> dict[bytes, Any]:
        """Return no keys."""
        return {}

    def add(
        self, accumulator: dict[bytes, Any], arrays: Sequence[np.ndarray[Any, Any]]
    ) -> dict[bytes, Any]:
        """Fold the rows of each key into its accumulator."""
        for key, values in self._rows(arrays):
            if key not in accumulator:
                accumulator[key] = self.combiner.create_accumulator()
            accumulator[key] = self.combiner.add_input(accumulator[key], values)
        return accumulator

    def _rows(self, arrays: Sequence[np.ndarray[Any, Any]]) -> Iterable[tuple[bytes, Any]]:
        """Yield the values of each key; all its rows at once where the combiner takes many.

        TFT's own function yields a row at a time, for which the sketch of quantiles is slow.
        """
        if isinstance(self.combiner, analyzers.QuantilesCombiner) and len(arrays[0]):
            return _group_rows(arrays)
        return analyzer_impls._split_inputs_by_key(arrays)  # type: ignore[no-any-return]

    def merge(self, accumulators: Sequence[dict[bytes, Any]]) -> dict[bytes, Any]:
        """Merge the accumulators of each key."""
        by_key: dict[bytes, list[Any]] = {}
        for accumulator in accumulators:
            for key, combined in accumulator.items():
                by_key.setdefault(key, []).append(combined)
        return {key: self.combiner.merge_accumulators(group) for key, group in by_key.items()}

    def split(self, accumulator: dict[bytes, Any]) -> Mapping[int | None, Any]:
        """Partition the keys by their hash, if there are many."""
        compact = {key: self.combiner.compact(value) for key, value in accumulator.items()}
        if len(compact) < PARTITION_FROM:
            return {None: compact}
        partitions: dict[int | None, Any] = {}
        for key, combined in compact.items():
            partitions.setdefault(zlib.crc32(key) % PARTITIONS, {})[key] = combined
        return partitions

    def join(self, partitions: Mapping[int | None, Any]) -> dict[bytes, Any]:
        """Merge the partitions."""
        return self.merge(list(partitions.values()))


def _group_rows(arrays: Sequence[np.ndarray[Any, Any]]) -> Iterable[tuple[bytes, Any]]:
    """Yield each key and its rows of each array, in the order of the first row.

    Args:
      arrays: The keys, bytes, [rows]; then arrays of [rows, ...].
    """
    analyzer_impls._split_inputs_by_key(arrays).__next__()  # raises where shapes do not match
    encoded = pa.array(arrays[0], pa.binary()).dictionary_encode()
    codes = encoded.indices.to_numpy()
    rows = np.argsort(codes, kind="stable")
    ends = np.cumsum(np.bincount(codes, minlength=len(encoded.dictionary)))
    groups = np.split(rows, ends[:-1])
    for key, group in zip(encoded.dictionary.to_pylist(), groups, strict=True):
        yield key, [values[group] for values in arrays[1:]]


def gatherers_of(plan: Plan, phase: int) -> dict[str, Gatherer]:
    """Return the gatherers of a phase, by the label of their operation.

    Raises:
      NotFusable: An operation accumulates rows that do not come from the phase's graph.
    """
    keys = _tensor_keys(plan)
    gatherers: dict[str, Gatherer] = {}
    for step in plan.steps:
        if step.phase == phase and step.kind in ACCUMULATES:
            gatherers.update(_gatherers_of_step(step, keys))
    return gatherers


def _tensor_keys(plan: Plan) -> dict[int, tuple[str, ...]]:
    """Return the keys of the tensors in a value, by its number, for tensors of a phase."""
    return {
        step.outputs[0]: step.operation.keys
        for step in plan.steps
        if step.kind is beam_nodes.ExtractFromDict and isinstance(step.operation.keys, tuple)
    }


def _gatherers_of_step(step: Step, keys: Mapping[int, tuple[str, ...]]) -> dict[str, Gatherer]:
    operation = step.operation
    if step.kind is analyzer_nodes.PackedCombineAccumulate:
        return {
            packed.label: GatherCombined(tuple(packed.keys), packed.combiner)
            for packed in operation.combiners
        }
    if step.inputs[0] not in keys:
        raise NotFusable(f'analyzer "{operation.label}" does not read tensors of the graph')
    tensor_keys = keys[step.inputs[0]]
    if step.kind is analyzer_nodes.VocabularyAccumulate:
        return {operation.label: GatherVocabulary(tensor_keys, operation.vocab_ordering_type)}
    if step.kind is analyzer_nodes.CacheableCombinePerKeyAccumulate:
        return {operation.label: GatherCombinedPerKey(tensor_keys, operation.combiner)}
    return {operation.label: GatherCombined(tensor_keys, operation.combiner)}
