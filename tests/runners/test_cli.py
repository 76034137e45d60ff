"""Commands, called as a user calls them."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from recordmill.runners import cli
from recordmill.runners.cli import main
from recordmill.schemas.manifest import Manifest

RECIPE_FILE = Path(__file__).parents[1] / "helpers" / "small_recipe.py"
COMMAND = [sys.executable, "-m", "recordmill.runners.cli"]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Prepare the census sample in a process of its own; return the folder and the output."""
    output = tmp_path_factory.mktemp("cli") / "census"
    done = subprocess.run(
        [*COMMAND, "run", "census", "--output", str(output)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert all(line.startswith("recordmill: ") for line in done.stderr.splitlines()), done.stderr
    return output, done.stdout


@pytest.mark.slow
def test_run_prints_the_count_of_every_split(prepared: tuple[Path, str]) -> None:
    output, text = prepared
    assert re.sub(r"\d+\.\d (s|MB)", r"N \1", text) == (
        f"census: prepared {output} in N s\n"
        "  train: 2,000 rows read, 2,000 written, 1 shard of N MB\n"
        "  eval: 1,000 rows read, 1,000 written, 1 shard of N MB\n"
        "  parity: 128 raw rows through the graph equal the stored records\n"
    )


@pytest.mark.slow
def test_verify(prepared: tuple[Path, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", str(prepared[0])]) == 0
    assert capsys.readouterr().out.startswith(f"{prepared[0]}: good. 3,000 records in 2 shards, ")


@pytest.mark.slow
def test_show(prepared: tuple[Path, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", str(prepared[0]), "--split", "eval", "-n", "2"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("eval record 0\n  age  ")
    assert len(re.findall(r"^  label income: [01]$", out, re.MULTILINE)) == 2


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (
            ["run", "cencus", "--output", "out"],
            2,
            'no recipe "cencus". Did you mean "census"? Give a YAML file, a built-in '
            "(census, housing, hotdog, planes), FILE.py:NAME or MODULE:NAME.",
        ),
        (["run", "no.py:X", "--output", "out"], 2, "no file no.py"),
        (
            ["run", f"{RECIPE_FILE}:SMAL", "--output", "out"],
            2,
            f'{RECIPE_FILE} has no recipe "SMAL"; it has SMALL',
        ),
        (
            ["run", f"{RECIPE_FILE}:SMALL", "--output", "out"],
            2,
            "recipe small has neither inputs nor a sample: give --input",
        ),
        (
            ["run", "census", "--output", "out", "--", "--direct_num_wokers=2"],
            2,
            "Beam has no flag --direct_num_wokers",
        ),
        (
            ["run", "census", "--output", "out", "--runner", "flnk"],
            2,
            '--runner: expected one of direct, dataflow, prism, flink, spark, got "flnk". '
            'Did you mean "flink"?',
        ),
        (
            ["run", "census", "--output", "out", "--shared-filesystem"],
            2,
            "--shared-filesystem is for --runner prism or flink or spark, got --runner direct",
        ),
        (
            ["run", "census", "--output", "out", "--input", "train=no/*.csv"],
            1,
            'no file matches "no/*.csv": expected at least one CSV file',
        ),
        (
            ["verify", "nowhere"],
            1,
            "nowhere/manifest.json: not found, so there is no prepared dataset here. A run writes "
            "the manifest last: one that failed leaves none.",
        ),
    ],
)
def test_errors_are_one_line(
    arguments: list[str], status: int, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == status
    assert capsys.readouterr().err == f"recordmill: {message}\n"
    assert not Path("out").exists()


def test_a_wrong_word_on_the_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["rnu"])
    assert stop.value.code == 2
    assert "invalid choice: 'rnu'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--inptu", "a.csv"], 'run: unrecognized option "--inptu". Did you mean "--input"?'),
        (
            ["--inptu=a.csv"],
            'run: unrecognized option "--inptu=a.csv". Did you mean "--input"?',
        ),
        (["-x"], 'run: unrecognized option "-x". See recordmill run --help.'),
        (["more"], 'run: unrecognized argument "more". See recordmill run --help.'),
        (
            ["--input", "days/a.csv", "days/b.csv"],
            'run: unrecognized argument "days/b.csv". Give each file its own --input, or one '
            "pattern in quotes for all of them: --input 'days/*.csv'",
        ),
    ],
)
def test_unrecognized_arguments(
    arguments: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "days").mkdir()
    (tmp_path / "days" / "b.csv").touch()
    assert main(["run", "census", "--output", "out", *arguments]) == 2
    assert capsys.readouterr().err == f"recordmill: {message}\n"


@pytest.mark.slow
def test_a_dataset_in_the_way_is_kept(
    prepared: tuple[Path, str], capsys: pytest.CaptureFixture[str]
) -> None:
    before = (prepared[0] / "manifest.json").read_text()
    assert main(["run", "census", "--output", str(prepared[0])]) == 2
    assert capsys.readouterr().err == (
        f"recordmill: {prepared[0]}: holds a dataset already. Replace it with --overwrite.\n"
    )
    assert (prepared[0] / "manifest.json").read_text() == before


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys\n"
        "from recordmill.runners.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'tensorflow', 'apache_beam', 'pyarrow', 'numpy', 'rich'} & set(sys.modules)\n"
        "sys.exit(repr(heavy) if heavy else 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)


def test_only_a_run_takes_beam_flags(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", "out", "--", "--direct_num_workers=2"]) == 2
    assert capsys.readouterr().err == (
        "recordmill: verify: unrecognized flags behind --. Only `run` passes flags to Beam.\n"
    )


def test_console_scripts_of_0_1_0_still_start() -> None:
    assert cli.program is cli.entry_point


def test_an_interrupted_process_waits_for_no_thread() -> None:
    code = (
        "import sys, threading, time\n"
        "from recordmill.runners import cli\n"
        "def interrupted(options, flags):\n"
        "    threading.Thread(target=time.sleep, args=(60,)).start()\n"
        "    raise KeyboardInterrupt\n"
        "cli._call = interrupted\n"
        "sys.argv[1:] = ['verify', 'out']\n"
        "cli.entry_point()"
    )
    done = subprocess.run([sys.executable, "-c", code], stderr=subprocess.PIPE, timeout=30)
    assert (done.returncode, done.stderr) == (
        130,
        b"recordmill: interrupted; nothing was published\n",
    )


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("stage", ["read", "analyze", "transform"])
def test_an_interrupted_run_leaves_nothing(
    number: signal.Signals, stage: str, tmp_path: Path
) -> None:
    (tmp_path / "rows.csv").write_text(
        "age,height,city,label\n"
        + "".join(f"{i % 90},1.5,City {i},yes\n" for i in range(1_000_000))
    )
    run = subprocess.Popen(
        [
            *COMMAND,
            *("run", f"{RECIPE_FILE}:SMALL", "--output", str(tmp_path / "out")),
            *("--input", str(tmp_path / "rows.csv")),
        ],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert run.stderr is not None
    for line in run.stderr:
        if line.startswith(f"recordmill: {stage}: "):
            run.send_signal(number)
            break
    rest = run.stderr.read()
    assert (run.wait(60), rest.splitlines()[-1]) == (
        130,
        "recordmill: interrupted; nothing was published",
    )
    time.sleep(0.2)
    assert [path.name for path in tmp_path.iterdir()] == ["rows.csv"]


@pytest.mark.slow
def test_the_real_census(adult: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two processes, other files and other blocks give the same shards of the published rows."""
    inputs = ["--input", f"train={adult}/adult.data", "--input", f"eval={adult}/adult.test"]
    first, second = tmp_path / "first", tmp_path / "second"
    assert main(["run", "census", "--output", str(first), *inputs]) == 0
    lines = (adult / "adult.data").read_text().splitlines(keepends=True)
    for index, (start, stop) in enumerate([(0, 9_000), (9_000, 9_001), (9_001, None)]):
        (tmp_path / f"part-{index}.data").write_text("".join(lines[start:stop]))
    monkeypatch.setattr("recordmill.pipelines.tables.source.BLOCK_BYTES", 300_000)
    cut = ["--input", f"train={tmp_path}/part-*.data", "--input", f"eval={adult}/adult.test"]
    workers = ["--", "--direct_num_workers=2", "--direct_running_mode=multi_processing"]
    assert main(["run", "census", "--output", str(second), *cut, *workers]) == 0

    manifests = [
        Manifest.from_json((folder / "manifest.json").read_text(), path=str(folder))
        for folder in (first, second)
    ]
    for manifest in manifests:
        assert {name: ledger.read for name, ledger in manifest.ledger.items()} == {
            "train": 32_561,
            "eval": 16_281,
        }
        assert {name: split.records for name, split in manifest.splits.items()} == {
            "train": 32_561,
            "eval": 16_281,
        }
        assert manifest.splits == manifests[0].splits
    assert main(["verify", str(first)]) == 0
    assert [file.records for file in manifests[0].inputs] == [32_561, 16_281]
    assert [file.sha256[:8] for file in manifests[0].inputs] == ["5b002646", "a2a9044b"]
    assert (
        json.loads((first / "manifest.json").read_text())["unseen"]["eval"]["native-country"] == 0
    )
