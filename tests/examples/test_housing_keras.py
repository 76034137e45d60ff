"""`examples/housing_keras.py` learns, and its exported model predicts the same prices."""

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
from helpers.real_data import DATA

from recordmill.runners.cli import main
from recordmill.transforms import load
from recordmill.transforms.serving.model import ServedModel

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "housing_keras.py"
BOSTON = DATA / "housing" / "boston.csv"


@pytest.mark.slow
def test_the_sample(tmp_path: Path) -> None:
    assert main(["run", "housing", "--output", str(tmp_path / "out")]) == 0
    data = load(tmp_path / "out")
    example: dict[str, Any] = runpy.run_path(str(EXAMPLE))
    before, deviation = example["errors"](data, example["network"](data))
    model = example["train"](data, epochs=10)
    after, _ = example["errors"](data, model)
    assert after < deviation < 2 * before
    path, home = str(tmp_path / "models" / "1"), example["HOME"]
    data.export(model, path)
    features = data.transform({name: [value] for name, value in home.items()})
    price = model({name: features[name] for name in data.features})
    assert example["ask"](path, home) == pytest.approx(float(price[0, 0]), rel=1e-6)
    served = ServedModel(path)
    assert sorted(served.signatures) == ["examples", "records", "serving_default", "transform"]
    raw = {name: np.array([home[name]]) for name in served.columns("transform")}
    for name, value in served.features(raw).items():
        np.testing.assert_array_equal(value, features[name])


@pytest.mark.slow
def test_the_real_homes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if not BOSTON.is_file():
        pytest.skip(f"the real prices of homes are not at {BOSTON}")
    out, path = str(tmp_path / "out"), str(tmp_path / "models" / "1")
    assert main(["run", "housing", "--output", out, "--input", str(BOSTON)]) == 0
    # This process has imported tensorflow-transform, whose setting would select Keras 2.
    environment = {key: value for key, value in os.environ.items() if key != "TF_USE_LEGACY_KERAS"}
    command = [sys.executable, str(EXAMPLE), out, path]
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    measured = re.search(r"^RMSE (\S+); .* of the prices is (\S+)$", done.stdout, re.M)
    assert measured and float(measured[1]) < 0.6 * float(measured[2]), done.stdout
    price = re.search(r"^a home .*: (\S+) thousand USD$", done.stdout, re.M)
    assert price and 20 < float(price[1]) < 32  # 24 in the file
    capsys.readouterr()
    assert main(["verify", out, "--parity", path]) == 0
    assert capsys.readouterr().out.splitlines()[-1].endswith("all values are equal")
