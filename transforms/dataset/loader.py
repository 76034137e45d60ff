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
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from ...schemas.errors import DataError, RecipeError
from ...schemas.images import IMAGE, LABEL
from ...schemas.manifest import MANIFEST, Manifest, Split
from ...schemas.request_names import RequestNames
from ..serving.export import export
from ..serving.graph import ServingGraph
from ..serving.outputs import Gives
from ..serving.raw_columns import raw_tensors
from ..serving.transform_graph import TransformGraph, unnamed
from .batches import image_batches, row_batches
from .estimators import FeatureColumns, estimator_example, feature_columns, receiver_fn
from .feature_names import choose_features
from .image_records import pixels_spec, record_spec, targets
from .keras_inputs import keras_inputs
from .keras_mapping import map_batches_by_name
from .open import AGAIN, TRANSFORM_FN, check_graph, open_graph, read_manifest, record_files
from .read import RecordFile, mixed_blocks, ordered_blocks, ordered_records, part_of
from .to_pandas import to_frame
from .vocab_sizes import feature_buckets

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
      DataError: There is no manifest, it cannot be read or names files outside the folder, or
        the transform graph is gone or is that of another run.
    """
    folder = os.fspath(directory).rstrip("/")
    manifest = read_manifest(f"{folder}/{MANIFEST}")
    check_graph(f"{folder}/{TRANSFORM_FN}", manifest.transform_fn.get("sha256"))
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

    @property
    def features(self) -> dict[str, tf.TypeSpec]:
        """What `dataset` gives as features, by name: specs of tensors [None, …], of batches.

        Images stand under "image", also where `dataset` gives them without a dict.
        """
        target = self.label
        left_out = target if isinstance(target, Mapping) else {self.manifest.label: target}
        return {name: spec for name, spec in self._specs.items() if name not in left_out}

    @property
    def label(self) -> Any:
        """What `dataset` gives as label: a spec, a dict of them for boxes, or None."""
        if self._images:
            specs = {name: self._specs[name] for name in targets(self._images)}
            return specs if len(specs) > 1 else specs[LABEL]
        return None if self.manifest.label is None else self._specs[self.manifest.label]

    @property
    def buckets(self) -> dict[str, int]:
        """How many ids a feature of ids has, by name: its ids are below that.

        Raises:
          DataError: The manifest, of an earlier version, does not tell it of an int64 feature.
        """
        return feature_buckets(self._graph_path, self.manifest, self.features)

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
        """The records of a split, in batches.

        Args:
          split: The split's name, such as "train".
          batch_size: Records a batch; the last of an epoch can be smaller.
          shuffle: Whether to mix the records, anew in every epoch: shards are interleaved in
            random order, and blocks of 10,000 records, or of 128 MB of them where that is fewer,
            are permuted. Without it they come in the order of the shards, which is the same each
            time.
          seed: Makes the shuffled order the same each time. (The order of the shards is that of
            a hash of the rows' content, so it is arbitrary too.)
          epochs: How often to go through the split; None for endlessly.
          drop_remainder: Whether to leave out a last smaller batch.
          cache: Whether to keep the records, as they are stored, in memory; or the file to keep
            them in. For shards that are far away or compressed.
          shard: (i, n): the part of worker i of n, from 0; disjoint, and together everything.
            Where there are at least n shards, these are every n-th of them, so that nothing is
            read twice, but parts may differ in size; else every n-th record of all shards.
          features: The names of the features to read, in the order of the batch's dict; None for
            all. Give the same ones to `keras_inputs`.

        Returns:
          A `tf.data.Dataset` of (features, label): a dict of tensors [batch, …] and a tensor
          [batch, …]. Of features only where the dataset has no label. Its cardinality is known.
          A functional Keras model over some of the features gets these, by name.
          Reading a whole epoch fails with `tf.errors.FailedPreconditionError` where a shard
          holds another number of records than the manifest says.

          Of a dataset of images, (image, label): uint8 [batch, height, width, 3], ragged where
          sizes differ, and int64 [batch]. Instead of the label, where there are boxes, a dict of
          "boxes", ragged float32 [batch, None, 4] as (ymin, xmin, ymax, xmax) relative to the
          image, and "classes", ragged int64 [batch, None], counted from 1. Where the records hold
          further features, or `features` are named, a dict of these in the place of the image.

        Raises:
          DataError: A shard is missing or has another size than the manifest says.
          RecipeError: There is no such split, or no such part or feature of it.
        """
        files = part_of(self._files(split), shard)
        records = sum(file.taken for file in files)
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
        """Return a `keras.Input` by the name of each feature, or of those named, in that order.

        Raises:
          RecipeError: A feature is ragged, or is none of the dataset's.
        """
        names = self._chosen(features)
        map_batches_by_name(names)
        return keras_inputs({name: self._specs[name] for name in names})

    def input_fn(self, split: str, batch_size: int, **options: Any) -> Callable[[], Any]:
        """An `input_fn` of a `tf.estimator`; the options are those of `dataset`."""
        self._files(split), self._graph  # now: an estimator calls in a graph of its own
        return lambda: self.dataset(split, batch_size, **options).map(estimator_example)

    def feature_columns(self) -> FeatureColumns:
        """The features as feature columns, for a wide and for a deep model; fails as `buckets`."""
        return feature_columns(self.features, self.buckets)

    def serving_input_receiver_fn(self) -> Callable[[], Any]:
        """A `serving_input_receiver_fn` of a `tf.estimator`; see `receiver_fn`."""
        return receiver_fn(self.serving_graph)

    def export(
        self,
        model: Any,
        path: str | os.PathLike[str],
        *,
        gives: Gives | None = None,
        features: Sequence[str] | None = None,
    ) -> None:
        """Write a model with the transform graph in front of it; see `export`."""
        export(self, model, path, gives=gives, features=features)

    @property
    def serving_graph(self) -> ServingGraph:
        """The transform graph as a served model runs it: raw columns in, features out."""
        return ServingGraph(self._graph_path, tuple(self.features), self._bare)

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
        given = set(RequestNames(self._graph.inputs).columns(raw).values())
        unknown = {name for name, sources in self._targets.items() if not sources & given}
        return {name: feature for name, feature in features.items() if name not in unknown}

    @property
    def _images(self) -> Mapping[str, Any]:
        return self.manifest.images

    @property
    def _graph_path(self) -> str:
        return f"{self.directory}/{TRANSFORM_FN}"

    @property
    def _bare(self) -> bool:
        """Whether a model gets the pixels of images alone, without a dict."""
        return bool(self._images) and not self._images["further"]

    @cached_property
    def _graph(self) -> TransformGraph:
        graph = open_graph(self._graph_path, self.manifest)
        needed = [(name, "feature") for name in self._images.get("further", ())]
        if self.manifest.label is not None:
            needed.append((self.manifest.label, "label"))
        for name, role in needed:
            if name not in graph.outputs:
                raise DataError(
                    f'{self.directory}/{MANIFEST}: the {role} "{name}" is no output of the '
                    f"transform graph. {AGAIN}"
                )
        return graph

    @cached_property
    def _specs(self) -> dict[str, Any]:
        """What is in an element of `dataset`, by name, of batches of any size."""
        outputs = self._graph.outputs
        if self._images:
            names = [*targets(self._images), *self._images["further"]]
            outputs = {IMAGE: pixels_spec(self._images)} | {name: outputs[name] for name in names}
        return {name: unnamed(spec) for name, spec in sorted(outputs.items())}

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

    def _files(self, split: str) -> list[RecordFile]:
        return record_files(self.directory, split, self._split(split))

    def _block(self, split: str) -> int:
        """How many records to mix at a time."""
        shards = self._split(split).shards
        size = sum(shard.bytes for shard in shards)
        records = sum(shard.records for shard in shards)
        return max(min(_SHUFFLE_RECORDS, _SHUFFLE_BYTES * records // max(size, 1)), 1)

    def _batches(
        self, blocks: tf.data.Dataset, size: int, drop: bool, features: Sequence[str] | None
    ) -> tf.data.Dataset:
        """Batches of parsed records; `drop` leaves out a last smaller one."""
        names = self._chosen(features)
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

    def _chosen(self, features: Sequence[str] | None) -> list[str]:
        return choose_features(features, self.features, label={*self._specs} - {*self.features})
