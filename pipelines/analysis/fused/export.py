"""Export of a finished analysis: the SavedModel of the function, and metadata of its outputs.

The model is the same as stock tensorflow_transform writes: the function traced with the values of
its analyzers inserted, pruned to the nodes that its outputs need, with its resources. The metadata
are the schema of the outputs with the ranges and annotations that the function gives them; they
are read from the same trace, where stock TFT traces once more.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from typing import Any

import tensorflow as tf
from tensorflow_transform import impl_helper, schema_inference
from tensorflow_transform.saved import saved_transform_io_v2
from tensorflow_transform.tf_metadata import dataset_metadata, metadata_io

from .graph import TRACING, PreprocessingFn, Subgraph, Trace, check_fingerprint, replacements, trace

__all__ = ["deferred_schema", "export"]


def export(
    preprocessing_fn: PreprocessingFn,
    specs: Mapping[str, tf.TypeSpec],
    folder: str,
    *,
    bindings: tuple[Any, ...],
    expected: Mapping[str, frozenset[str]],
    save_options: tf.saved_model.SaveOptions | None = None,
) -> None:
    """Write the SavedModel of a function whose analyzers are all evaluated.

    Args:
      preprocessing_fn: The function.
      specs: Type specs of its inputs, by name.
      folder: Path of the model; the metadata are written to `.tft_metadata` in it, as by TFT.
      bindings: TFT's tensor bindings of all phases.
      expected: Fingerprint of the analyzers when they were planned.
      save_options: Options of `tf.saved_model.save`.

    Raises:
      RuntimeError: The function has other analyzers when it is traced again.
    """
    traced = trace(preprocessing_fn, specs, bindings=bindings)
    check_fingerprint(traced, expected)
    metadata = _metadata(traced) or _metadata_of_another_trace(traced, preprocessing_fn, bindings)
    with TRACING:
        tf.saved_model.save(_module(traced, specs), folder, options=save_options)
    metadata_io.write_metadata(metadata, os.path.join(folder, impl_helper.METADATA_DIR_NAME))


def _module(traced: Trace, specs: Mapping[str, tf.TypeSpec]) -> tf.Module:
    """Return the module that TFT saves: the function as `transform_fn`, and its resources."""
    outputs = traced.function.structured_outputs
    flat = tf.nest.flatten(outputs, expand_composites=True)
    subgraph = Subgraph(traced, flat, checks=True)

    @tf.function(input_signature=[dict(specs)], autograph=False)  # type: ignore[untyped-decorator]
    def transform_fn(inputs: Mapping[str, Any]) -> Any:
        values = subgraph(tf.nest.flatten(inputs, expand_composites=True))
        # An imported GraphDef has the inferred shapes only: those that the function set are lost.
        for value, original in zip(values, flat, strict=True):
            value.set_shape(original.shape)
        return tf.nest.pack_sequence_as(outputs, values, expand_composites=True)

    module = traced.module
    module.transform_fn = transform_fn.get_concrete_function()
    module.pruned_variables = traced.function.variables
    module.created_variables = traced.variables
    module.resources = traced.resources
    module.trackable_objects = traced.objects
    module.initializers = [
        resource._initializer
        for resource in traced.resources
        if isinstance(resource, saved_transform_io_v2.lookup_ops.InitializableLookupTableBase)
    ]
    module.assets = [
        tf.saved_model.Asset(path)
        for path in traced.graph.get_collection(tf.compat.v1.GraphKeys.ASSET_FILEPATHS)
    ]
    return module


def _metadata(traced: Trace) -> dataset_metadata.DatasetMetadata | None:
    """Return the metadata of the outputs; None where an annotation depends on the inputs."""
    overrides = _overrides(traced)
    leaves = tf.nest.flatten(overrides)
    symbolic = [leaf for leaf in leaves if tf.is_symbolic_tensor(leaf)]
    subgraph = Subgraph(traced, symbolic, checks=False)
    if subgraph.reads_inputs:
        return None
    values = iter(tf.function(lambda: subgraph([]), autograph=False)())
    constants = [
        next(values) if tf.is_symbolic_tensor(leaf) else tf.constant(leaf) for leaf in leaves
    ]
    evaluated = tf.nest.pack_sequence_as(overrides, constants)
    return dataset_metadata.DatasetMetadata(
        schema_inference.infer_feature_schema_v2(
            _outputs_with_schema(traced), lambda: evaluated, evaluate_schema_overrides=True
        )
    )


def _outputs_with_schema(traced: Trace) -> dict[str, Any]:
    """Return the outputs that a schema can describe: all but pixels, which are uint8."""
    outputs = traced.function.structured_outputs
    return {name: tensor for name, tensor in outputs.items() if tensor.dtype != tf.uint8}


def _overrides(traced: Trace) -> dict[str, list[Any]]:
    """Collect the schema overrides of the outputs, as TFT's `metadata_fn` does."""
    names = schema_inference._get_tensor_value_to_key_map(traced.returned)
    ranges = schema_inference._get_schema_overrides(
        traced.graph,
        names,
        schema_inference._TF_METADATA_TENSOR_COLLECTION,
        [
            schema_inference._TF_METADATA_TENSOR_MIN_COLLECTION,
            schema_inference._TF_METADATA_TENSOR_MAX_COLLECTION,
        ],
    )
    annotations = schema_inference._get_schema_overrides(
        traced.graph,
        names,
        schema_inference._TF_METADATA_EXTRA_ANNOTATION,
        [
            schema_inference._TF_METADATA_EXTRA_ANNOTATION_TYPE_URL,
            schema_inference._TF_METADATA_EXTRA_ANNOTATION_PROTO,
        ],
        schema_inference._TF_METADATA_EXTRA_ANNOTATION_GLOBAL,
    )
    sparse = schema_inference._get_sparse_output_annotations_v2(traced.graph, names)
    field = schema_inference._METADATA_SPARSE_OUTPUT_OVERRIDES_FIELD
    return {**ranges, **annotations, field: [sparse]}


def _metadata_of_another_trace(
    traced: Trace, preprocessing_fn: PreprocessingFn, bindings: tuple[Any, ...]
) -> dataset_metadata.DatasetMetadata:
    """Return the metadata as stock TFT computes them, which runs the graph of a new trace."""
    with TRACING, tempfile.TemporaryDirectory(prefix="recordmill-trace-") as folder:
        return impl_helper._trace_and_get_metadata(
            traced.function, traced.inputs, preprocessing_fn, folder, replacements(bindings)
        )


def deferred_schema(traced: Trace) -> Any:
    """Return the schema of the outputs, without the facts that analyzers compute."""
    collection = schema_inference._TF_METADATA_TENSOR_COLLECTION
    names = schema_inference._get_tensor_value_to_key_map(traced.returned)
    ranged = [
        tf.constant(names[tensor.name])
        for tensor in traced.graph.get_collection(collection)
        if tensor.name in names
    ]
    return schema_inference.infer_feature_schema_v2(
        _outputs_with_schema(traced),
        lambda: {collection: ranged},
        evaluate_schema_overrides=False,
    )
