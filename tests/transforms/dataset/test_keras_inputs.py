from __future__ import annotations

import pytest
import tensorflow as tf

from recordmill.schemas.errors import RecipeError
from recordmill.transforms.dataset.keras_inputs import keras_inputs


def test_inputs() -> None:
    inputs = keras_inputs(
        {
            "x": tf.TensorSpec([None], tf.float32),
            "a/b": tf.TensorSpec([None, 2, 3], tf.int64),
            "words": tf.SparseTensorSpec([None, 9], tf.float32),
        }
    )
    assert {name: (tensor.name, tensor.dtype, tensor.shape) for name, tensor in inputs.items()} == {
        "x": ("x", "float32", (None,)),
        "a/b": ("a_b", "int64", (None, 2, 3)),
        "words": ("words", "float32", (None, 9)),
    }
    # Importing tensorflow-transform, as other tests do, makes `tf.keras` the old one.
    assert getattr(inputs["words"], "sparse", False) or "Sparse" in type(inputs["words"]).__name__


def test_a_ragged_feature() -> None:
    with pytest.raises(RecipeError, match=r'^feature "letters" is ragged, \(None, None\)'):
        keras_inputs({"letters": tf.RaggedTensorSpec([None, None], tf.int64)})
