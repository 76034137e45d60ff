"""`examples/census_keras.py` learns, and its exported model gets the features of training."""

from __future__ import annotations

import os
import re
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recordmill.runners.cli import main
from recordmill.transforms import load
from recordmill.transforms.serving.model import ServedModel
from recordmill.transforms.serving.raw_columns import raw_tensors

EXAMPLE = Path(__file__).parents[2] / "examples" / "census_keras.py"


@pytest.mark.slow
def test_the_sample(tmp_path: Path) -> None:
    assert main(["run", "census", "--output", str(tmp_path / "out")]) == 0
    data = load(tmp_path / "out")
    example: dict[str, Any] = runpy.run_path(str(EXAMPLE))
    model, losses = example["train"](data, epochs=2)
    assert losses[1] < losses[0]
    path, requests = str(tmp_path / "models" / "1"), example["REQUESTS"]
    data.export(model, path)
    answers = {name: value.numpy() for name, value in example["ask"](path).items()}
    assert set(answers) == {"classes", "probabilities"}
    assert set(answers["classes"]) <= {b"<=50K", b">50K"}
    features = data.transform(requests)
    above = model({name: features[name] for name in data.features})
    np.testing.assert_allclose(answers["probabilities"][:, 1:], above, rtol=1e-6)
    served = ServedModel(path)
    assert sorted(served.signatures) == ["examples", "records", "serving_default", "transform"]
    columns = served.columns("transform")
    raw = {name: np.asarray(column) for name, column in raw_tensors(requests, columns).items()}
    for name, value in served.features(raw).items():
        np.testing.assert_array_equal(value, features[name])


@pytest.mark.slow
def test_the_real_census(adult: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, path = str(tmp_path / "out"), str(tmp_path / "models" / "1")
    files = ["--input", f"train={adult}/adult.data", "--input", f"eval={adult}/adult.test"]
    assert main(["run", "census", "--output", out, *files]) == 0
    # This process has imported tensorflow-transform, whose setting would select Keras 2.
    environment = {key: value for key, value in os.environ.items() if key != "TF_USE_LEGACY_KERAS"}
    command = [sys.executable, str(EXAMPLE), out, path]
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    measured = re.search(r"^16,281 rows: accuracy (\S+), AUC (\S+)$", done.stdout, re.M)
    assert measured and float(measured[1]) >= 0.84 and float(measured[2]) >= 0.89, done.stdout
    people = re.findall(r"^(\S+): (\S+) that it is more", done.stdout, re.M)
    assert [name for name, _ in people] == ["<=50K", ">50K"]
    assert float(people[0][1]) < 0.2 and float(people[1][1]) > 0.7
    capsys.readouterr()
    assert main(["verify", out, "--parity", path]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == (
        f"{path}: 64 of train, 64 of eval rows, 17 features, by graph, transform, JSON lines, "
        "examples, records: all values are equal"
    )
