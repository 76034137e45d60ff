"""The example of the README runs, and serves the pixels that it stored."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from helpers.small_images import write_pets

from recordmill.runners.cli import main
from recordmill.transforms import load

ROOT = Path(__file__).parents[2]


def test_the_readme_shows_the_example_as_it_is() -> None:
    _, code = (ROOT / "examples/pets.py").read_text().split('"""\n\n', 1)
    assert f"```python\n{code}```\n" in (ROOT / "README.md").read_text()


@pytest.mark.slow
def test_pets(tmp_path: Path) -> None:
    photos, output = write_pets(tmp_path / "photos", 40), tmp_path / "out"
    copy = photos / "cat" / "copy.jpg"
    copy.write_bytes((photos / "cat" / "000.jpg").read_bytes())
    recipe = f"{ROOT}/examples/pets.py:RECIPE"
    assert main(["run", recipe, "--output", str(output), "--input", str(photos)]) == 0
    data = load(output)
    ledger = data.manifest.ledger
    assert set(ledger) == {"train", "eval"}
    assert sum(split.written for split in ledger.values()) == 40
    assert sum(split.duplicates for split in ledger.values()) == 1
    pixels, labels = next(iter(data.dataset("train", 4)))
    assert pixels.shape == (4, 160, 160, 3) and pixels.dtype == tf.uint8
    assert set(labels.numpy()) <= {0, 1}
    record = tf.io.parse_single_example(next(iter(data.records("train"))), data.feature_spec)
    name = record["image/filename"].numpy().decode()
    served = data.transform({"image": [(photos / name).read_bytes()]})
    stored = tf.io.decode_png(record["image/encoded"])
    np.testing.assert_array_equal(served["image"][0], stored)
    assert "label" not in served
    assert record["image/class/text"] == name.split("/")[0].encode()
