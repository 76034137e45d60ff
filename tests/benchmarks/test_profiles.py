import json
from pathlib import Path

import pytest
from tensorflow_metadata.proto.v0.statistics_pb2 import DatasetFeatureStatisticsList

from benchmarks.peers.profile_pandas import profile as profile_with_pandas
from benchmarks.profiles import Column, Profile, differing, read_profile


def write_statistics(folder: Path) -> None:
    statistics = DatasetFeatureStatisticsList()
    dataset = statistics.datasets.add(name="all", num_examples=3)
    age = dataset.features.add()
    age.path.step.append("age")
    age.num_stats.mean = 2.5
    age.num_stats.common_stats.num_missing = 1
    sex = dataset.features.add()
    sex.path.step.append("sex")
    sex.string_stats.common_stats.num_missing = 0
    (folder / "stats").mkdir(parents=True)
    (folder / "stats" / "all.pb").write_bytes(statistics.SerializeToString())


def test_recordmill_and_pandas_are_read_alike(tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text("age,sex\n2,a\n3,b\nNA,a\n")
    write_statistics(tmp_path / "recordmill")
    profile_with_pandas(str(tmp_path / "table.csv"), str(tmp_path / "pandas"))

    mine, theirs = (read_profile(tmp_path / name) for name in ("recordmill", "pandas"))

    assert mine == theirs == Profile(3, {"age": Column(1, 2.5), "sex": Column(0)})


def test_the_size_of_a_page(tmp_path: Path) -> None:
    (tmp_path / "columns.json").write_text(json.dumps({"rows": 1, "columns": {}}))
    (tmp_path / "report.html").write_text("<p>")

    assert read_profile(tmp_path) == Profile(1, {}, page_bytes=3)


@pytest.mark.parametrize(
    ("theirs", "count"),
    [
        ({"age": Column(1, 2.5000001), "sex": Column(0)}, 0),
        ({"age": Column(1, 2.5), "sex": Column(0, 0.5)}, 0),
        ({"age": Column(1, 2.6), "sex": Column(0)}, 1),
        ({"age": Column(2, 2.5), "sex": Column(0)}, 1),
        ({"age": Column(1, 2.5), "race": Column(0)}, 2),
    ],
)
def test_columns_that_differ(theirs: dict[str, Column], count: int) -> None:
    mine = Profile(3, {"age": Column(1, 2.5), "sex": Column(0)})

    assert differing(mine, Profile(3, theirs)) == differing(Profile(3, theirs), mine) == count
