"""Commands of the contenders, and counts of the records that they wrote."""

from __future__ import annotations

import hashlib
import mmap
import os
import struct
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from . import environments

__all__ = [
    "Contender",
    "ROOT",
    "bare_records",
    "batched_features",
    "classic_beam",
    "count_records",
    "environment",
    "help_page",
    "ml_transform",
    "pandas",
    "pandas_serving",
    "recordmill",
    "recordmill_loading",
    "recordmill_profile",
    "recordmill_serving",
    "recordmill_without_statistics",
    "stock_tft",
    "tf_data",
    "tf_data_records",
    "vocabularies",
    "write_sample",
    "ydata",
]

ROOT = Path(__file__).resolve().parents[1]

Contender = Callable[[str, Mapping[str, Path], Path], list[str]]
"""Function (problem, file or folder of each split, folder to write) -> command."""

_RECIPES = {
    "adult": "census",
    "wide": f"{Path(__file__).with_name('wide_recipe.py')}:RECIPE",
    "hotdog": "hotdog",
}
_PLAIN_RECIPE = f"{Path(__file__).with_name('plain_recipe.py')}:RECIPE"


def recordmill(problem: str, inputs: Mapping[str, Path], output: Path) -> list[str]:
    """Return the command of `recordmill run` with its default options."""
    return [*_recordmill(), "run", _RECIPES[problem], f"--output={output}", *_inputs(inputs)]


def recordmill_without_statistics(
    problem: str, inputs: Mapping[str, Path], output: Path
) -> list[str]:
    """Return the command of `recordmill run` of the Adult data with `statistics: false`."""
    return [*_recordmill(), "run", _PLAIN_RECIPE, f"--output={output}", *_inputs(inputs)]


def recordmill_profile(problem: str, inputs: Mapping[str, Path], output: Path) -> list[str]:
    """Return the command of `recordmill profile`, with the recipe of the problem if it has one."""
    recipe = _RECIPES.get(problem)
    target = [recipe, *_inputs(inputs)] if recipe else [str(path) for path in inputs.values()]
    return [*_recordmill(), "profile", *target, f"--output={output}"]


def stock_tft(problem: str, inputs: Mapping[str, Path], output: Path) -> list[str]:
    """Return the command of tensorflow_transform, used as its documentation says."""
    return _peer("stock_tft", problem, inputs, output)


def ml_transform(problem: str, inputs: Mapping[str, Path], output: Path) -> list[str]:
    """Return the command of Beam's `MLTransform`."""
    return _peer("ml_transform", problem, inputs, output)


def tf_data(problem: str, inputs: Mapping[str, Path], output: Path) -> list[str]:
    """Return the command of `tf.data` that computes the pixels of images and writes nothing."""
    return _peer("images_tf_data", "pixels", inputs, output)


def tf_data_records(problem: str, inputs: Mapping[str, Path], output: Path) -> list[str]:
    """Return the command of `tf.data` that computes the same pixels and writes JPEG records."""
    return _peer("images_tf_data", "records", inputs, output)


def classic_beam(problem: str, inputs: Mapping[str, Path], output: Path) -> list[str]:
    """Return the command of a Beam pipeline that processes images one by one, with Pillow."""
    return _peer("images_beam", problem, inputs, output)


def pandas(problem: str, inputs: Mapping[str, Path], output: Path) -> list[str]:
    """Return the command of pandas' `read_csv`, `describe` and `value_counts`."""
    return _peer("profile_pandas", problem, inputs, output)


def ydata(problem: str, inputs: Mapping[str, Path], output: Path) -> list[str]:
    """Return the command of ydata-profiling in minimal mode, in its own environment."""
    python = str(environments.interpreter(environments.YDATA))
    return _peer("profile_ydata", problem, inputs, output, python=python)


def recordmill_loading(problem: str, inputs: Mapping[str, Path], output: Path) -> list[str]:
    """Return the command for an epoch of `load(DIR).dataset("train", 512)`."""
    return _peer("loading", "recordmill", inputs, output)


def batched_features(problem: str, inputs: Mapping[str, Path], output: Path) -> list[str]:
    """Return the command for an epoch of `make_batched_features_dataset`."""
    return _peer("loading", "batched_features", inputs, output)


def bare_records(problem: str, inputs: Mapping[str, Path], output: Path) -> list[str]:
    """Return the command for an epoch of a `TFRecordDataset`, neither parsed nor shuffled."""
    return _peer("loading", "bare", inputs, output)


def recordmill_serving(problem: str, inputs: Mapping[str, Path], output: Path) -> list[str]:
    """Return the command that runs the transform graph of an exported model."""
    return _peer("serving", "served_graph", inputs, output)


def pandas_serving(problem: str, inputs: Mapping[str, Path], output: Path) -> list[str]:
    """Return the command that computes the census features with pandas and numpy."""
    return _peer("serving", "pandas", inputs, output)


def help_page(problem: str, inputs: Mapping[str, Path], output: Path) -> list[str]:
    """Return the command `recordmill --help`, which reads and writes nothing."""
    return [*_recordmill(), "--help"]


def write_sample(name: str, folder: Path) -> list[str]:
    """Return the command that writes the small synthetic input of a built-in recipe."""
    return [*_recordmill(), "sample", name, str(folder)]


def environment() -> dict[str, str]:
    """Return the environment of every contender, with bytecode, and with TensorFlow quiet."""
    inherited = {
        name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"
    }
    path = os.pathsep.join(filter(None, [str(ROOT), inherited.get("PYTHONPATH")]))
    return inherited | {"PYTHONPATH": path, "TF_CPP_MIN_LOG_LEVEL": "3"}


def _recordmill() -> list[str]:
    script = Path(sys.executable).with_name("recordmill")
    return [str(script)] if script.exists() else [sys.executable, "-m", "recordmill.runners.cli"]


def _peer(
    name: str,
    problem: str,
    inputs: Mapping[str, Path],
    output: Path,
    *,
    python: str = sys.executable,
) -> list[str]:
    module = f"benchmarks.peers.{name}"
    return [python, "-m", module, problem, f"--output={output}", *_inputs(inputs)]


def _inputs(inputs: Mapping[str, Path]) -> list[str]:
    return [f"--input={split}={path}" for split, path in inputs.items()]


def count_records(folder: Path) -> int:
    """Count the records in the TFRecord shards of a folder, by their frames."""
    return sum(_count_frames(path) for path in folder.glob("*-of-*"))


def _count_frames(path: Path) -> int:
    """Count frames: length (uint64), its CRC (4 bytes), record, its CRC (4 bytes)."""
    size = path.stat().st_size
    if not size:
        return 0
    count = offset = 0
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        while offset < size:
            offset += 16 + struct.unpack_from("<Q", data, offset)[0]
            count += 1
    return count


def vocabularies(output: Path) -> dict[str, str]:
    """Return the SHA-256 of each vocabulary of the graph in a folder, by file name."""
    assets = (output / "transform_fn" / "assets").glob("*")
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in assets}
