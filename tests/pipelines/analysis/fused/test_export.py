"""The SavedModel of an analysis, and the schema of its outputs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf
import tensorflow_transform as tft
from helpers.analyze_cases import SPECS, Inputs
from tensorflow_transform.tf_metadata import metadata_io

from recordmill.pipelines.analysis.fused.export import deferred_schema, export
from recordmill.pipelines.analysis.fused.graph import fingerprint, trace


def saved(function: Callable[[Inputs], Inputs], folder: Path) -> Any:
    """Save a function without analyzers, and load it."""
    expected = fingerprint(trace(function, SPECS))
    export(function, SPECS, str(folder), bindings=(), expected=expected)
    return tf.saved_model.load(str(folder))


ROWS = {"x": tf.constant([1.0, 2.0]), "word": tf.constant(["a", "abc"])}


def _two_outputs(inputs: Inputs) -> Inputs:
    tf.debugging.assert_less(inputs["x"], 100.0, message="too large")
    return {
        "double": inputs["x"] * 2,
        "pixels": tf.cast(inputs["x"], tf.uint8),
        "letters": tf.strings.bytes_split(inputs["word"]),
    }


def test_the_model_computes_what_the_function_does(tmp_path: Path) -> None:
    module = saved(_two_outputs, tmp_path / "model")
    outputs = module.transform_fn(ROWS)
    assert outputs["double"].numpy().tolist() == [2.0, 4.0]
    assert outputs["pixels"].numpy().tolist() == [1, 2]
    assert outputs["letters"].to_list() == [[b"a"], [b"a", b"b", b"c"]]
    with pytest.raises(tf.errors.InvalidArgumentError, match="too large"):
        module.transform_fn(ROWS | {"x": tf.constant([1e3, 0.0])})


def test_pixels_are_no_part_of_the_schema(tmp_path: Path) -> None:
    saved(_two_outputs, tmp_path / "model")
    schema = metadata_io.read_metadata(str(tmp_path / "model" / ".tft_metadata")).schema
    names = [feature.name for feature in schema.feature]
    assert names == ["double", "letters$ragged_values"]
    assert [*schema.tensor_representation_group[""].tensor_representation] == ["letters"]


def _table_and_variable(inputs: Inputs) -> Inputs:
    table = tf.lookup.StaticHashTable(
        tf.lookup.KeyValueTensorInitializer(["a"], tf.constant([7], tf.int64)), -1
    )
    return {"id": table.lookup(inputs["word"]), "x": inputs["x"]}


def test_tables_are_saved_with_the_model(tmp_path: Path) -> None:
    outputs = saved(_table_and_variable, tmp_path / "model").transform_fn(ROWS)
    assert outputs["id"].numpy().tolist() == [7, -1]


def _analyzed(inputs: Inputs) -> Inputs:
    word = tft.compute_and_apply_vocabulary(inputs["word"], vocab_filename="words")
    return {"word": word, "z": tft.scale_to_z_score(inputs["x"])}


def test_the_schema_before_any_row_is_seen() -> None:
    """A range of ids is said of the output, and what it is shows when words are counted."""
    schema = deferred_schema(trace(_analyzed, SPECS))
    features = {feature.name: feature for feature in schema.feature}
    assert sorted(features) == ["word", "z"]
    assert features["word"].HasField("int_domain")
    assert not features["z"].HasField("int_domain")


def test_other_analyzers_than_were_planned_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match=r"^preprocessing_fn calls other analyzers"):
        export(_analyzed, SPECS, str(tmp_path / "model"), bindings=(), expected={})
    assert not (tmp_path / "model").exists()
