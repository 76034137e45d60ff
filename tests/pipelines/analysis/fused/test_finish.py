"""The values of a phase's analyzers, of what was gathered of all rows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_transform as tft
from helpers.analyze_cases import SPECS, Inputs

from recordmill.pipelines.analysis.fused import analysis as fused
from recordmill.pipelines.analysis.fused.finish import evaluate

ROWS = {
    "x": tf.constant([1.0, 2.0, 9.0]),
    "word": tf.constant(["b", "a", "b"]),
}


def values_of(function: Callable[[Inputs], Inputs], folder: Path, inputs: Inputs) -> list[Any]:
    """The values of the analyzers of a function with one phase."""
    analysis = fused.trace(function, SPECS)
    assert analysis.phases == 1
    arrays = analysis.graph(0, None)(inputs)
    gathered = {
        label: gatherer.add(gatherer.start(), arrays[label])
        for label, gatherer in analysis.gatherers[0].items()
    }
    bindings = evaluate(analysis.plan, 0, gathered, str(folder))
    return [binding.value for binding in bindings]


def _mean_and_largest(inputs: Inputs) -> Inputs:
    return {"x": inputs["x"] - tft.mean(inputs["x"]), "y": inputs["x"] - tft.max(inputs["x"])}


def test_combiners_give_their_outputs(tmp_path: Path) -> None:
    numbers = [float(np.asarray(value)) for value in values_of(_mean_and_largest, tmp_path, ROWS)]
    assert {4.0, 9.0} <= set(numbers)


def _per_key(inputs: Inputs) -> Inputs:
    return {"x": tft.scale_by_min_max_per_key(inputs["x"], inputs["word"])}


def test_values_of_each_key_in_the_order_of_the_keys(tmp_path: Path) -> None:
    """TFT keeps a minimum as the maximum of the negated values."""
    keys, *numbers = (np.asarray(one) for one in values_of(_per_key, tmp_path, ROWS))
    assert keys.tolist() == [b"a", b"b"]
    assert sorted(number.tolist() for number in numbers) == [[-2.0, -1.0], [2.0, 9.0]]


def _vocabulary(inputs: Inputs) -> Inputs:
    return {
        "word": tft.compute_and_apply_vocabulary(inputs["word"], vocab_filename="words"),
        "x": inputs["x"],
    }


@pytest.mark.parametrize(
    ("words", "content", "size"),
    [(["b", "a", "b"], "b\na\n", 2), ([], "49d0cd50-04bb-48c0-bc6f-5b575dce351a\n", 1)],
)
def test_a_vocabulary_is_written_and_counted(
    words: list[str], content: str, size: int, tmp_path: Path
) -> None:
    rows = {"x": tf.zeros([len(words)]), "word": tf.constant(words, tf.string)}
    values = values_of(_vocabulary, tmp_path, rows)
    paths = [str(value) for value in values if np.asarray(value).dtype.kind in "US"]
    numbers = [int(value) for value in values if str(value) not in paths]
    assert [Path(path).read_text() for path in paths] == [content]
    assert set(numbers) <= {size, size - 1}
