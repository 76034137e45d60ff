"""What is folded of the rows of a phase: one gatherer for each operation that sees rows.

A gatherer says which tensors of the phase's graph it needs, reduces them inside the graph as far
as it can, folds what is left into a part, and merges parts. Combiners are tensorflow_transform's
own; vocabularies are counted in Arrow tables, so no token is ever handled by itself in Python.
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
    """How the rows are folded for one operation: picklable, and used by threads at once."""

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys of the tensors it needs, as `Plan.tensors` has them."""

    def reduce(self, tensors: Sequence[Any]) -> Sequence[Any]:
        """The tensors of a batch made smaller; called inside the graph, when it is traced."""

    def start(self) -> Any:
        """A fresh part."""

    def add(self, part: Any, arrays: Sequence[np.ndarray[Any, Any]]) -> Any:
        """The part with the reduced tensors of a batch folded in."""

    def merge(self, parts: Sequence[Any]) -> Any:
        """One part of several, given in canonical order."""

    def split(self, part: Any) -> Mapping[int | None, Any]:
        """A small part as it is under None; a large one in pieces by the hash of their keys."""

    def join(self, pieces: Mapping[int | None, Any]) -> Any:
        """The whole of pieces that were each merged."""


@dataclass(frozen=True)
class GatherCombined:
    """Folds batches by one of TFT's combiners.

    Attributes:
      keys: The keys of the tensors the combiner takes.
      combiner: The `analyzer_nodes.Combiner`.
    """

    keys: tuple[str, ...]
    combiner: Any

    def reduce(self, tensors: Sequence[Any]) -> Sequence[Any]:
        return tensors

    def start(self) -> Any:
        return self.combiner.create_accumulator()

    def add(self, part: Any, arrays: Sequence[np.ndarray[Any, Any]]) -> Any:
        return self.combiner.add_input(part, tuple(arrays))

    def merge(self, parts: Sequence[Any]) -> Any:
        return self.combiner.merge_accumulators(list(parts))

    def split(self, part: Any) -> Mapping[int | None, Any]:
        return {None: self.combiner.compact(part)}

    def join(self, pieces: Mapping[int | None, Any]) -> Any:
        return pieces[None]


@dataclass(frozen=True)
class GatherCombinedPerKey:
    """Folds the rows of each key by one of TFT's combiners; a part is a dict by key.

    Attributes:
      keys: The keys of the tensors: that of the rows' keys, then those the combiner takes.
      combiner: The `analyzer_nodes.Combiner`.
    """

    keys: tuple[str, ...]
    combiner: Any

    def reduce(self, tensors: Sequence[Any]) -> Sequence[Any]:
        return tensors

    def start(self) -> dict[bytes, Any]:
        return {}

    def add(
        self, part: dict[bytes, Any], arrays: Sequence[np.ndarray[Any, Any]]
    ) -> dict[bytes, Any]:
        for key, values in self._rows(arrays):
            accumulator = part[key] if key in part else self.combiner.create_accumulator()
            part[key] = self.combiner.add_input(accumulator, values)
        return part

    def _rows(self, arrays: Sequence[np.ndarray[Any, Any]]) -> Iterable[tuple[bytes, Any]]:
        """The values of each key; of all its rows at once where the combiner takes many."""
        if isinstance(self.combiner, analyzers.QuantilesCombiner) and len(arrays[0]):
            return _grouped(arrays)
        return analyzer_impls._split_inputs_by_key(arrays)  # type: ignore[no-any-return]

    def merge(self, parts: Sequence[dict[bytes, Any]]) -> dict[bytes, Any]:
        by_key: dict[bytes, list[Any]] = {}
        for part in parts:
            for key, accumulator in part.items():
                by_key.setdefault(key, []).append(accumulator)
        return {key: self.combiner.merge_accumulators(some) for key, some in by_key.items()}

    def split(self, part: dict[bytes, Any]) -> Mapping[int | None, Any]:
        compact = {key: self.combiner.compact(value) for key, value in part.items()}
        if len(compact) < PARTITION_FROM:
            return {None: compact}
        pieces: dict[int | None, Any] = {}
        for key, accumulator in compact.items():
            pieces.setdefault(zlib.crc32(key) % PARTITIONS, {})[key] = accumulator
        return pieces

    def join(self, pieces: Mapping[int | None, Any]) -> dict[bytes, Any]:
        return self.merge(list(pieces.values()))


def _grouped(arrays: Sequence[np.ndarray[Any, Any]]) -> Iterable[tuple[bytes, Any]]:
    """The rows of each key, keys and rows in the order of their first row.

    Args:
      arrays: The keys, bytes, [rows]; then arrays of [rows, ...].

    Yields:
      A key, and its rows of each array.
    """
    analyzer_impls._split_inputs_by_key(arrays).__next__()  # raises where shapes do not fit
    encoded = pa.array(arrays[0], pa.binary()).dictionary_encode()
    codes = encoded.indices.to_numpy()
    rows = np.argsort(codes, kind="stable")
    ends = np.cumsum(np.bincount(codes, minlength=len(encoded.dictionary)))
    for key, some in zip(encoded.dictionary.to_pylist(), np.split(rows, ends[:-1]), strict=True):
        yield key, [values[some] for values in arrays[1:]]


def gatherers_of(plan: Plan, phase: int) -> dict[str, Gatherer]:
    """The gatherers of a phase, by the label of the operation each stands for.

    Raises:
      NotFusable: An operation that sees rows does not read them from the phase's graph.
    """
    keys = _keys_read(plan)
    found: dict[str, Gatherer] = {}
    for step in plan.steps:
        if step.phase == phase and step.kind in ACCUMULATES:
            found.update(_of_step(step, keys))
    return found


def _keys_read(plan: Plan) -> dict[int, tuple[str, ...]]:
    """The keys of the tensors a value stands for, for the values that are tensors of a phase."""
    return {
        step.outputs[0]: step.operation.keys
        for step in plan.steps
        if step.kind is beam_nodes.ExtractFromDict and isinstance(step.operation.keys, tuple)
    }


def _of_step(step: Step, keys: Mapping[int, tuple[str, ...]]) -> dict[str, Gatherer]:
    operation = step.operation
    if step.kind is analyzer_nodes.PackedCombineAccumulate:
        return {
            packed.label: GatherCombined(tuple(packed.keys), packed.combiner)
            for packed in operation.combiners
        }
    if step.inputs[0] not in keys:
        raise NotFusable(f'analyzer "{operation.label}" does not read tensors of the graph')
    read = keys[step.inputs[0]]
    if step.kind is analyzer_nodes.VocabularyAccumulate:
        return {operation.label: GatherVocabulary(read, operation.vocab_ordering_type)}
    if step.kind is analyzer_nodes.CacheableCombinePerKeyAccumulate:
        return {operation.label: GatherCombinedPerKey(read, operation.combiner)}
    return {operation.label: GatherCombined(read, operation.combiner)}
