"""Peers that time themselves, on a dataset that recordmill prepared."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from benchmarks import data
from benchmarks.timings import Timing, differing

pytestmark = pytest.mark.slow

UNSEEN = 3
"""A row of the requests below that has words no vocabulary has, and misses a number."""


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with adult.data, and its dataset in `out`."""
    from recordmill.pipelines.census import CENSUS
    from recordmill.pipelines.config.input import Input
    from recordmill.pipelines.preparation import prepare
    from recordmill.pipelines.samples.census import write_census_sample

    folder = tmp_path_factory.mktemp("peers")
    train, _ = write_census_sample(str(folder))
    prepare(CENSUS, output=str(folder / "out"), inputs=[Input("train", train)])
    return folder


@pytest.mark.parametrize("way", ["recordmill", "batched_features", "bare"])
def test_every_way_of_loading_gives_every_record(sample: Path, way: str) -> None:
    from benchmarks.peers.loading import WAYS, rows_of
    from recordmill.transforms.dataset.loader import load

    batches = list(WAYS[way](load(sample / "out")))

    assert list(map(rows_of, batches)) == [512, 512, 512, 464]
    if way != "bare":
        features, income = batches[0]
        assert (len(features), income.shape) == (16, (512,))


def requests(folder: Path, count: int) -> dict[str, np.ndarray]:
    from benchmarks.peers.serving import read_requests

    columns = read_requests(data.requests(folder / "adult.data", count, folder))
    columns["native-country"][UNSEEN] = " Atlantis"
    columns["sex"][UNSEEN] = ""
    columns["age"][UNSEEN] = np.iinfo(np.int64).min
    return columns


def test_both_ways_of_serving_give_the_same_features(sample: Path, tmp_path: Path) -> None:
    from benchmarks.peers.serving import WAYS

    columns = requests(sample, 64)

    def timing(way: str) -> Timing:
        features: Mapping[str, np.ndarray] = WAYS[way](sample / "out", tmp_path)(columns)
        return Timing(64, 1.0, {name: array.tolist() for name, array in features.items()})

    served, pandas = (timing(way) for way in ("served_graph", "pandas"))

    assert len(served.features) == 16
    assert differing(served, pandas) == 0
    assert served.features["age_bucket"][UNSEEN] == 11
