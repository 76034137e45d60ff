"""Evaluation at the end of a phase: accumulators of all rows become values for the graph.

Each class of TFT's operations after the accumulation has a small function here, which calls
tensorflow_transform's own pure functions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow_transform import analyzer_nodes
from tensorflow_transform.beam import analyzer_impls, beam_nodes
from tensorflow_transform.beam import impl as beam_impl

from . import vocabulary as fused_vocabulary
from .plan import ACCUMULATES, Plan

__all__ = ["evaluate"]


@dataclass(frozen=True)
class _Context:
    """State that operations use besides their inputs.

    Attributes:
      gathered: Accumulators of all rows, by the label of the operation.
      folder: Path of the folder for vocabularies.
    """

    gathered: Mapping[str, Any]
    folder: str


def evaluate(plan: Plan, phase: int, gathered: Mapping[str, Any], folder: str) -> tuple[Any, ...]:
    """Evaluate the operations of a phase, and return its tensor bindings.

    Args:
      plan: Plan of the analysis.
      phase: Index of the phase.
      gathered: Accumulators of all rows, by the label of the operation.
      folder: Path of the folder for vocabularies; it must not contain other files.

    Returns:
      TFT's `_TensorBinding`s: the values of the placeholders of the phase's analyzers.
    """
    context = _Context(gathered, folder)
    values: dict[int, Any] = dict(plan.constants)
    bindings = []
    for step in plan.of(phase):
        inputs = [values.get(value) for value in step.inputs]
        outputs = _EVALUATE[step.kind](step.operation, inputs, context)
        values.update(zip(step.outputs, outputs, strict=True))
        if step.kind is beam_nodes.CreateTensorBinding:
            bindings.append(outputs[0])
    return tuple(bindings)


def _gathered(operation: Any, inputs: Sequence[Any], context: _Context) -> Sequence[Any]:
    return (context.gathered[operation.label],)


def _gathered_packed(operation: Any, inputs: Sequence[Any], context: _Context) -> Sequence[Any]:
    return ({packed.label: context.gathered[packed.label] for packed in operation.combiners},)


def _extract(operation: Any, inputs: Sequence[Any], context: _Context) -> Sequence[Any]:
    """Return one of several outputs; None for tensors of the graph, which are folded already."""
    return (inputs[0][operation.keys] if isinstance(operation.keys, str) else None,)


def _add_key(operation: Any, inputs: Sequence[Any], context: _Context) -> Sequence[Any]:
    return ((operation.key, inputs[0]),)


def _flatten(operation: Any, inputs: Sequence[Any], context: _Context) -> Sequence[Any]:
    return (list(inputs),)


def _output(combiner: Any, accumulator: Any) -> Any:
    """Return the output of a combiner, after a merge with an empty accumulator.

    Beam does this merge for stock TFT; the same operations give the same bits.
    """
    merge = analyzer_impls._CombinerWrapper(combiner, is_combining_accumulators=True)
    return merge.extract_output(merge.add_input(merge.create_accumulator(), accumulator))


def _merge(operation: Any, inputs: Sequence[Any], context: _Context) -> Sequence[Any]:
    return (_output(operation.combiner, inputs[0]),)


def _merge_packed(operation: Any, inputs: Sequence[Any], context: _Context) -> Sequence[Any]:
    by_key = dict(inputs[0])
    return (
        {
            packed.label: _output(packed.combiner, by_key[packed.keys[0]])
            for packed in operation.combiners
        },
    )


def _extract_outputs(operation: Any, inputs: Sequence[Any], context: _Context) -> Sequence[Any]:
    return list(inputs[0])


def _merge_per_key(operation: Any, inputs: Sequence[Any], context: _Context) -> Sequence[Any]:
    return (
        [(key, _output(operation.combiner, value)) for key, value in sorted(inputs[0].items())],
    )


def _format_keys(operation: Any, inputs: Sequence[Any], context: _Context) -> Sequence[Any]:
    dtypes = [info.dtype for info in operation.combiner.output_tensor_infos()]
    return [tagged.value for tagged in analyzer_impls._merge_outputs_by_key(inputs[0], dtypes)]


def _format_large(operation: Any, inputs: Sequence[Any], context: _Context) -> Sequence[Any]:
    text = tf.compat.as_str_any
    pairs = [(text(",".join(map(text, values))), key) for key, values in inputs[0]]
    return (fused_vocabulary.table_of_pairs(pairs),)


def _scale_boundaries(operation: Any, inputs: Sequence[Any], context: _Context) -> Sequence[Any]:
    return analyzer_impls._join_boundary_rows(inputs[0])  # type: ignore[no-any-return]


def _flatten_lists(operation: Any, inputs: Sequence[Any], context: _Context) -> Sequence[Any]:
    return (fused_vocabulary.table_of_pairs(inputs[0]),)


def _vocabulary_merge(operation: Any, inputs: Sequence[Any], context: _Context) -> Sequence[Any]:
    return (fused_vocabulary.merge(operation, inputs[0]),)


def _vocabulary_prune(operation: Any, inputs: Sequence[Any], context: _Context) -> Sequence[Any]:
    return (fused_vocabulary.prune(operation, inputs[0]),)


def _vocabulary_count(operation: Any, inputs: Sequence[Any], context: _Context) -> Sequence[Any]:
    """Return the number of tokens, at least one: an empty vocabulary is written with a dummy."""
    return (np.int64(max(inputs[0].num_rows, 1)),)


def _vocabulary_write(operation: Any, inputs: Sequence[Any], context: _Context) -> Sequence[Any]:
    table, *reserved = inputs
    tokens = reserved[0] if reserved else None
    return (np.array(fused_vocabulary.write(operation, table, tokens, context.folder)),)


def _bind(operation: Any, inputs: Sequence[Any], context: _Context) -> Sequence[Any]:
    return (
        beam_impl._TensorBinding(
            inputs[0], operation.tensor_name, operation.dtype_enum, operation.is_asset_filepath
        ),
    )


_Evaluate = Callable[[Any, Sequence[Any], _Context], Sequence[Any]]

_EVALUATE: Mapping[type, _Evaluate] = {
    **dict.fromkeys(ACCUMULATES, _gathered),
    analyzer_nodes.PackedCombineAccumulate: _gathered_packed,
    analyzer_nodes.AddKey: _add_key,
    analyzer_nodes.CacheableCombineMerge: _merge,
    analyzer_nodes.CacheableCombinePerKeyFormatKeys: _format_keys,
    analyzer_nodes.CacheableCombinePerKeyFormatLarge: _format_large,
    analyzer_nodes.CacheableCombinePerKeyMerge: _merge_per_key,
    analyzer_nodes.ExtractCombineMergeOutputs: _extract_outputs,
    analyzer_nodes.ExtractPackedCombineMergeOutputs: _extract_outputs,
    analyzer_nodes.FlattenLists: _flatten_lists,
    analyzer_nodes.PackedCombineMerge: _merge_packed,
    analyzer_nodes.ScaleAndFlattenPerKeyBucketBouandaries: _scale_boundaries,
    analyzer_nodes.VocabularyCount: _vocabulary_count,
    analyzer_nodes.VocabularyMerge: _vocabulary_merge,
    analyzer_nodes.VocabularyOrderAndWrite: _vocabulary_write,
    analyzer_nodes.VocabularyPrune: _vocabulary_prune,
    beam_nodes.CreateTensorBinding: _bind,
    beam_nodes.ExtractFromDict: _extract,
    beam_nodes.Flatten: _flatten,
}
