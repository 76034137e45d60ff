"""Checks of a prepared dataset before it is opened: manifest, transform graph, shards."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress

import tensorflow as tf

from ...schemas.errors import DataError, RecipeError
from ...schemas.manifest import MANIFEST, Manifest, Split, tree_sha256
from ...schemas.suggestions import did_you_mean
from ..serving.transform_graph import TransformGraph
from .image_records import check_images
from .read import RecordFile

__all__ = [
    "AGAIN",
    "TRANSFORM_FN",
    "check_graph",
    "find_split",
    "open_graph",
    "read_manifest",
    "record_files",
]

AGAIN = "Prepare the dataset again."
TRANSFORM_FN = "transform_fn"
_FORMAT = 1
_SHOWN = 200


def read_manifest(path: str) -> Manifest:
    """Read and check a manifest.

    Args:
      path: The path of the file.

    Returns:
      The manifest.

    Raises:
      DataError: It is missing, cannot be read, has a newer format, or names files outside the
        dataset's folder.
    """
    try:
        with tf.io.gfile.GFile(path, "rb") as file:
            text = file.read().decode()
    except tf.errors.NotFoundError as error:
        raise DataError(
            f"{path}: not found, so there is no prepared dataset here. "
            "A run writes the manifest last: one that failed leaves none."
        ) from error
    except (tf.errors.OpError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read ({error}). {AGAIN}") from error
    _check_format(text, path)
    manifest = Manifest.from_json(text, path=path)
    if manifest.images:
        check_images(manifest.images, path=path)
    for split in manifest.splits.values():
        for shard in split.shards:
            if ":" in shard.path or shard.path.startswith("/") or ".." in shard.path.split("/"):
                raise DataError(
                    f'{path}: expected shards inside the dataset\'s folder, got "{shard.path}"'
                )
    return manifest


def _check_format(text: str, path: str) -> None:
    data = None
    with suppress(ValueError):
        data = json.loads(text)
    written = data.get("format", _FORMAT) if isinstance(data, dict) else _FORMAT
    if isinstance(written, int) and written > _FORMAT:
        versions = data.get("versions") if isinstance(data, dict) else None
        writer = versions.get("recordmill") if isinstance(versions, dict) else None
        raise DataError(
            f"{path}: written in format {written} by recordmill {writer or 'of a newer version'}, "
            f"and this one reads up to {_FORMAT}: pip install --upgrade recordmill"
        )


def check_graph(path: str, expected: str | None) -> None:
    """Check that a transform graph is the one that made the records.

    Args:
      path: The folder of the graph.
      expected: The sha256 of its files, from the manifest.

    Raises:
      DataError: The graph is missing or has another sha256.
    """
    files = list(_tree(path))
    if not files:
        raise DataError(f"{path}: the transform graph is gone. {AGAIN}")
    actual = tree_sha256(files)
    if actual != expected:
        raise DataError(
            f"{path}: expected the transform graph with sha256 {expected}, which made the records, "
            f"got {actual}: it was changed or is of another run. {AGAIN}"
        )


def open_graph(folder: str, manifest: Manifest) -> TransformGraph:
    """Load the transform graph of a dataset.

    Args:
      folder: The dataset's folder.
      manifest: The dataset's manifest.

    Returns:
      The graph.

    Raises:
      DataError: TensorFlow cannot load it, perhaps because it is older than the one that wrote it;
        or a feature or the label in the manifest is no output of the graph.
    """
    graph = _load_graph(f"{folder}/{TRANSFORM_FN}", manifest)
    needed = [(name, "feature") for name in manifest.images.get("further", ())]
    if manifest.label is not None:
        needed.append((manifest.label, "label"))
    for name, role in needed:
        if name not in graph.outputs:
            raise DataError(
                f'{folder}/{MANIFEST}: the {role} "{name}" is no output of the transform graph. '
                f"{AGAIN}"
            )
    return graph


def _load_graph(path: str, manifest: Manifest) -> TransformGraph:
    try:
        return TransformGraph(path)
    except (ValueError, TypeError, KeyError, OSError, RuntimeError, tf.errors.OpError) as error:
        writer = manifest.versions.get("tensorflow")
        reason = " ".join(str(error).split())[:_SHOWN]
        hint = f": pip install 'tensorflow>={writer}'" if writer else ""
        raise DataError(
            f"{path}: TensorFlow {tf.__version__} cannot load the graph, which TensorFlow "
            f"{writer or '(unknown)'} wrote ({reason}){hint}"
        ) from error


def find_split(folder: str, manifest: Manifest, name: str) -> Split:
    """Return a split of a dataset.

    Args:
      folder: The dataset's folder, for the message.
      manifest: The dataset's manifest.
      name: The name of the split.

    Raises:
      RecipeError: There is no such split; the message suggests the nearest name.
    """
    if name in manifest.splits:
        return manifest.splits[name]
    hint = did_you_mean(name, manifest.splits)
    raise RecipeError(
        f'{folder} has no split "{name}", but {", ".join(manifest.splits) or "none"}{hint}'
    )


def record_files(folder: str, name: str, split: Split) -> list[RecordFile]:
    """Return the shards of a split, after a check of their sizes.

    Args:
      folder: The dataset's folder.
      name: The name of the split.
      split: The manifest's entry of the split.

    Raises:
      DataError: A shard is missing or has another size than in the manifest, or the records of the
        shards do not add up to those of the split.
    """
    total = sum(shard.records for shard in split.shards)
    if total != split.records:
        raise DataError(
            f'{folder}/{MANIFEST}: expected shards of {split.records:,} records in "{name}", got '
            f"{total:,}. {AGAIN}"
        )
    files = []
    for shard in split.shards:
        path = f"{folder}/{shard.path}"
        try:
            size = tf.io.gfile.stat(path).length
        except tf.errors.OpError as error:
            raise DataError(f"{path}: cannot be read ({error.message}). {AGAIN}") from error
        if size != shard.bytes:
            raise DataError(
                f"{path}: expected {shard.bytes:,} bytes, as {MANIFEST} says, got {size:,}. "
                f"The shard is damaged. {AGAIN}"
            )
        files.append(RecordFile(path, shard.records))
    return files


def _tree(folder: str) -> Iterator[tuple[str, bytes]]:
    """Yield the files under a folder: (path relative to it, content)."""
    for parent, _, names in tf.io.gfile.walk(folder):
        for name in names:
            path = f"{parent.rstrip('/')}/{name}"
            with tf.io.gfile.GFile(path, "rb") as file:
                yield path[len(folder) + 1 :], file.read()
