"""The example of the README gives the same records in YAML and in Python."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from recordmill.runners.cli import main
from recordmill.transforms import load

ROOT = Path(__file__).parents[2]


def test_the_readme_shows_the_example_as_it_is() -> None:
    _, code = (ROOT / "examples/houses.py").read_text().split('"""\n\n', 1)
    readme = (ROOT / "README.md").read_text()
    assert f"```python\n{code}```\n" in readme
    assert f"```yaml\n{(ROOT / 'examples/houses.yaml').read_text()}```\n" in readme


@pytest.mark.slow
def test_houses(tmp_path: Path) -> None:
    draw = random.Random(0)
    rows = [
        f"{draw.uniform(2, 9):.2f},{draw.choice(('yes', 'no', 'n/a'))},21\n" for _ in range(200)
    ]
    (tmp_path / "houses.csv").write_text("rooms,river,price\n" + "".join(rows))
    houses = str(tmp_path / "houses.csv")
    for kind in ("py:RECIPE", "yaml"):
        recipe, output = f"{ROOT}/examples/houses.{kind}", str(tmp_path / kind[:2])
        assert main(["run", recipe, "--output", output, "--input", houses]) == 0
    data, yaml_data = load(tmp_path / "py"), load(tmp_path / "ya")
    assert data.manifest.splits == yaml_data.manifest.splits
    features, price = next(iter(data.dataset("train", 64)))
    assert set(features) == {"rooms", "river"} and set(price.numpy()) == {21.0}
    served = data.transform({"rooms": [6.0], "river": [" n/a "]})
    assert (
        served["river"].numpy().tolist()
        == data.transform({"rooms": [6.0]})["river"].numpy().tolist()
    )
