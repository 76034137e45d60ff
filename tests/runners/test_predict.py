"""`recordmill predict` on a model written by hand."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf
from helpers.exported import write_model

from recordmill.runners.predict import predict
from recordmill.schemas.errors import DataError, RecordmillError

COLUMNS = {
    "age": tf.TensorSpec([None], tf.int64),
    "workclass": tf.TensorSpec([None], tf.string),
    "hours-per-week": tf.TensorSpec([None], tf.float32),
}


def model(raw: Any) -> dict[str, tf.Tensor]:
    private = tf.equal(tf.strings.strip(raw["workclass"]), "Private")
    logits = tf.cast(raw["age"], tf.float32) / 10 - tf.where(private, 5.0, 3.0)
    probabilities = tf.stack([tf.sigmoid(-logits), tf.sigmoid(logits)], axis=1)
    return {
        "probabilities": probabilities,
        "logits": logits[:, tf.newaxis],
        "classes": tf.argmax(probabilities, axis=1),
        "hours": raw["hours-per-week"],
    }


@pytest.fixture(scope="module")
def census(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("model") / "1"
    return str(write_model(folder, COLUMNS, model, label="income", classes=["<=50K", ">50K"]))


INSTANCES = (
    b'{"age": 25, "workclass": " Private", "hours-per-week": 40}\n'
    b"\n"
    b'{"age": 42.0, "workclass": " Self-emp-inc", "hours_per_week": 0.1}\n'
)


def test_a_table(census: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "two.json"
    path.write_bytes(INSTANCES)
    assert predict(census, json_instances=str(path), as_json=False) == 0
    assert capsys.readouterr().out == (
        "line  classes  probabilities                   logits\n"
        "   1  <=50K    <=50K 0.924142, >50K 0.0758582  -2.5\n"
        "   3  >50K     <=50K 0.231475, >50K 0.768525   1.2\n"
    )


def test_json_lines_of_standard_input(
    census: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stdin = type("Stdin", (), {"buffer": io.BytesIO(INSTANCES + b"{}")})
    monkeypatch.setattr("sys.stdin", stdin)
    assert predict(census, json_instances="-", as_json=True) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["line"] for line in lines] == [1, 3, 4]
    assert list(lines[0]) == ["line", "classes", "probabilities", "logits", "hours"]
    assert lines[1] | {"probabilities": []} == {
        "line": 3,
        "classes": 1,
        "probabilities": [],
        "logits": [1.2000003],
        "hours": 0.1,
    }
    assert lines[2]["hours"] is None


def test_all_errors_are_listed_and_nothing_is_predicted(
    census: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "bad.json"
    path.write_text(
        '{"age": "25", "workclas": "Private"}\n'
        '{"age": 25}\n'
        '{"workclass": 3, "income": ">50K", "hours-per-week": true}\n'
        "[25]\n"
        "{age: 25}\n"
    )
    with pytest.raises(DataError) as error:
        predict(census, json_instances=str(path), as_json=False)
    assert str(error.value).splitlines() == [
        f"{path}: 4 of 5 instances cannot be read, so nothing was predicted:",
        f'{path}:1: field "age": expected an integer, got "25"',
        f'{path}:1: field "workclas": the model takes no such field; did you mean "workclass"?',
        f'{path}:3: field "workclass": expected text, got 3',
        f'{path}:3: field "income": it is the label, which the model predicts; leave it out',
        f'{path}:3: field "hours-per-week": expected a finite number, got true',
        f"{path}:4: expected a JSON object, got a list of 1",
        f"{path}:5: expected a JSON object, got text that is no JSON: Expecting property name "
        "enclosed in double quotes: line 1 column 2 (char 1)",
    ]
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("folder", "message"),
    [("nowhere", "expected an exported model"), ("damaged", "the model cannot be loaded")],
)
def test_a_folder_without_a_model(folder: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / "saved_model.pb").write_bytes(b"\xff\xff")
    with pytest.raises(RecordmillError, match=message):
        predict(str(tmp_path / folder), json_instances="-", as_json=False)


def test_a_missing_file(census: str) -> None:
    with pytest.raises(DataError, match=r"nowhere\.json: cannot be read"):
        predict(census, json_instances="nowhere.json", as_json=False)


@pytest.mark.slow
def test_only_tensorflow_is_needed(census: str, tmp_path: Path) -> None:
    path = tmp_path / "two.json"
    path.write_bytes(INSTANCES)
    program = (
        "import sys\n"
        "class Absent:\n"
        "    def find_spec(self, name, *rest):\n"
        "        if name.partition('.')[0] in ABSENT: raise ModuleNotFoundError(name)\n"
        "ABSENT = {'apache_beam', 'tensorflow_transform', 'tensorflow_metadata', 'tfx_bsl',\n"
        "          'pyarrow', 'pandas', 'PIL', 'pydantic', 'yaml', 'rich', 'google_crc32c'}\n"
        "sys.meta_path.insert(0, Absent())\n"
        "import recordmill.runners.cli\n"
        "from recordmill.runners.predict import predict\n"
        f"predict({census!r}, json_instances={str(path)!r}, as_json=True)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.returncode, len(done.stdout.splitlines())) == (0, 2), done.stderr
