"""What is exported of an analysis: the SavedModel of the function, and what it says of its outputs.

The model is the one stock tensorflow_transform writes: the function traced with the results of
its analyzers put in, cut down to what its outputs take, and all that it uses. What the function
says of its outputs is read off the same trace, where stock TFT traces once more.
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

from .graph import TRACING, Part, PreprocessingFn, Trace, check_fingerprint, replacements, trace

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
    """Write the SavedModel of a function all of whose analyzers are evaluated.

    Args:
      preprocessing_fn: The function.
      specs: What its inputs look like, by name.
      folder: Where the model goes; the metadata go into `.tft_metadata` in it, as TFT has it.
      bindings: TFT's tensor bindings of all phases.
      expected: The fingerprint of the analyzers when they were planned.
      save_options: How the model is saved.

    Raises:
      RuntimeError: The function did not ask for the same analyzers when it was traced again.
    """
    traced = trace(preprocessing_fn, specs, bindings=bindings)
    check_fingerprint(traced, expected)
    metadata = _metadata(traced) or _metadata_of_another_trace(traced, preprocessing_fn, bindings)
    with TRACING:
        tf.saved_model.save(_module(traced, specs), folder, options=save_options)
    metadata_io.write_metadata(metadata, os.path.join(folder, impl_helper.METADATA_DIR_NAME))


def _module(traced: Trace, specs: Mapping[str, tf.TypeSpec]) -> tf.Module:
    """The module that TFT saves: the function as `transform_fn`, and all that it uses."""
    outputs = traced.function.structured_outputs
    flat = tf.nest.flatten(outputs, expand_composites=True)
    part = Part(traced, flat, checks=True)

    @tf.function(input_signature=[dict(specs)], autograph=False)  # type: ignore[untyped-decorator]
    def transform_fn(inputs: Mapping[str, Any]) -> Any:
        values = part(tf.nest.flatten(inputs, expand_composites=True))
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
    """The metadata of the outputs; None where what is said of them depends on the inputs."""
    overrides = _overrides(traced)
    leaves = tf.nest.flatten(overrides)
    symbolic = [leaf for leaf in leaves if tf.is_symbolic_tensor(leaf)]
    part = Part(traced, symbolic, checks=False)
    if part.reads_inputs:
        return None
    values = iter(tf.function(lambda: part([]), autograph=False)())
    said = [next(values) if tf.is_symbolic_tensor(leaf) else tf.constant(leaf) for leaf in leaves]
    evaluated = tf.nest.pack_sequence_as(overrides, said)
    return dataset_metadata.DatasetMetadata(
        schema_inference.infer_feature_schema_v2(
            _described(traced), lambda: evaluated, evaluate_schema_overrides=True
        )
    )


def _described(traced: Trace) -> dict[str, Any]:
    """The outputs that a schema can describe: pixels, of uint8, are none of them."""
    outputs = traced.function.structured_outputs
    return {name: tensor for name, tensor in outputs.items() if tensor.dtype != tf.uint8}


def _overrides(traced: Trace) -> dict[str, list[Any]]:
    """What the function says of its outputs, collected as the `metadata_fn` of TFT does."""
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
    with TRACING, tempfile.TemporaryDirectory(prefix="recordmill-trace-") as folder:
        return impl_helper._trace_and_get_metadata(
            traced.function, traced.inputs, preprocessing_fn, folder, replacements(bindings)
        )


def deferred_schema(traced: Trace) -> Any:
    """The schema of the outputs as far as it is known before the analyzers are evaluated."""
    collection = schema_inference._TF_METADATA_TENSOR_COLLECTION
    names = schema_inference._get_tensor_value_to_key_map(traced.returned)
    ranged = [
        tf.constant(names[tensor.name])
        for tensor in traced.graph.get_collection(collection)
        if tensor.name in names
    ]
    return schema_inference.infer_feature_schema_v2(
        _described(traced),
        lambda: {collection: ranged},
        evaluate_schema_overrides=False,
    )
