"""`recordmill profile`."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from tensorflow_metadata.proto.v0.statistics_pb2 import DatasetFeatureStatisticsList

from recordmill.pipelines.inference import infer
from recordmill.runners.profile import profile
from recordmill.schemas import DataError, RecipeError


def run(target: Path | str, output: Path, *inputs: str, overwrite: bool = False) -> int:
    return profile(
        str(target),
        inputs=inputs,
        output=str(output),
        overwrite=overwrite,
        facets=True,
        statistics_cache=None,
    )


def test_a_csv_without_a_recipe(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / "cats.csv"
    lines = [
        f"{i % 9},{'NA' if i % 4 else 'red[b]'},{i / 8},{'yes' if i % 3 else 'no'}\n"
        for i in range(80)
    ]
    source.write_text("lives,colour,weight,tame\n" + "".join(lines))
    assert run(source, tmp_path / "out") == 0
    printed = capsys.readouterr().out
    assert "all: 80 rows" in printed
    assert "red[b] (20)" in printed
    cells = [
        cell.strip() for cell in next(x for x in printed.splitlines() if "lives" in x).split("│")
    ]
    assert cells[1:5] == ["lives", "int", "0", "9"]
    closing = printed.splitlines()[-3:]
    assert closing[0].startswith(f"cats: profiled {tmp_path / 'out'} in ")
    assert closing[1:] == [
        "  all: 80 read, 80 profiled",
        f"  report: {tmp_path / 'out' / 'report.html'}",
    ]
    assert (tmp_path / "out" / "facets.pb").exists() and (tmp_path / "out/report.html").exists()


def test_control_characters_of_the_data_are_escaped(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / "bad.csv"
    lines = ["\x1b[2Jtop,1,no\n", "[red]b[/red],2,yes\n"] * 20
    source.write_text("name,n,label\n" + "".join(lines))
    assert run(source, tmp_path / "out") == 0
    printed = capsys.readouterr().out
    assert "\x1b" not in printed and ("\\x1b[2Jtop" in printed or "[red]b[/red]" in printed)


def test_files_without_a_recipe_get_the_notes_of_init(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / "cats.csv"
    rows = "".join(f"{i % 9},{'café' if i == 7 else 'tea'},{i % 2}\n" for i in range(200))
    source.write_bytes(f"lives,drinks,tame\n{rows}".encode("latin-1"))
    assert run(source, tmp_path / "out") == 0
    captured = capsys.readouterr()
    assert captured.err.startswith(f'{source}: 199 rows of 3 columns: "lives", "drinks", "tame"\n')
    assert "\nlooks wrong: 1 record (0.5 %) cannot be read as rows" in captured.err
    assert captured.out.splitlines()[-2] == (
        f"  1 row rejected: not UTF-8 text, such as {source}:9. The bytes look like Latin-1, in "
        'which they read "7,café,1": convert the file, as `iconv -f ISO-8859-1 -t UTF-8` does.'
    )


def test_files_that_are_not_understood_are_not_profiled(tmp_path: Path) -> None:
    source = tmp_path / "cats.txt"
    source.write_text("lives tame\n9 yes\n8 no\n")
    with pytest.raises(DataError, match='understood one column, "lives tame", in 2 rows'):
        run(source, tmp_path / "out")
    source.write_text("lives,tame\n9,yes\n8\n")
    with pytest.raises(DataError, match="understood 1 of 2 records, less than 90 %"):
        run(source, tmp_path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cats.txt"]


@pytest.mark.parametrize(
    ("target", "error", "message"),
    [
        ("none.csv", DataError, 'no file matches "none.csv"'),
        ("none.yaml", RecipeError, "no recipe none.yaml"),
        ("cencus", RecipeError, 'no recipe "cencus". Did you mean "census"?'),
    ],
)
def test_a_missing_target(
    tmp_path: Path, target: str, error: type[Exception], message: str
) -> None:
    with pytest.raises(error) as caught:
        run(target, tmp_path / "out")
    assert message in str(caught.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("output", "message"),
    [
        ("out", "exists and is not a prepared dataset, so it is not replaced. Choose another"),
        ("gs://bucket/out", "a profile is made on this machine; give a local folder"),
    ],
)
def test_a_bad_output_is_refused_before_data_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, output: str, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(infer, "infer_recipe", lambda *_, **__: pytest.fail("the data was read"))
    (tmp_path / "cats.csv").write_text("lives,tame\n9,yes\n")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "notes.txt").write_text("mine")
    path = output if "://" in output else tmp_path / output
    with pytest.raises(RecipeError) as caught:
        run("cats.csv", Path(output) if path != output else output)
    assert str(caught.value).startswith(f"{path}: {message}")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cats.csv", "out"]


@pytest.mark.slow
def test_the_real_census_without_a_recipe(
    adult: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(adult / "adult.data", tmp_path / "out") == 0
    proto = DatasetFeatureStatisticsList.FromString((tmp_path / "out/stats/all.pb").read_bytes())
    missing = {}
    for feature in proto.datasets[0].features:
        stats = feature.string_stats if feature.HasField("string_stats") else feature.num_stats
        missing[feature.path.step[0]] = stats.common_stats.num_missing
    frame = pd.read_csv(adult / "adult.data", header=None, skipinitialspace=True, na_values="?")
    assert list(missing.values()) == frame.isna().sum().tolist()
    assert [count for count in missing.values() if count] == [1836, 1843, 583]
    assert "all: 32561 read" in capsys.readouterr().out.replace(",", "")
