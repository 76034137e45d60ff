"""Cases of the use of a dataset: loading its records for training, and serving its graph."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from . import data
from .case import Case, Clock, Entry, Inputs, Target
from .contenders import (
    Contender,
    bare_records,
    batched_features,
    environment,
    pandas_serving,
    recordmill,
    recordmill_loading,
    recordmill_serving,
)
from .measure import run
from .results import Results
from .timings import differing

__all__ = ["loading", "serving"]

_COPIES = 64
_BATCH = 512
_MILL, _BATCHED, _BARE = "recordmill", "make_batched_features_dataset", "bare TFRecordDataset"
_SERVED, _PANDAS = "served graph", "pandas and numpy"
_MANY = 1_024


def loading(inputs: Inputs) -> Case:
    """Compare an epoch of a prepared dataset with recordmill's and with TensorFlow's loaders."""
    files = {"train": data.copies(inputs.adult["train"], _COPIES, inputs.scratch)}
    dataset = {"dataset": _prepared(files, inputs.scratch / "loading")}
    rows = {"train": data.ADULT_ROWS["train"] * _COPIES}
    contenders = {_MILL: recordmill_loading, _BATCHED: batched_features, _BARE: bare_records}

    def faster(results: Results) -> float:
        return results[_BATCHED].own_seconds / results[_MILL].own_seconds

    return Case(
        f"Loading {inputs.adult_name}, training rows, {_COPIES} copies, batches of {_BATCH}",
        f"An epoch after one that warms up. {_BARE}: parses and shuffles nothing; the limit of "
        "one reader.",
        tuple(_entry(label, contenders[label], dataset, rows) for label in contenders),
        (Target(f"examples/s, of {_BATCHED}", 2, faster, at_least=True),),
        unit="examples",
        baseline=_BARE,
        clock=Clock("seconds an epoch"),
    )


def serving(inputs: Inputs) -> Case:
    """Compare the features of raw requests by the graph of a served model and by pandas."""
    dataset = _prepared({"train": inputs.adult["train"]}, inputs.scratch / "serving")
    contenders = {_SERVED: recordmill_serving, _PANDAS: pandas_serving}

    def entry(label: str, count: int) -> Entry:
        requests = data.requests(inputs.adult["eval"], count, inputs.scratch)
        files = {"dataset": dataset, "requests": requests}
        return _entry(_of(label, count), contenders[label], files, {"requests": count})

    return Case(
        f"Features of raw requests, {inputs.adult_name}, one alone and {_MANY:,} at a time",
        "The median of 300 calls, from numpy arrays to numpy arrays.",
        tuple(entry(label, count) for count in (1, _MANY) for label in contenders),
        (Target(f"features that differ from those of {_PANDAS}", 0, _different_features),),
        unit="requests",
        baseline=_PANDAS,
        clock=Clock("ms a call", unit=1e-3),
    )


def _of(label: str, count: int) -> str:
    return label if count == 1 else f"{label}, {count:,} requests"


def _entry(
    label: str, contender: Contender, inputs: Mapping[str, Path], rows: Mapping[str, int]
) -> Entry:
    return Entry(label, contender, "", inputs, rows, writes=False, times=True)


def _different_features(results: Results) -> float:
    return sum(
        differing(
            results[_of(_SERVED, count)].timings[-1], results[_of(_PANDAS, count)].timings[-1]
        )
        for count in (1, _MANY)
    )


def _prepared(files: Mapping[str, Path], folder: Path) -> Path:
    """Prepare a dataset with `recordmill run census` in a folder, and return the folder."""
    print(f"preparing {folder.name}", file=sys.stderr)
    run(recordmill("adult", files, folder), environment=environment())
    return folder
