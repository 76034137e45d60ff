"""What is checked before a prepared dataset is opened: its manifest, its graph, its shards."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress

import tensorflow as tf

from ...schemas.errors import DataError
from ...schemas.manifest import MANIFEST, Manifest, Split, tree_sha256
from ..serving.transform_graph import TransformGraph
from .image_records import check_images
from .read import RecordFile

__all__ = ["AGAIN", "TRANSFORM_FN", "check_graph", "open_graph", "read_manifest", "record_files"]

AGAIN = "Prepare the dataset again."
TRANSFORM_FN = "transform_fn"
_FORMAT = 1
_SHOWN = 200


def read_manifest(path: str) -> Manifest:
    """The manifest in a file, checked.

    Raises:
      DataError: It is missing, cannot be read, is of a newer format, or names files outside the
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
    found = data.get("format", _FORMAT) if isinstance(data, dict) else _FORMAT
    if isinstance(found, int) and found > _FORMAT:
        versions = data.get("versions") if isinstance(data, dict) else None
        writer = versions.get("recordmill") if isinstance(versions, dict) else None
        raise DataError(
            f"{path}: written in format {found} by recordmill {writer or 'of a newer version'}, "
            f"and this one reads up to {_FORMAT}: pip install --upgrade recordmill"
        )


def check_graph(path: str, expected: str | None) -> None:
    """Raise DataError where the graph is gone, or is not the one the records were made with."""
    files = list(_tree(path))
    if not files:
        raise DataError(f"{path}: the transform graph is gone. {AGAIN}")
    found = tree_sha256(files)
    if found != expected:
        raise DataError(
            f"{path}: expected the transform graph with sha256 {expected}, which the records were "
            f"made with, got {found}: it was changed or is of another run. {AGAIN}"
        )


def open_graph(path: str, manifest: Manifest) -> TransformGraph:
    """The transform graph in a folder.

    Raises:
      DataError: TensorFlow cannot load it, which an older one than wrote it may not.
    """
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


def record_files(folder: str, name: str, split: Split) -> list[RecordFile]:
    """The shards of a split in a dataset's folder.

    Args:
      folder: The dataset's.
      name: The split's.
      split: What the manifest says of it.

    Raises:
      DataError: A shard is missing or has another size than the manifest says, or their records
        do not add up to those of the split.
    """
    total = sum(shard.records for shard in split.shards)
    if total != split.records:
        raise DataError(
            f'{folder}/{MANIFEST}: expected shards of {split.records:,} records in "{name}", got '
            f"{total:,}. {AGAIN}"
        )
    found = []
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
        found.append(RecordFile(path, shard.records))
    return found


def _tree(folder: str) -> Iterator[tuple[str, bytes]]:
    """The files under a folder: (path relative to it, content)."""
    for parent, _, names in tf.io.gfile.walk(folder):
        for name in names:
            path = f"{parent.rstrip('/')}/{name}"
            with tf.io.gfile.GFile(path, "rb") as file:
                yield path[len(folder) + 1 :], file.read()
