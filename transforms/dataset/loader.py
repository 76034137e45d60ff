"""`load` opens a prepared dataset, for trainers and servers; needs only tensorflow.

    data = load("out/census")
    train = data.dataset("train", 512)        # tf.data of (features, label)
    features = data.transform(raw_columns)    # the graph that made the records

In a dataset of images the features are uint8 pixels, and the raw column is the bytes of the file.

A dataset is refused if its manifest is missing, if its transform graph is not the one that made
the records, or if a shard differs from the manifest.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from ...schemas.errors import DataError
from ...schemas.images import IMAGE, LABEL
from ...schemas.manifest import MANIFEST, Manifest
from ...schemas.request_names import RequestNames
from .._ops.renamed import renamed_arguments
from ..serving.export import export
from ..serving.graph import ServingGraph
from ..serving.outputs import OutputKind
from ..serving.raw_columns import raw_tensors
from ..serving.transform_graph import TransformGraph, unnamed
from .batches import image_batches, row_batches
from .estimators import FeatureColumns, estimator_example, feature_columns, receiver_fn
from .feature_names import choose_features
from .image_records import pixels_spec, record_spec, targets
from .keras_inputs import keras_inputs
from .keras_mapping import map_batches_by_name
from .open import TRANSFORM_FN, check_graph, find_split, open_graph, read_manifest, record_files
from .read import RecordFile, mixed_blocks, ordered_blocks, ordered_records, part_of
from .to_pandas import to_frame
from .vocab_sizes import feature_vocab_sizes

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["PreparedDataset", "load"]

_SHUFFLE_RECORDS = 10_000
_SHUFFLE_BYTES = 1 << 27
_FRAME_RECORDS = 1024


def load(directory: str | os.PathLike[str]) -> PreparedDataset:
    """Open a prepared dataset.

    Args:
      directory: The dataset's folder; a local path or any that `tf.io.gfile` reads, such as
        gs://.

    Returns:
      The dataset. Its records are not read yet.

    Raises:
      DataError: The manifest is missing, cannot be read or names files outside the folder, or
        the transform graph is missing or that of another run.
    """
    folder = os.fspath(directory).rstrip("/")
    manifest = read_manifest(f"{folder}/{MANIFEST}")
    check_graph(f"{folder}/{TRANSFORM_FN}", manifest.transform_fn.get("sha256"))
    return PreparedDataset(folder, manifest)


@dataclass(frozen=True)
class PreparedDataset:
    """Prepared dataset, as `load` returns it.

    Attributes:
      directory: Folder of the dataset, without a final slash.
      manifest: Content of its `manifest.json`.
    """

    directory: str
    manifest: Manifest

    @property
    def raw_spec(self) -> dict[str, Any]:
        """Raw columns of the transform graph, as a spec for `tf.io.parse_example`.

        A column that an example lacks is missing: "", NaN or `MISSING_INT64`, or no value at all
        in a ragged column, such as boxes.
        """
        return self._graph.raw_spec

    @property
    def feature_spec(self) -> dict[str, Any]:
        """Content of the records, label included, as a spec for `tf.io.parse_example`."""
        if self._images:
            return record_spec(self._images, self._graph.outputs)
        return self._graph.feature_spec

    @property
    def features(self) -> dict[str, tf.TypeSpec]:
        """Specs of the features of a batch of `dataset`, by name: tensors [None, …].

        The name of images is "image", also where `dataset` yields them without a dict.
        """
        target = self.label
        left_out = target if isinstance(target, Mapping) else {self.manifest.label: target}
        return {name: spec for name, spec in self._specs.items() if name not in left_out}

    @property
    def label(self) -> Any:
        """Spec of the label of a batch of `dataset`: a dict for boxes, None without a label."""
        if self._images:
            specs = {name: self._specs[name] for name in targets(self._images)}
            return specs if len(specs) > 1 else specs[LABEL]
        return None if self.manifest.label is None else self._specs[self.manifest.label]

    @property
    def vocab_sizes(self) -> dict[str, int]:
        """Number of ids of each feature of ids, by name: its ids are below that.

        Raises:
          DataError: The manifest, of an earlier version, lacks the number of an int64 feature.
        """
        return feature_vocab_sizes(self._graph_path, self.manifest, self.features)

    @property
    def buckets(self) -> dict[str, int]:
        """Deprecated alias of `vocab_sizes`."""
        message = "PreparedDataset.buckets is deprecated and goes in 0.3.0: use vocab_sizes"
        warnings.warn(message, DeprecationWarning, stacklevel=2)
        return self.vocab_sizes

    def records(self, split: str) -> tf.data.Dataset:
        """Read the serialized records of a split, to parse with `feature_spec`.

        Args:
          split: The split's name, such as "train".

        Returns:
          A `tf.data.Dataset` of string scalars, in the order of the shards. Its cardinality is
          known, and checked as in `dataset`.

        Raises:
          DataError: A shard is missing or has another size than in the manifest.
          RecipeError: There is no such split.
        """
        return ordered_records(self._files(split), self.manifest.compression)

    def dataset(
        self,
        split: str,
        batch_size: int,
        *,
        shuffle: bool = True,
        seed: int | None = None,
        epochs: int | None = 1,
        drop_remainder: bool = False,
        cache: bool | str = False,
        shard: tuple[int, int] = (0, 1),
        features: Sequence[str] | None = None,
    ) -> tf.data.Dataset:
        """Read the records of a split in batches.

        Args:
          split: The split's name, such as "train".
          batch_size: The number of records of a batch; the last of an epoch can be smaller.
          shuffle: Whether to shuffle the records, in another order in every epoch: shards are
            interleaved in random order, and blocks of 10,000 records, or of 128 MB if fewer, are
            permuted. Without it the order is that of the shards, the same each time.
          seed: The seed of the shuffled order, the same each time; None for a random one. (The
            order of the shards is that of a hash of the rows' content, so it is arbitrary too.)
          epochs: The number of passes over the split; None for endless repetition.
          drop_remainder: Whether to leave out a last smaller batch.
          cache: Whether to cache the serialized records in memory, or the path of a cache file;
            for remote or compressed shards.
          shard: (i, n): the part of worker i of n, from 0. The parts are disjoint, and together
            complete. Where there are at least n shards, a part is every n-th of them, so that
            nothing is read twice, but parts can differ in size; else every n-th record.
          features: The names of the features to read, in the order of the batch's dict; None for
            all. Pass the same names to `keras_inputs`.

        Returns:
          A `tf.data.Dataset` of (features, label): a dict of tensors [batch, …] and a tensor
          [batch, …]; of features alone where the dataset has no label. Its cardinality is known.
          A functional Keras model over some of the features receives these, by name.
          Reading a whole epoch fails with `tf.errors.FailedPreconditionError` where a shard
          has another number of records than in the manifest.

          For a dataset of images, (image, label): uint8 [batch, height, width, 3], ragged where
          sizes differ, and int64 [batch]. With boxes, the label is a dict of "boxes", ragged
          float32 [batch, None, 4] as (ymin, xmin, ymax, xmax) relative to the image, and
          "classes", ragged int64 [batch, None], counted from 1. Where the records have further
          features, or with `features`, a dict of features in the place of the image.

        Raises:
          DataError: A shard is missing or has another size than in the manifest.
          RecipeError: There is no such split, shard or feature.
        """
        files = part_of(self._files(split), shard)
        records = sum(file.selected for file in files)
        compression = self.manifest.compression
        if shuffle:
            block = self._block(split)
            blocks = mixed_blocks(files, compression, block=block, seed=seed, cache=cache)
        else:
            blocks = ordered_blocks(files, compression, cache=cache)
        options = tf.data.Options()
        options.deterministic = not shuffle or seed is not None
        batches = records // batch_size if drop_remainder else -(-records // batch_size)
        return (
            self._batches(blocks, batch_size, drop_remainder, features)
            .apply(tf.data.experimental.assert_cardinality(batches))
            .repeat(epochs)
            .prefetch(tf.data.AUTOTUNE)
            .with_options(options)
        )

    def keras_inputs(self, *, features: Sequence[str] | None = None) -> dict[str, Any]:
        """Return a `keras.Input` for each feature, by name.

        Args:
          features: The names of the features, in order; None for all.

        Raises:
          RecipeError: A feature is ragged, or unknown.
        """
        names = self._select(features)
        map_batches_by_name(names)
        return keras_inputs({name: self._specs[name] for name in names})

    def input_fn(self, split: str, batch_size: int, **options: Any) -> Callable[[], Any]:
        """Return an `input_fn` of a `tf.estimator`; the options are those of `dataset`."""
        self._files(split), self._graph  # now: an estimator calls in a graph of its own
        return lambda: self.dataset(split, batch_size, **options).map(estimator_example)

    def feature_columns(self) -> FeatureColumns:
        """Return the features as feature columns; fails as `vocab_sizes`."""
        return feature_columns(self.features, self.vocab_sizes)

    def serving_input_receiver_fn(self) -> Callable[[], Any]:
        """Return a `serving_input_receiver_fn` of a `tf.estimator`; see `receiver_fn`."""
        return receiver_fn(self.serving_graph)

    @renamed_arguments(gives="output_kind")
    def export(
        self,
        model: Any,
        path: str | os.PathLike[str],
        *,
        output_kind: OutputKind | None = None,
        features: Sequence[str] | None = None,
    ) -> None:
        """Write a model with the transform graph in front of it; see `export`."""
        export(self, model, path, output_kind=output_kind, features=features)

    @property
    def serving_graph(self) -> ServingGraph:
        """Transform graph in front of a served model: raw columns in, features out."""
        return ServingGraph(self._graph_path, tuple(self.features), self._bare)

    def to_pandas(self, split: str, *, n: int | None = None) -> pd.DataFrame:
        """Read the first records of a split into a pandas DataFrame, for a notebook.

        Args:
          split: The split's name, such as "train".
          n: The number of records; None for all, which must then fit in memory.

        Returns:
          A row for each record, in the order of the shards, and a column for each feature, by
          name, then the label; see `to_frame`. Pixels are arrays in the column "image".

        Raises:
          DataError: A shard is missing or has another size than in the manifest.
          RecipeError: There is no such split, or pandas is not installed.
        """
        records = find_split(self.directory, self.manifest, split).records if n is None else n
        batch = max(min(records, _FRAME_RECORDS), 1)
        elements = self.dataset(split, batch, shuffle=False).take(-(-records // batch))
        frame = to_frame(self._by_name(element) for element in elements)
        return frame.head(records)

    def _by_name(self, element: Any) -> dict[str, Any]:
        """Return the tensors of an element of `dataset` by name."""
        features, target = element if isinstance(element, tuple) else (element, {})
        named = (
            dict(sorted(features.items())) if isinstance(features, Mapping) else {IMAGE: features}
        )
        label = self.manifest.label or LABEL
        return named | (dict(target) if isinstance(target, Mapping) else {label: target})

    def transform(self, raw: Mapping[str, Any]) -> dict[str, Any]:
        """Transform raw columns by the graph that made the records.

        Args:
          raw: Values [rows, …] by column name, as a list, a numpy array or a tensor, also one of a
            `tf.function` or a `tf.data` map. None and NaN are missing values. An absent column is
            missing in every row; at least one must be present. For images that is "image": the
            bytes of JPEG, PNG, GIF or BMP files.

        Returns:
          The transformed features, tensors [rows, …], for images with the pixels as "image". The
          label, or the boxes and their classes, are among them if a raw column other than the
          image that they depend on is in `raw`.

        Raises:
          DataError: The graph has no such column, a value is not of its column's type, columns
            differ in their number of rows, or a graph over images gets no images.
        """
        if self._images and IMAGE not in raw:
            raise DataError(
                f'expected the raw column "{IMAGE}", the bytes of image files, got '
                f"{', '.join(sorted(raw)) or 'none'}"
            )
        features = self._graph(raw_tensors(raw, self._graph.inputs))
        present = set(RequestNames(self._graph.inputs).columns(raw).values())
        unknown = {name for name, sources in self._targets.items() if not sources & present}
        return {name: feature for name, feature in features.items() if name not in unknown}

    @property
    def _images(self) -> Mapping[str, Any]:
        return self.manifest.images

    @property
    def _graph_path(self) -> str:
        return f"{self.directory}/{TRANSFORM_FN}"

    @property
    def _bare(self) -> bool:
        """True where a model takes the pixels of images alone, without a dict."""
        return bool(self._images) and not self._images["further"]

    @cached_property
    def _graph(self) -> TransformGraph:
        return open_graph(self.directory, self.manifest)

    @cached_property
    def _specs(self) -> dict[str, Any]:
        """Specs of the tensors of an element of `dataset`, by name, for any batch size."""
        outputs = self._graph.outputs
        if self._images:
            names = [*targets(self._images), *self._images["further"]]
            outputs = {IMAGE: pixels_spec(self._images)} | {name: outputs[name] for name in names}
        return {name: unnamed(spec) for name, spec in sorted(outputs.items())}

    @cached_property
    def _targets(self) -> dict[str, frozenset[str]]:
        """Outputs that a model predicts, with the raw columns they depend on but the image."""
        label = () if self.manifest.label is None else (self.manifest.label,)
        names = targets(self._images) if self._images else label
        image = {IMAGE} if self._images else set()
        outputs = [name for name in names if name in self._graph.outputs]
        return {name: self._graph.sources(name) - image for name in outputs}

    def _files(self, split: str) -> list[RecordFile]:
        shards = find_split(self.directory, self.manifest, split)
        return record_files(self.directory, split, shards)

    def _block(self, split: str) -> int:
        """Return the number of records to shuffle at a time."""
        shards = self.manifest.splits[split].shards
        size = sum(shard.bytes for shard in shards)
        records = sum(shard.records for shard in shards)
        return max(min(_SHUFFLE_RECORDS, _SHUFFLE_BYTES * records // max(size, 1)), 1)

    def _batches(
        self, blocks: tf.data.Dataset, size: int, drop: bool, features: Sequence[str] | None
    ) -> tf.data.Dataset:
        """Return batches of parsed records; `drop` leaves out a last smaller one."""
        names = self._select(features)
        map_batches_by_name(names)
        if self._images:
            return image_batches(
                blocks.unbatch(),
                size,
                drop,
                images=self._images,
                outputs=self._graph.outputs,
                features=None if features is None else names,
            )
        spec, label = self.feature_spec, self.manifest.label
        return row_batches(blocks, size, drop, spec=spec, features=names, label=label)

    def _select(self, features: Sequence[str] | None) -> list[str]:
        return choose_features(features, self.features, label={*self._specs} - {*self.features})
