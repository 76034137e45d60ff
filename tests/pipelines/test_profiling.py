"""Profiles of files: what is counted, what is published, and that it depends on the rows alone."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.compute as pc
import pytest
from helpers.small_images import PETS, write_pets
from helpers.small_recipe import HEADER, SMALL, rows
from tensorflow_metadata.proto.v0.statistics_pb2 import DatasetFeatureStatisticsList

from recordmill.pipelines import Input, Recipe, find_recipe
from recordmill.pipelines.profiles.profiled import PROFILE, Profiled, stage_profile
from recordmill.pipelines.profiling import profile
from recordmill.schemas import DataError, RecipeError
from recordmill.schemas.manifest import Ledger

pytestmark = pytest.mark.slow

GOOD = rows(400)


def write(path: Path, lines: list[str]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(HEADER + "".join(lines))
    return path


def run(*sources: Path | Input, output: Path, recipe: Recipe = SMALL, **options: Any) -> Profiled:
    inputs = [one if isinstance(one, Input) else Input("train", str(one)) for one in sources]
    return profile(recipe, inputs=inputs, output=str(output), **options)


def statistics(folder: Path, name: str = "stats/train.pb") -> DatasetFeatureStatisticsList:
    return DatasetFeatureStatisticsList.FromString((folder / name).read_bytes())


def files_of(folder: Path) -> dict[str, bytes]:
    """All files of a profile but those that say when it was made."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name not in (PROFILE, "report.html")
    }


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> tuple[Profiled, Path]:
    folder = tmp_path_factory.mktemp("plain")
    bad = ["x,1.75,Rome,no\n", "999,NA,Rome,no\n"] * 100
    source = write(folder / "rows.csv", [*GOOD[:200], *bad, *GOOD[200:], *GOOD[:30]])
    return run(Input(None, str(source)), output=folder / "out", facets=True), folder / "out"


def test_every_row_is_accounted_for_and_rejects_are_never_too_many(
    plain: tuple[Profiled, Path],
) -> None:
    profiled, folder = plain
    assert sum(ledger.read for ledger in profiled.ledger.values()) == 630
    assert sum(profiled.rows.values()) == 430
    assert profiled.ledger["unsplit"].rejected == {"not_an_integer": 100, "out_of_range": 100}
    assert len((folder / "rejects" / "unsplit.jsonl").read_text().splitlines()) == 200
    assert (profiled.inputs[0].records, profiled.label) == (630, "label")


def test_repeats_are_counted_and_stay(plain: tuple[Profiled, Path]) -> None:
    profiled, _ = plain
    clean = [",".join(part.strip() for part in row.split(",")) for row in [*GOOD, *GOOD[:30]]]
    clean = [row.replace("?", "").replace("NA", "") for row in clean]
    assert sum(profiled.repeats.values()) == 430 - len(set(clean))
    assert all(ledger.duplicates == 0 for ledger in profiled.ledger.values())


def test_distinct_rows_are_left_out(tmp_path: Path) -> None:
    source = write(tmp_path / "rows.csv", ["1,NA,Rome,no\n"] * 5 + ["2,NA,Rome,yes\n"])
    profiled = run(source, output=tmp_path / "out", recipe=replace(SMALL, distinct=True))
    assert profiled.ledger["train"] == Ledger(read=6, written=2, duplicates=4)
    assert (profiled.rows, profiled.repeats) == ({"train": 2}, {"train": 4})


def test_the_folder_holds_what_it_should_and_nothing_else(plain: tuple[Profiled, Path]) -> None:
    profiled, folder = plain
    assert {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()} == {
        *(PROFILE, "report.html", "facets.pb", "schema/schema.pbtxt"),
        *(f"stats/{split}.pb" for split in ("train", "eval")),
        *(f"rejects/{split}.jsonl" for split in ("train", "eval", "unsplit")),
    }
    assert Profiled.from_json((folder / PROFILE).read_bytes(), path=PROFILE) == profiled
    assert {one.path: one.sha256 for one in profiled.files} == {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and path.name != PROFILE
    }
    assert sorted(os.listdir(folder.parent)) == ["out", "rows.csv"]


def test_facets_has_the_datasets_of_all_splits(plain: tuple[Profiled, Path]) -> None:
    _, folder = plain
    facets = statistics(folder, "facets.pb")
    assert [dataset.name for dataset in facets.datasets] == ["train", "eval"]
    assert facets.datasets[1] == statistics(folder, "stats/eval.pb").datasets[0]


def test_files_and_their_order_do_not_matter(tmp_path: Path) -> None:
    one = write(tmp_path / "a" / "rows.csv", GOOD)
    run(one, output=tmp_path / "one")
    two = [write(tmp_path / "b" / f"{i}.csv", GOOD[::-1][i::2]) for i in range(2)]
    run(*two, output=tmp_path / "two")
    assert files_of(tmp_path / "one") == files_of(tmp_path / "two")


def test_filters_and_sampling(tmp_path: Path) -> None:
    source = write(tmp_path / "rows.csv", GOOD)
    recipe = replace(SMALL, filters=(pc.field("age") >= 45,), sampling=0.5)
    ledger = run(source, output=tmp_path / "out", recipe=recipe).ledger["train"]
    assert ledger.filtered and ledger.sampled_out
    assert ledger.written == statistics(tmp_path / "out").datasets[0].num_examples


def test_an_empty_table(tmp_path: Path) -> None:
    profiled = run(write(tmp_path / "rows.csv", []), output=tmp_path / "out")
    assert (profiled.rows, profiled.repeats) == ({"train": 0}, {"train": 0})


def test_images_are_profiled(tmp_path: Path) -> None:
    folder = write_pets(tmp_path / "in", count=6)
    (copy,) = list(folder.rglob("*.jpg"))[:1]
    copy.with_name("copy.jpg").write_bytes(copy.read_bytes())
    copy.with_name("bad.jpg").write_bytes(b"<html>")
    profiled = run(Input("train", str(folder)), output=tmp_path / "out", recipe=PETS)
    ledger = profiled.ledger["train"]
    assert (ledger.read, ledger.written, sum(ledger.rejected.values())) == (8, 7, 1)
    assert (profiled.repeats, profiled.images["kind"]) == ({"train": 1}, "classification")
    names = [one.path.step[0] for one in statistics(tmp_path / "out").datasets[0].features]
    assert "image/brightness" in names


def test_unseen_values_are_told(tmp_path: Path) -> None:
    train = write(tmp_path / "train.csv", GOOD)
    other = write(tmp_path / "eval.csv", ["1,NA,Paris,no\n", "1,NA,Rome,no\n"])
    profiled = run(train, Input("eval", str(other)), output=tmp_path / "out")
    assert profiled.unseen == {"eval": {"city": 1, "label": 0}}


@pytest.mark.parametrize("content", [{"notes.txt": "mine"}, {PROFILE: "{}"}, {PROFILE: "\xff"}])
def test_what_is_no_profile_is_left_alone(tmp_path: Path, content: dict[str, str]) -> None:
    source = write(tmp_path / "rows.csv", GOOD)
    (tmp_path / "out").mkdir()
    for name, text in content.items():
        (tmp_path / "out" / name).write_text(text)
    with pytest.raises(RecipeError, match="exists and is not a prepared dataset"):
        run(source, output=tmp_path / "out", overwrite=True)
    assert {path.name for path in (tmp_path / "out").iterdir()} == set(content)


def test_a_profile_is_replaced_only_when_that_is_meant(tmp_path: Path) -> None:
    source, output = write(tmp_path / "rows.csv", GOOD[:20]), tmp_path / "out"
    run(source, output=output)
    before = files_of(output)
    with pytest.raises(RecipeError) as caught:
        run(source, output=output)
    assert str(caught.value) == (f"{output}: holds a profile already. Replace it with --overwrite.")
    write(source, [*GOOD[:20], "1,NA,Rome,no,more\n", '1,"unclosed\n'])
    with pytest.raises(DataError):
        run(source, output=output, overwrite=True)
    assert files_of(output) == before
    write(source, GOOD[:30])
    assert run(source, output=output, overwrite=True).rows == {"train": 30}
    assert sorted(os.listdir(tmp_path)) == ["out", "rows.csv"]


@pytest.mark.parametrize("old", [False, True], ids=["listed", "0.1.0"])
def test_a_profile_with_files_of_ones_own_is_not_replaced(
    plain: tuple[Profiled, Path], tmp_path: Path, old: bool
) -> None:
    output = Path(shutil.copytree(plain[1], tmp_path / "out"))
    if old:
        told = json.loads((output / PROFILE).read_text())
        del told["files"]
        (output / PROFILE).write_text(json.dumps(told))
    with stage_profile(str(output), overwrite=True) as staging:
        assert staging.replaces
    for name in ("notes.txt", "stats/test.pb"):
        (output / name).write_text("mine")
    with pytest.raises(RecipeError) as caught, stage_profile(str(output), overwrite=True):
        pytest.fail("the run began")
    assert str(caught.value) == (
        f"{output}: holds 2 files that are no part of the profile there: notes.txt, "
        "stats/test.pb. --overwrite would delete them. Move them elsewhere, or choose another "
        "output."
    )
    assert (output / "notes.txt").read_text() == "mine"


def test_wrong_commands(tmp_path: Path) -> None:
    source = write(tmp_path / "rows.csv", GOOD)
    with pytest.raises(RecipeError, match="either every input names its split"):
        run(source, Input(None, str(source)), output=tmp_path / "out")
    with pytest.raises(RecipeError, match="there is nothing to read: give an input"):
        run(output=tmp_path / "out")
    with pytest.raises(RecipeError, match="a profile is made on this machine"):
        profile(SMALL, inputs=[Input("train", str(source))], output="gs://bucket/out")
    with pytest.raises(DataError, match="no file matches"):
        run(tmp_path / "none.csv", output=tmp_path / "out")


def test_the_real_census_has_the_numbers_of_pandas(adult: Path, tmp_path: Path) -> None:
    recipe = find_recipe("census")
    profiled = run(adult / "adult.data", output=tmp_path / "out", recipe=recipe)
    frame = pd.read_csv(
        adult / "adult.data",
        names=list(recipe.schema.names),
        skipinitialspace=True,
        na_values="?",
    )
    assert profiled.repeats == {"train": int(frame.duplicated().sum())} == {"train": 24}
    assert int(frame.isna().any(axis=1).sum()) == 2399
    (dataset,) = statistics(tmp_path / "out").datasets
    missing = {}
    for feature in dataset.features:
        stats = feature.string_stats if feature.HasField("string_stats") else feature.num_stats
        values = frame[feature.path.step[0]]
        missing[feature.path.step[0]] = stats.common_stats.num_missing
        assert stats.common_stats.num_missing == int(values.isna().sum())
        if feature.HasField("string_stats"):
            found = {one.label: one.sample_count for one in stats.rank_histogram.buckets}
            assert found == values.value_counts().to_dict()
        else:
            assert (stats.mean, stats.min, stats.max) == (values.mean(), values.min(), values.max())
            assert stats.std_dev == pytest.approx(values.std(ddof=0), rel=1e-14)
    assert {name: count for name, count in missing.items() if count} == {
        "workclass": 1836,
        "occupation": 1843,
        "native-country": 583,
    }
