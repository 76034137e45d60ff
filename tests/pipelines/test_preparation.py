"""Whole runs of a small recipe: what is published, and that it never depends on how it was run."""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pytest
import tensorflow as tf
import tensorflow_transform as tft
from apache_beam.options.pipeline_options import PipelineOptions
from helpers.small_recipe import HEADER, rows

from recordmill.pipelines import Input, Recipe, Splitting, find_recipe, prepare
from recordmill.pipelines.verify import verify
from recordmill.schemas import DataError, RecipeError
from recordmill.schemas.manifest import Manifest, StoredFile
from recordmill.transforms import load

RECIPE_FILE = Path(__file__).parents[1] / "helpers" / "small_recipe.py"
GOOD = rows(400)


@pytest.fixture(scope="session")
def small() -> Recipe:
    """Loaded as a user's file is, so that its functions pickle by value."""
    return find_recipe(f"{RECIPE_FILE}:SMALL")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "rows.csv"
    path.write_text(HEADER + "".join(GOOD))
    return path


def run(recipe: Recipe, source: Path | str, output: Path, **options: Any) -> Manifest:
    return prepare(recipe, output=str(output), inputs=[Input(None, str(source))], **options)


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def digests(manifest: Manifest) -> list[str]:
    return [shard.sha256 for split in manifest.splits.values() for shard in split.shards]


@pytest.fixture(scope="module")
def plain(small: Recipe, tmp_path_factory: pytest.TempPathFactory) -> tuple[Manifest, Path]:
    folder = tmp_path_factory.mktemp("plain")
    (folder / "rows.csv").write_text(HEADER + "".join(GOOD))
    return run(small, folder / "rows.csv", folder / "out"), folder / "out"


def test_every_row_is_accounted_for_and_the_dataset_verifies(plain: tuple[Manifest, Path]) -> None:
    manifest, folder = plain
    assert sum(ledger.read for ledger in manifest.ledger.values()) == 400
    assert sum(split.records for split in manifest.splits.values()) == 400
    assert 50 < manifest.splits["eval"].records < 150
    assert manifest.parity == {
        "rows": {"train": 64, "eval": 64},
        "features": 3,
        "max_units_in_last_place": 0,
    }
    assert verify(str(folder)).records == 400


def test_the_folder_holds_what_it_should_and_nothing_else(plain: tuple[Manifest, Path]) -> None:
    files = {str(path.relative_to(plain[1])) for path in plain[1].rglob("*") if path.is_file()}
    assert {path for path in files if not path.startswith("transform_fn/")} == {
        "manifest.json",
        "train/data-00000-of-00001.tfrecord",
        "eval/data-00000-of-00001.tfrecord",
        "transformed_metadata/asset_map",
        "transformed_metadata/schema.pbtxt",
        "schema/schema.pbtxt",
        "stats/train.pb",
        "stats/eval.pb",
        "stats/transformed-train.pb",
        "stats/transformed-eval.pb",
        "report.html",
        "rejects/train.jsonl",
        "rejects/eval.jsonl",
    }
    assert {entry.name for entry in plain[1].parent.iterdir()} == {"rows.csv", "out"}


def test_the_manifest_lists_every_file_but_itself(plain: tuple[Manifest, Path]) -> None:
    manifest, folder = plain
    paths = [path for path in folder.rglob("*") if path.is_file() and path.name != "manifest.json"]
    listed = [StoredFile(str(p.relative_to(folder)), p.stat().st_size, sha256(p)) for p in paths]
    assert list(manifest.files) == sorted(listed, key=lambda file: file.path)
    text = (folder / "manifest.json").read_text()
    assert Manifest.from_json(text, path="manifest.json") == manifest


@pytest.mark.slow
@pytest.mark.parametrize("old", [False, True], ids=["listed", "0.1.0"])
def test_a_dataset_is_replaced_unless_it_holds_files_of_ones_own(
    small: Recipe, plain: tuple[Manifest, Path], source: Path, tmp_path: Path, old: bool
) -> None:
    output = Path(shutil.copytree(plain[1], tmp_path / "out"))
    if old:
        told = json.loads((output / "manifest.json").read_text())
        del told["files"]
        (output / "manifest.json").write_text(json.dumps(told))
    shutil.copy(source, output / "rows.csv")
    (output / "transform_fn" / "notes.txt").write_text("mine")
    with pytest.raises(
        RecipeError, match=r"no part of the dataset there: rows\.csv, transform_fn/"
    ):
        run(small, output / "rows.csv", output, overwrite=True)
    assert (output / "rows.csv").read_text() == source.read_text()
    (output / "rows.csv").unlink()
    (output / "transform_fn" / "notes.txt").unlink()
    assert digests(run(small, source, output, overwrite=True)) == digests(plain[0])


def test_tft_reads_the_graph_and_the_loader_the_records(plain: tuple[Manifest, Path]) -> None:
    output = tft.TFTransformOutput(str(plain[1]))
    assert output.vocabulary_by_name("label") in ([b"yes", b"no"], [b"no", b"yes"])
    spec = output.transformed_feature_spec()
    data = load(plain[1])
    (features, label) = next(iter(data.dataset("train", 8, shuffle=False)))
    record = next(
        iter(tf.data.TFRecordDataset(str(plain[1] / "train/data-00000-of-00001.tfrecord")))
    )
    parsed = tf.io.parse_single_example(record, spec)
    assert features["age"][0] == parsed["age"] and label[0] == parsed["label"]
    assert (
        data.transform({"city": ["Lima", " Lima "]})["city"].numpy().tolist()
        == [output.vocabulary_by_name("city").index(b"Lima")] * 2
    )


@pytest.mark.parametrize(
    "how",
    [
        pytest.param({"shuffle": "group"}, marks=pytest.mark.slow),
        pytest.param(
            {"options": PipelineOptions(["--direct_runner_bundle_repeat=3"])},
            marks=pytest.mark.slow,
        ),
        {"shuffle": "group", "options": PipelineOptions(["--direct_runner_bundle_repeat=3"])},
    ],
    ids=["grouped", "repeated", "grouped and repeated"],
)
def test_the_same_bytes_however_it_runs(
    how: dict[str, Any], small: Recipe, source: Path, plain: tuple[Manifest, Path], tmp_path: Path
) -> None:
    assert digests(run(small, source, tmp_path / "out", **how)) == digests(plain[0])


@pytest.mark.slow
def test_the_same_bytes_from_two_processes(
    small: Recipe, source: Path, plain: tuple[Manifest, Path], tmp_path: Path
) -> None:
    options = PipelineOptions(["--direct_num_workers=2", "--direct_running_mode=multi_processing"])
    assert digests(run(small, source, tmp_path / "out", options=options)) == digests(plain[0])


@pytest.mark.slow
def test_the_same_bytes_from_files_cut_shuffled_and_compressed(
    small: Recipe, plain: tuple[Manifest, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("recordmill.pipelines.tables.source.BLOCK_BYTES", 500)
    mixed = sorted(GOOD, key=hash)
    (tmp_path / "a.csv").write_text(HEADER + "".join(mixed[:100]))
    (tmp_path / "b.csv").write_bytes(gzip.compress((HEADER + "".join(mixed[100:333])).encode()))
    (tmp_path / "c.csv").write_text(HEADER + "".join(mixed[333:]).replace("\n", "\r\n"))
    manifest = run(small, tmp_path / "*.csv", tmp_path / "out")
    assert digests(manifest) == digests(plain[0])
    assert [file.records for file in manifest.inputs] == [100, 233, 67]


@pytest.mark.slow
def test_another_seed_gives_another_order_and_split(
    small: Recipe, source: Path, plain: tuple[Manifest, Path], tmp_path: Path
) -> None:
    manifest = run(replace(small, seed=1), source, tmp_path / "out")
    assert manifest.splits["eval"].records != plain[0].splits["eval"].records


def test_filters_sampling_and_repeats_are_counted(small: Recipe, tmp_path: Path) -> None:
    source = tmp_path / "rows.csv"
    source.write_text(HEADER + "".join(GOOD * 2))
    recipe = replace(
        small,
        filters=(pc.field("age") >= 30,),
        sampling=0.5,
        distinct=True,
        split=Splitting({"train": 1.0}),
        compression="GZIP",
        shards={"train": 3},
    )
    manifest = run(recipe, source, tmp_path / "out")
    ledger = manifest.ledger["train"]
    kept = {line for line in GOOD if int(line.split(",")[0]) >= 30}
    assert ledger.read == 800
    assert ledger.filtered == 2 * sum(int(line.split(",")[0]) < 30 for line in GOOD)
    assert ledger.written + ledger.duplicates + ledger.sampled_out == 800 - ledger.filtered
    assert 0.3 * len(kept) < ledger.written < 0.7 * len(kept)
    assert ledger.duplicates >= ledger.written
    assert [shard.path for shard in manifest.splits["train"].shards] == [
        f"train/data-0000{index}-of-00003.tfrecord.gz" for index in range(3)
    ]
    assert verify(str(tmp_path / "out")).records == ledger.written
    batches = load(tmp_path / "out").dataset("train", 1000)
    assert sum(len(label) for _, label in batches) == ledger.written


def test_rejects_are_written_down_with_file_line_column_and_reason(
    small: Recipe, tmp_path: Path
) -> None:
    source = tmp_path / "rows.csv"
    bad = ["200,1.7,Rome,yes\n", "3,tall,Rome,yes\n", "3,1.7,Rome,maybe\n", "3,1.7\n"]
    source.write_text(HEADER + "".join(GOOD[:100] + bad + GOOD[100:]))
    manifest = run(small, source, tmp_path / "out")
    assert manifest.ledger["unsplit"].rejected == {
        "not_a_number": 1,
        "not_in_domain": 1,
        "out_of_range": 1,
        "too_few_fields": 1,
    }
    lines = (tmp_path / "out/rejects/unsplit.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == [
        {
            "file": str(source),
            "line": 102,
            "column": "age",
            "reason": "out_of_range",
            "message": 'expected an integer in [0, 120], got "200"',
            "raw": "200,1.7,Rome,yes",
        },
        {
            "file": str(source),
            "line": 103,
            "column": "height",
            "reason": "not_a_number",
            "message": 'expected a finite number, got "tall"',
            "raw": "3,tall,Rome,yes",
        },
        {
            "file": str(source),
            "line": 104,
            "column": "label",
            "reason": "not_in_domain",
            "message": 'expected one of "no", "yes", got "maybe"',
            "raw": "3,1.7,Rome,maybe",
        },
        {
            "file": str(source),
            "line": 105,
            "column": None,
            "reason": "too_few_fields",
            "message": "expected 4 fields, got 2",
            "raw": "3,1.7",
        },
    ]


def test_too_many_rejects_fail_the_run(small: Recipe, tmp_path: Path) -> None:
    source = tmp_path / "rows.csv"
    source.write_text(HEADER + "".join(GOOD[:10]) + "x,1,Rome,yes\n")
    with pytest.raises(DataError) as error:
        run(small, source, tmp_path / "out")
    assert str(error.value) == (
        "1 of 11 records were rejected (9.09%; max_reject_ratio is 1.00%): 1 not_an_integer. "
        f'Nothing was published. The first ones:\n  {source}:12: column "age": '
        'expected an integer in [0, 120], got "x"'
    )
    assert list(tmp_path.iterdir()) == [source]


@pytest.mark.slow
def test_an_error_of_another_process_reads_the_same(small: Recipe, tmp_path: Path) -> None:
    source = tmp_path / "rows.csv"
    source.write_text(HEADER + "".join(GOOD[:10]) + '1,1,"Rome,yes\n')
    options = PipelineOptions(["--direct_num_workers=2", "--direct_running_mode=multi_processing"])
    with pytest.raises(DataError) as error:
        run(small, source, tmp_path / "out", options=options)
    assert str(error.value) == (
        f'{source}:12: the quote that opens here is never closed. Close it, or set quote to "" '
        "if the file does not quote its fields."
    )


def test_a_header_alone_gives_an_empty_dataset_where_that_is_allowed(
    small: Recipe, tmp_path: Path
) -> None:
    (tmp_path / "rows.csv").write_text(HEADER)
    allowed = replace(small, allow_empty=True)
    manifest = run(allowed, tmp_path / "rows.csv", tmp_path / "out")
    assert [split.records for split in manifest.splits.values()] == [0, 0]
    assert verify(str(tmp_path / "out")).records == 0


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ([], "recipe small: there is nothing to read: give an input"),
        (
            [Input("train", "a"), Input(None, "b")],
            "either every input names its split (SPLIT=GLOB), or none does",
        ),
        (
            [Input("eval", "a")],
            'the graph is analyzed on the split "train", and there is none: got eval',
        ),
    ],
)
def test_inputs_that_cannot_be_split(
    inputs: list[Input], message: str, small: Recipe, tmp_path: Path
) -> None:
    with pytest.raises(RecipeError) as error:
        prepare(small, output=str(tmp_path / "out"), inputs=inputs)
    assert str(error.value) == message


@pytest.mark.slow
def test_functions_that_were_called_eagerly_before_are_no_part_of_the_graph(
    small: Recipe, source: Path, plain: tuple[Manifest, Path], tmp_path: Path
) -> None:
    tft.apply_buckets(tf.constant([1.0, 3.0]), tf.constant([[2.0]]))
    left = tf.compat.v1.get_default_graph().get_all_collection_keys()
    assert "tft_schema_override_tensor" in left
    assert digests(run(small, source, tmp_path / "out")) == digests(plain[0])
