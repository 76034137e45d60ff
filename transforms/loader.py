"""`load`: a prepared dataset, for trainers and servers; needs only tensorflow.

    data = load("out/census")
    train = data.dataset("train", 512)        # tf.data of (features, label)
    features = data.transform(raw_columns)    # the graph that made the records

Of a dataset of images the features are uint8 pixels, and the raw column is the file's bytes.

A dataset is refused when its manifest is missing, when its transform graph is not the one the
records were made with, or when a shard is not as the manifest says.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from ..schemas.errors import DataError, RecipeError
from ..schemas.images import IMAGE, LABEL
from ..schemas.manifest import MANIFEST, Manifest, Split, tree_sha256
from .frames import to_frame
from .graph import TransformGraph
from .raw import raw_tensors
from .records import check_images, parse_images, record_pixels, record_spec, targets

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["PreparedDataset", "load"]

_TRANSFORM_FN = "transform_fn"
_AGAIN = "Prepare the dataset again."
_SHUFFLE_RECORDS = 10_000
_SHUFFLE_BYTES = 1 << 28
_FRAME_RECORDS = 1024


def load(directory: str | os.PathLike[str]) -> PreparedDataset:
    """Opens a prepared dataset.

    Args:
      directory: The dataset's folder; a local path or any that `tf.io.gfile` reads, such as
        gs://.

    Returns:
      The dataset. Its records are not read yet.

    Raises:
      DataError: There is no manifest, it cannot be read or names files outside the folder, or
        the transform graph is gone or is that of another run.
    """
    folder = os.fspath(directory).rstrip("/")
    manifest = _read_manifest(f"{folder}/{MANIFEST}")
    _check_graph(f"{folder}/{_TRANSFORM_FN}", manifest.transform_fn.get("sha256"))
    return PreparedDataset(folder, manifest)


@dataclass(frozen=True)
class PreparedDataset:
    """A prepared dataset; made by `load`.

    Attributes:
      directory: Its folder, without a final slash.
      manifest: What its `manifest.json` says.
    """

    directory: str
    manifest: Manifest

    @property
    def raw_spec(self) -> dict[str, Any]:
        """The raw columns the transform graph takes, as a spec for `tf.io.parse_example`.

        What an example lacks is read as missing: "", NaN or `MISSING_INT64`, or no value at all
        in a ragged column, such as boxes.
        """
        return self._graph.raw_spec

    @property
    def feature_spec(self) -> dict[str, Any]:
        """What the records hold, label included, as a spec for `tf.io.parse_example`."""
        if self._images:
            return record_spec(self._images, self._graph.outputs)
        return self._graph.feature_spec

    def records(self, split: str) -> tf.data.Dataset:
        """The serialized records of a split, to be parsed with `feature_spec`.

        Args:
          split: The split's name, such as "train".

        Returns:
          A `tf.data.Dataset` of string scalars, in the order of the shards. Its cardinality is
          asserted as that of `dataset` is.

        Raises:
          DataError: A shard is missing or has another size than the manifest says.
          RecipeError: There is no such split.
        """
        return self._records(split, shuffle=False, seed=None)

    def dataset(
        self,
        split: str,
        batch_size: int,
        *,
        shuffle: bool = True,
        seed: int | None = None,
        epochs: int | None = 1,
        drop_remainder: bool = False,
    ) -> tf.data.Dataset:
        """The records of a split, in batches.

        Args:
          split: The split's name, such as "train".
          batch_size: Records a batch; the last of an epoch can be smaller.
          shuffle: Whether to mix the records, anew in every epoch: shards are interleaved in
            random order, through a buffer of 10,000 records, or of 256 MB of them where that is
            fewer. Without it they come in the order of the shards, which is the same each time.
          seed: Makes the shuffled order the same each time. (The order of the shards is that of
            a hash of the rows' content, so it is arbitrary too.)
          epochs: How often to go through the split; None for endlessly.
          drop_remainder: Whether to leave out a last smaller batch.

        Returns:
          A `tf.data.Dataset` of (features, label): a dict of tensors [batch, …] and a tensor
          [batch, …]. Of features only where the dataset has no label. Its cardinality is known.
          Reading a whole epoch fails with `tf.errors.FailedPreconditionError` where the shards
          hold another number of records than the manifest says.

          Of a dataset of images, (image, label): uint8 [batch, height, width, 3], ragged where
          sizes differ, and int64 [batch]. Instead of the label, where there are boxes, a dict of
          "boxes", ragged float32 [batch, None, 4] as (ymin, xmin, ymax, xmax) relative to the
          image, and "classes", ragged int64 [batch, None], counted from 1. Where the records hold
          further features, a dict of "image" and these in the place of the image.

        Raises:
          DataError: A shard is missing or has another size than the manifest says.
          RecipeError: There is no such split.
        """
        records = self._records(split, shuffle=shuffle, seed=seed)
        if shuffle:
            records = records.shuffle(self._shuffle_buffer(split), seed=seed)
        options = tf.data.Options()
        options.deterministic = not shuffle or seed is not None
        return (
            self._batches(records, batch_size, drop_remainder)
            .repeat(epochs)
            .map(self._parser(), num_parallel_calls=tf.data.AUTOTUNE)
            .prefetch(tf.data.AUTOTUNE)
            .with_options(options)
        )

    def to_pandas(self, split: str, *, n: int | None = None) -> pd.DataFrame:
        """The first records of a split as a pandas DataFrame, to look at in a notebook.

        Args:
          split: The split's name, such as "train".
          n: How many records; None for all, which are then held in memory.

        Returns:
          A row a record, in the order of the shards, and a column a feature, by name, and the
          label last; see `to_frame`. Of images, the pixels are arrays in the column "image".

        Raises:
          DataError: A shard is missing or has another size than the manifest says.
          RecipeError: There is no such split, or pandas is not installed.
        """
        records = self._split(split).records if n is None else n
        batch = max(min(records, _FRAME_RECORDS), 1)
        elements = self.dataset(split, batch, shuffle=False).take(-(-records // batch))
        frame = to_frame(self._by_name(element) for element in elements)
        return frame.head(records)

    def _by_name(self, element: Any) -> dict[str, Any]:
        """The tensors of an element of `dataset`."""
        features, target = element if isinstance(element, tuple) else (element, {})
        named = (
            dict(sorted(features.items())) if isinstance(features, Mapping) else {IMAGE: features}
        )
        label = self.manifest.label or LABEL
        return named | (dict(target) if isinstance(target, Mapping) else {label: target})

    def transform(self, raw: Mapping[str, Any]) -> dict[str, Any]:
        """Raw columns through the graph that made the records.

        Args:
          raw: By column name, values [rows, …] as a list, a numpy array or a tensor; None and NaN
            are missing values. A column that is not given is missing in every row; at least one
            is given. Of images that is "image": the bytes of JPEG, PNG, GIF or BMP files. Tensors
            of a `tf.function` or a `tf.data` map will do.

        Returns:
          The transformed features, tensors [rows, …]; of images the pixels too, under "image".
          The label, or the boxes and their classes, are among them where a raw column that they
          are made of was given, other than the image.

        Raises:
          DataError: The graph takes no such column, a value is not of its column's type, columns
            differ in their number of rows, or no images are given to a graph over images.
        """
        if self._images and IMAGE not in raw:
            raise DataError(
                f'expected the raw column "{IMAGE}", the bytes of image files, got '
                f"{', '.join(sorted(raw)) or 'none'}"
            )
        features = self._graph(raw_tensors(raw, self._graph.inputs))
        unknown = {name for name, sources in self._targets.items() if not sources & set(raw)}
        return {name: feature for name, feature in features.items() if name not in unknown}

    @property
    def _images(self) -> Mapping[str, Any]:
        return self.manifest.images

    @cached_property
    def _graph(self) -> TransformGraph:
        graph = TransformGraph(f"{self.directory}/{_TRANSFORM_FN}")
        needed = [(name, "feature") for name in self._images.get("further", ())]
        if self.manifest.label is not None:
            needed.append((self.manifest.label, "label"))
        for name, role in needed:
            if name not in graph.outputs:
                raise DataError(
                    f'{self.directory}/{MANIFEST}: the {role} "{name}" is no output of the '
                    f"transform graph. {_AGAIN}"
                )
        return graph

    @cached_property
    def _targets(self) -> dict[str, frozenset[str]]:
        """The outputs that a model is to tell, and what they are made of but the image."""
        label = () if self.manifest.label is None else (self.manifest.label,)
        names = targets(self._images) if self._images else label
        own = {IMAGE} if self._images else set()
        given = [name for name in names if name in self._graph.outputs]
        return {name: self._graph.sources(name) - own for name in given}

    def _split(self, name: str) -> Split:
        if name in self.manifest.splits:
            return self.manifest.splits[name]
        near = get_close_matches(name, self.manifest.splits, n=1)
        hint = f'; did you mean "{near[0]}"?' if near else ""
        raise RecipeError(
            f'{self.directory} has no split "{name}", but '
            f"{', '.join(self.manifest.splits) or 'none'}{hint}"
        )

    def _shard_paths(self, split: str) -> list[str]:
        paths = []
        for shard in self._split(split).shards:
            path = f"{self.directory}/{shard.path}"
            try:
                size = tf.io.gfile.stat(path).length
            except tf.errors.OpError as error:
                raise DataError(f"{path}: cannot be read ({error.message}). {_AGAIN}") from error
            if size != shard.bytes:
                raise DataError(
                    f"{path}: expected {shard.bytes:,} bytes, as {MANIFEST} says, got {size:,}. "
                    f"The shard is damaged. {_AGAIN}"
                )
            paths.append(path)
        return paths

    def _records(self, split: str, *, shuffle: bool, seed: int | None) -> tf.data.Dataset:
        """The serialized records of one epoch."""
        paths = self._shard_paths(split)
        compression = self.manifest.compression
        files = tf.data.Dataset.from_tensor_slices(tf.constant(paths, tf.string, [len(paths)]))
        if shuffle:
            records = files.shuffle(max(len(paths), 1), seed=seed).interleave(
                lambda path: tf.data.TFRecordDataset(path, compression),
                num_parallel_calls=tf.data.AUTOTUNE,
            )
        else:
            records = tf.data.TFRecordDataset(files, compression)
        expected = self._split(split).records
        return records.apply(tf.data.experimental.assert_cardinality(expected))

    def _shuffle_buffer(self, split: str) -> int:
        """How many records to mix."""
        shards = self._split(split).shards
        size = sum(shard.bytes for shard in shards)
        records = sum(shard.records for shard in shards)
        return max(min(_SHUFFLE_RECORDS, _SHUFFLE_BYTES * records // max(size, 1)), 1)

    def _batches(
        self, records: tf.data.Dataset, batch_size: int, drop_remainder: bool
    ) -> tf.data.Dataset:
        """Batches of serialized records; where they hold pictures, of (record, pixels)."""
        images = self._images
        if not images:
            return records.batch(batch_size, drop_remainder=drop_remainder)
        pictures = records.map(
            lambda record: (record, record_pixels(record, images)),
            num_parallel_calls=tf.data.AUTOTUNE,
        )
        if images["height"]:
            return pictures.batch(batch_size, drop_remainder=drop_remainder)
        return pictures.ragged_batch(batch_size, drop_remainder, row_splits_dtype=tf.int64)

    def _parser(self) -> Callable[..., Any]:
        """From what `_batches` gives to features, or to (features, label)."""
        spec, label, images = self.feature_spec, self.manifest.label, self._images
        outputs = self._graph.outputs

        def parse(serialized: tf.Tensor) -> Any:
            features = tf.io.parse_example(serialized, spec)
            if label is None:
                return features
            target = features.pop(label)
            return features, target

        def parse_pictures(serialized: tf.Tensor, pixels: Any) -> Any:
            return parse_images(serialized, pixels, images, outputs)

        return parse_pictures if images else parse


def _read_manifest(path: str) -> Manifest:
    try:
        with tf.io.gfile.GFile(path, "rb") as file:
            text = file.read().decode()
    except tf.errors.NotFoundError as error:
        raise DataError(
            f"{path}: not found, so there is no prepared dataset here. "
            "A run writes the manifest last: one that failed leaves none."
        ) from error
    except (tf.errors.OpError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read ({error}). {_AGAIN}") from error
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


def _check_graph(path: str, expected: str | None) -> None:
    files = list(_tree(path))
    if not files:
        raise DataError(f"{path}: the transform graph is gone. {_AGAIN}")
    found = tree_sha256(files)
    if found != expected:
        raise DataError(
            f"{path}: expected the transform graph with sha256 {expected}, which the records were "
            f"made with, got {found}: it was changed or is of another run. {_AGAIN}"
        )


def _tree(folder: str) -> Iterator[tuple[str, bytes]]:
    """The files under a folder: (path relative to it, content)."""
    for parent, _, names in tf.io.gfile.walk(folder):
        for name in names:
            path = f"{parent.rstrip('/')}/{name}"
            with tf.io.gfile.GFile(path, "rb") as file:
                yield path[len(folder) + 1 :], file.read()
