"""Epoch of the training records of a prepared dataset, in three ways with `tf.data`.

The first argument says which. All give batches of 512, made anew in each epoch.
"""

from __future__ import annotations

import tensorflow as tf

from recordmill.transforms.dataset.loader import PreparedDataset, load

from ..timings import time_epoch, write_timing
from .arguments import parse

__all__ = ["WAYS", "bare", "batched_features", "recordmill", "rows_of"]

_BATCH = 512
_SHUFFLED = 10_000
_THREADS = 2


def recordmill(data: PreparedDataset) -> tf.data.Dataset:
    """Return the dataset of recordmill's loader, shuffled in blocks of 10,000 records."""
    return data.dataset("train", _BATCH)


def batched_features(data: PreparedDataset) -> tf.data.Dataset:
    """Return the dataset of TensorFlow's helper, with similar shuffling and threads."""
    return tf.data.experimental.make_batched_features_dataset(
        _files(data),
        _BATCH,
        data.feature_spec,
        label_key=data.manifest.label,
        reader_args=[data.manifest.compression],
        num_epochs=1,
        shuffle=True,
        shuffle_buffer_size=_SHUFFLED,
        prefetch_buffer_size=tf.data.AUTOTUNE,
        reader_num_threads=_THREADS,
        parser_num_threads=_THREADS,
        sloppy_ordering=True,
    )


def bare(data: PreparedDataset) -> tf.data.Dataset:
    """Return the stored records in order, neither parsed nor shuffled."""
    return tf.data.TFRecordDataset(_files(data), data.manifest.compression).batch(_BATCH)


def _files(data: PreparedDataset) -> list[str]:
    return [f"{data.directory}/{shard.path}" for shard in data.manifest.splits["train"].shards]


def rows_of(batch: object) -> int:
    """Return the number of rows of a batch: (features, label), or serialized records."""
    return len(batch[1] if isinstance(batch, tuple) else batch)  # type: ignore[arg-type]


WAYS = {"recordmill": recordmill, "batched_features": batched_features, "bare": bare}

if __name__ == "__main__":
    way, folders, output = parse()
    batches = WAYS[way](load(folders["dataset"]))
    write_timing(time_epoch(batches, rows_of), output)
