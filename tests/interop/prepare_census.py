"""What `tfdv_statistics.py` compares with TensorFlow Data Validation, written by recordmill.

    python tests/interop/prepare_census.py FOLDER [CENSUS]

CENSUS is a folder with the real `adult.data` and `adult.test`; without it, and where they are not
beside the project, the built-in sample is taken. FOLDER gets:

    census/                    the prepared dataset: its stats and its schema
    train.csv, eval.csv        the very files it was made of
    planted.csv                the first rows of train.csv, each column with its own fault
    planted.pb                 statistics of planted.csv
    planted.anomalies.pbtxt    what recordmill finds in it
    comparators.pbtxt          the schema with comparators
    skew.anomalies.pbtxt       eval against train by these, and train against itself
"""

from __future__ import annotations

import shutil
import sys
from dataclasses import replace
from pathlib import Path

from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2
from tensorflow_metadata.proto.v0.statistics_pb2 import DatasetFeatureStatisticsList

from recordmill.pipelines import CsvFormat, Input, find_recipe, prepare
from recordmill.pipelines.validation.examine import examine
from recordmill.pipelines.validation.validate import read_schema
from recordmill.schemas import Schema
from recordmill.schemas.anomalies.compare import DriftThresholds
from recordmill.schemas.anomalies.find import Findings, find_anomalies
from recordmill.schemas.anomalies.observed import InputSummary

_BESIDE = Path(__file__).resolve().parents[3] / "shared" / "data" / "census"
_ROWS = 1000
_NONE = DriftThresholds(skew=1.0, drift=1.0, missing=1.0)


def main(folder: Path, census: Path) -> None:
    """Write all there is to compare."""
    folder.mkdir(parents=True, exist_ok=True)
    recipe = find_recipe("census")
    if census.is_dir():
        paths = {"train": census / "adult.data", "eval": census / "adult.test"}
    else:
        print(f"no real census at {census}: its built-in sample instead")
        assert recipe.sample is not None
        paths = {one.split or "": Path(one.pattern) for one in recipe.sample(str(folder / "in"))}
    for split, path in paths.items():
        shutil.copyfile(path, folder / f"{split}.csv")
    inputs = [Input(split, str(folder / f"{split}.csv")) for split in ("train", "eval")]
    prepare(recipe, output=str(folder / "census"), inputs=inputs, overwrite=True)
    proto = read_schema(str(folder / "census"))
    _plant(folder, proto)
    _compare(folder, proto)


def _plant(folder: Path, proto: schema_pb2.Schema) -> None:
    """A file in which each fault is in a column of its own, and what is found in it."""
    schema = Schema.from_proto(proto)
    lines = (folder / "train.csv").read_text().splitlines()
    rows = [[one.strip() for one in line.split(",")] for line in lines if not line.startswith("|")]
    header = list(schema.names)
    faults = {
        "age": {3: "130", 5: "130"},
        "hours-per-week": {4: "0"},
        "education-num": {7: "nine"},
        "capital-loss": {9: "12.5"},
        "sex": {11: "female", 12: "other"},
        "income": {20: "?", 21: "?"},
    }
    table = [row[:] for row in rows[:_ROWS] if len(row) == len(header)]
    for name, cells in faults.items():
        for row, text in cells.items():
            table[row][header.index(name)] = text
    for number, row in enumerate(table):
        row.append(str(number % 7))
    text = "\n".join(",".join(row) for row in [[*header, "zip"], *table]) + "\n"
    (folder / "planted.csv").write_text(text)
    # `?` is no missing token of the label; TFDV is fed it as missing, so ours must know it too.
    known = Schema(tuple(replace(one, missing=("?",)) for one in schema))
    observed = examine(
        known, inputs=[str(folder / "planted.csv")], csv_format=CsvFormat(header=True)
    )
    _write_anomalies(folder / "planted", find_anomalies(proto, observed, limits=_NONE))
    statistics = DatasetFeatureStatisticsList(datasets=[observed.statistics])
    (folder / "planted.pb").write_bytes(statistics.SerializeToString())


def _compare(folder: Path, proto: schema_pb2.Schema) -> None:
    """Distances of the evaluation data, by every comparator that fits a column."""
    quantiles = schema_pb2.HistogramSelection.QUANTILES
    for number, feature in enumerate(proto.feature):
        for comparator in (feature.skew_comparator, feature.drift_comparator):
            if feature.type == schema_pb2.BYTES:
                comparator.infinity_norm.threshold = 0.0
            else:
                comparator.jensen_shannon_divergence.threshold = 0.0
                if number % 2:
                    comparator.jensen_shannon_divergence.source.type = quantiles
    (folder / "comparators.pbtxt").write_text(text_format.MessageToString(proto))
    train, evaluated = (
        DatasetFeatureStatisticsList.FromString(
            (folder / "census" / "stats" / f"{split}.pb").read_bytes()
        ).datasets[0]
        for split in ("train", "eval")
    )
    findings = find_anomalies(
        proto, InputSummary(evaluated), training=train, previous=evaluated, limits=_NONE
    )
    _write_anomalies(folder / "skew", findings)


def _write_anomalies(path: Path, findings: Findings) -> None:
    text = text_format.MessageToString(findings.to_proto(), as_utf8=True)
    Path(f"{path}.anomalies.pbtxt").write_text(text)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else _BESIDE)
