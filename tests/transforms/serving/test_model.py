"""Calls of an exported model by its signatures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from helpers.exported import write_model

from recordmill.schemas.errors import DataError, RecipeError
from recordmill.transforms.serving.model import ServedModel


def model(raw: Any) -> dict[str, tf.Tensor]:
    with tf.control_dependencies([tf.debugging.assert_positive(raw["n-1"], "n must be positive")]):
        return {"twice": raw["n-1"] * 2}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    columns = {"n-1": tf.TensorSpec([None], tf.int64)}
    path = tmp_path_factory.mktemp("served") / "1"
    return write_model(path, columns, model, defaults={"n-1": 7}, label="y", classes=["a", "b"])


def test_columns_have_their_own_names(folder: Path) -> None:
    served = ServedModel(f"{folder}/")
    assert (served.path, served.label, served.classes) == (str(folder), "y", ("a", "b"))
    assert served.signatures == ("serving_default", "examples")
    assert served.images == frozenset()
    assert [*served.columns("serving_default")] == ["n-1"]
    assert served("serving_default", {"n-1": np.array([3])})["twice"].tolist() == [6]
    assert served("examples", {"examples": np.array([b""], object)})["twice"].tolist() == [14]


def test_a_signature_that_is_not_there(folder: Path) -> None:
    with pytest.raises(RecipeError) as error:
        ServedModel(folder).columns("example")
    assert str(error.value) == (
        f'{folder}: the model has no signature "example", but serving_default, examples; did you '
        'mean "examples"?'
    )


def test_a_model_that_fails_says_why(folder: Path) -> None:
    with pytest.raises(DataError) as error:
        ServedModel(folder)("serving_default", {"n-1": np.array([-3])})
    assert "the signature serving_default failed: " in str(error.value)
    assert "n must be positive" in str(error.value)
    assert "Graph execution error" not in str(error.value)


@pytest.mark.parametrize("text", ["{", "[]"])
def test_an_info_that_is_none(folder: Path, text: str) -> None:
    path = folder / "assets.extra" / "recordmill.json"
    was = path.read_text()
    path.write_text(text)
    try:
        with pytest.raises(DataError, match=r"recordmill\.json: "):
            ServedModel(folder)
    finally:
        path.write_text(was)
