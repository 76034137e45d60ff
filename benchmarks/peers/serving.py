"""Features of raw requests, by the graph of a served model, or by pandas and numpy.

The first argument says which. What is timed is a call with all rows of the file of requests, from
numpy arrays of raw columns to numpy arrays of features; not parsing the requests.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from recordmill.schemas.census import CENSUS
from recordmill.transforms.dataset.loader import load
from recordmill.transforms.serving.model import ServedModel

from ..timings import time_calls, write_timing
from .arguments import parse

__all__ = ["WAYS", "pandas", "read_requests", "served_graph"]

Columns: TypeAlias = Mapping[str, npt.NDArray[Any]]

_DTYPES = {"int64": np.int64, "string": np.object_}


def served_graph(dataset: Path, scratch: Path) -> Callable[[Columns], Columns]:
    """Return the signature `transform` of a model that is exported and loaded again."""
    folder = scratch / "model"
    load(dataset).export(_no_model, folder, output_kind="values")
    return ServedModel(folder).features


def _no_model(features: Mapping[str, Any], *, training: bool) -> Any:
    """Add up all features: only the graph is timed, and it contains only features that are used."""
    columns = [tf.cast(column, tf.float32) for column in features.values()]
    return tf.expand_dims(tf.add_n(columns), 1)


def pandas(dataset: Path, scratch: Path) -> Callable[[Columns], Columns]:
    """Return the features by pandas and numpy, with the constants of the dataset."""
    from .census_pandas import census_features

    return census_features(dataset)


def read_requests(path: Path) -> dict[str, npt.NDArray[Any]]:
    """Return the raw columns of a file of JSON lines: int64 or object [rows], by name."""
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    return {
        column.name: np.array([row[column.name] for row in rows], _DTYPES[column.type])
        for column in CENSUS.inputs
        if column.role == "feature"
    }


WAYS = {"served_graph": served_graph, "pandas": pandas}

if __name__ == "__main__":
    way, files, output = parse()
    features = WAYS[way](Path(files["dataset"]), Path(output))
    requests = read_requests(Path(files["requests"]))
    write_timing(time_calls(partial(features, requests)), output)
