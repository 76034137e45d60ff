"""What the fused analysis is compared on: a function for each group of analyzers, and rows."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import tensorflow as tf
import tensorflow_transform as tft
from tfx_bsl.tfxio.tensor_adapter import TensorAdapterConfig
from tfx_bsl.tfxio.tensor_to_arrow import TensorsToRecordBatchConverter

Inputs = dict[str, Any]

SPECS: dict[str, tf.TypeSpec] = {
    "x": tf.TensorSpec([None], tf.float32, name="x"),
    "gaps": tf.TensorSpec([None], tf.float32, name="gaps"),
    "n": tf.TensorSpec([None], tf.int64, name="n"),
    "label": tf.TensorSpec([None], tf.int64, name="label"),
    "weight": tf.TensorSpec([None], tf.float32, name="weight"),
    "word": tf.TensorSpec([None], tf.string, name="word"),
    "key": tf.TensorSpec([None], tf.string, name="key"),
    "vector": tf.TensorSpec([None, 3], tf.float32, name="vector"),
    "no_text": tf.TensorSpec([None], tf.string, name="no_text"),
    "no_float": tf.TensorSpec([None], tf.float32, name="no_float"),
    "no_int": tf.TensorSpec([None], tf.int64, name="no_int"),
    "sparse": tf.SparseTensorSpec([None, None], tf.string),
    "sparse_float": tf.SparseTensorSpec([None, None], tf.float32),
    "ragged": tf.RaggedTensorSpec(
        [None, None], tf.string, ragged_rank=1, row_splits_dtype=tf.int64
    ),
}
CONVERTER = TensorsToRecordBatchConverter(SPECS)
CONFIG = TensorAdapterConfig(CONVERTER.arrow_schema(), CONVERTER.tensor_representations())
WORDS = np.array([b"apple", b"Apple", b"b b", "\u00e9t\u00e9".encode(), b"", b"new\nline", b"z"])


def tensors(seed: int, rows: int) -> Inputs:
    random = np.random.default_rng(seed)
    x = random.normal(3.0, 2.0, rows).astype(np.float32)
    words = WORDS[random.zipf(1.6, rows) % len(WORDS)]
    many = np.array([f"word{i}".encode() for i in random.integers(0, 40, 3 * rows)])
    lengths = random.integers(0, 4, rows)
    ragged = tf.RaggedTensor.from_row_lengths(many[: lengths.sum()], lengths)
    floats = tf.RaggedTensor.from_row_lengths(
        random.normal(size=lengths.sum()).astype(np.float32), lengths
    )
    return {
        "x": tf.constant(x),
        "gaps": tf.constant(np.where(random.random(rows) < 0.3, np.nan, x), tf.float32),
        "n": tf.constant(random.integers(-4, 9, rows)),
        "label": tf.constant((words == b"apple") * random.integers(0, 3, rows)),
        "weight": tf.constant(random.random(rows), tf.float32),
        "word": tf.constant(words),
        "key": tf.constant(np.array([b"a", b"b", b"c,d"])[random.integers(0, 3, rows)]),
        "vector": tf.constant(random.normal(size=(rows, 3)), tf.float32),
        "no_text": tf.fill([rows], b""),
        "no_float": tf.fill([rows], np.float32("nan")),
        "no_int": tf.fill([rows], np.int64(-(2**63))),
        "sparse": ragged.to_sparse(),
        "sparse_float": floats.to_sparse(),
        "ragged": ragged,
    }


def batch(seed: int, rows: int) -> pa.RecordBatch:
    return CONVERTER.convert(tensors(seed, rows))


BUCKETS = [[batch(0, 120), batch(1, 50)], [batch(2, 7)], [], [batch(3, 90), batch(4, 33)]]


def _rows(value: tf.Tensor, inputs: Inputs) -> tf.Tensor:
    """A value that is the same for all rows, as an output."""
    value = tf.convert_to_tensor(value)
    if value.dtype not in (tf.string, tf.int64, tf.float32):
        value = tf.cast(value, tf.int64 if value.dtype.is_integer else tf.float32)
    once = tf.reshape(value, [1, -1])[:, :1]
    return tf.tile(once, [tf.shape(inputs["x"])[0], 1])


def _each(name: str, values: Sequence[tf.Tensor] | tf.Tensor, inputs: Inputs) -> Inputs:
    listed = values if isinstance(values, tuple | list) else [values]
    return {
        f"{name}_{i}_{part}": _rows(reduced, inputs)
        for i, value in enumerate(listed)
        for part, reduced in _parts(value)
    }


def _parts(value: tf.Tensor) -> Iterator[tuple[str, tf.Tensor]]:
    """What tells two results of unknown shape apart."""
    if value.dtype == tf.string:
        yield "joined", tf.strings.reduce_join(tf.reshape(value, [-1]), separator="|")
    else:
        numbers = tf.cast(tf.reshape(value, [-1]), tf.float32)
        yield (
            "ranked",
            tf.reduce_sum(numbers * tf.cast(tf.range(1, tf.size(value) + 1), tf.float32)),
        )
    yield "size", tf.size(value, tf.int64)


def reductions(inputs: Inputs) -> Inputs:
    x, n, vector, gaps = (inputs[name] for name in ("x", "n", "vector", "gaps"))
    outputs = {
        **_each("min", [tft.min(n), tft.min(vector, reduce_instance_dims=False)], inputs),
        **_each("max", [tft.max(x), tft.max(gaps)], inputs),
        **_each("sum", [tft.sum(n), tft.sum(vector, False)], inputs),
        **_each("size", tft.size(vector, reduce_instance_dims=False), inputs),
        **_each("mean", [tft.mean(x), tft.mean(n), tft.mean(gaps)], inputs),
        **_each("var", tft.var(vector, reduce_instance_dims=False), inputs),
        **_each("covariance", tft.covariance(vector, tf.float32), inputs),
        **_each("weighted", tft.quantiles(x, 4, 0.01, weights=inputs["weight"]), inputs),
        **_each("elementwise", tft.quantiles(vector, 4, 0.01, reduce_instance_dims=False), inputs),
        **_each("histogram", tft.histogram(x, boundaries=5), inputs),
        **_each("categories", tft.histogram(inputs["key"], categorical=True), inputs),
        **_each("tukey", [tft.tukey_location(x), tft.tukey_scale(x)], inputs),
        **_each("tukey_h", tft.tukey_h_params(x), inputs),
    }
    outputs["pca"] = tf.matmul(vector, tft.pca(vector, 2, tf.float32))
    return outputs


def scales(inputs: Inputs) -> Inputs:
    x, key, gaps = inputs["x"], inputs["key"], inputs["gaps"]
    column = tf.expand_dims(x, 1)
    bounds = tft.quantiles(x, 5, 0.01)
    tft.count_per_key(key, key_vocabulary_filename="counts")
    return {
        "z_score": tft.scale_to_z_score(x),
        "z_score_of_vector": tft.scale_to_z_score(inputs["vector"], elementwise=True),
        "z_score_with_gaps": tft.scale_to_z_score(gaps),
        "min_max": tft.scale_by_min_max(x, -1, 2),
        "zero_one": tft.scale_to_0_1(inputs["n"]),
        "gaussian": tft.scale_to_gaussian(x),
        "z_score_per_key": tft.scale_to_z_score_per_key(x, key),
        "min_max_per_key": tft.scale_by_min_max_per_key(x, key, -1, 2),
        "zero_one_per_key": tft.scale_to_0_1_per_key(x, key),
        "z_score_per_many_keys": tft.scale_to_z_score_per_key(x, key, key_vocabulary_filename="kz"),
        "min_max_per_many_keys": tft.scale_by_min_max_per_key(x, key, key_vocabulary_filename="km"),
        "buckets": tft.bucketize(x, 5),
        "weighted_buckets": tft.bucketize(x, 5, weights=inputs["weight"]),
        "buckets_per_key": tft.bucketize_per_key(x, key, 4),
        "weighted_buckets_per_key": tft.bucketize_per_key(x, key, 3, weights=inputs["weight"]),
        "interpolated": tft.apply_buckets_with_interpolation(x, bounds),
        "density": tft.estimated_probability_density(column, boundaries=8),
        **_each("count_per_key", tft.count_per_key(key), inputs),
    }


def vocabularies(inputs: Inputs) -> Inputs:
    word, n, weight = inputs["word"], inputs["n"], inputs["weight"]

    def write(name: str, values: tf.Tensor = word, **options: Any) -> None:
        tft.vocabulary(values, vocab_filename=name, **options)

    write("frequencies", store_frequency=True)
    write("top", top_k=3)
    write("top_frequencies", top_k=3, store_frequency=True)
    write("often", frequency_threshold=20, store_frequency=True)
    write("never", frequency_threshold=1_000_000, store_frequency=True)
    write("top_never", frequency_threshold=1_000_000, top_k=3, store_frequency=True)
    write("reserved", reserved_tokens=["first", "z"], store_frequency=True)
    write("reserved_never", reserved_tokens=["first"], top_k=2, frequency_threshold=1_000_000)
    write("reserved_none", reserved_tokens=[], frequency_threshold=1_000_000)
    write("shuffled", fingerprint_shuffle=True)
    write("records", file_format="tfrecord_gzip", store_frequency=True)
    write("weights", weights=weight, store_frequency=True)
    write("top_weights", weights=weight, top_k=3, frequency_threshold=10)
    write("covered", top_k=2, key_fn=_initial, coverage_top_k=1, store_frequency=True)
    write("covered_often", frequency_threshold=90, key_fn=_initial, coverage_frequency_threshold=9)
    write("covered_all", top_k=2, frequency_threshold=1_000_000, key_fn=_initial, coverage_top_k=1)
    write("not_text", tf.strings.join([word, tf.constant(b"\xff\xfe")]))
    write("small_integers", tf.cast(n, tf.int8), store_frequency=True)
    write("weighted_integers", n, weights=tf.cast(n * n, tf.int64), store_frequency=True)
    records = tft.compute_and_apply_vocabulary(word, file_format="tfrecord_gzip")
    return {
        "word": tft.compute_and_apply_vocabulary(word, vocab_filename="words", num_oov_buckets=2),
        "number": tft.compute_and_apply_vocabulary(n, top_k=4),
        "records": records,
        "buckets": _rows(tft.get_num_buckets_for_transformed_feature(records), inputs),
        "size": _rows(tft.experimental.get_vocabulary_size_by_name("words"), inputs),
    }


def _initial(token: bytes) -> bytes:
    return token[:1].lower()


def labelled_vocabularies(inputs: Inputs) -> Inputs:
    word, label, weight = inputs["word"], inputs["label"], inputs["weight"]

    def write(name: str, values: tf.Tensor = word, **options: Any) -> None:
        options = {"labels": label, "store_frequency": True, **options}
        tft.vocabulary(values, vocab_filename=name, **options)

    write("information")
    write("adjusted", use_adjusted_mutual_info=True)
    write("least", min_diff_from_avg=0)
    write("weighted", weights=weight, min_diff_from_avg=1)
    write("top", top_k=2)
    write("telling", frequency_threshold=5, store_frequency=False)
    write("integers", inputs["n"], min_diff_from_avg=0)
    write("several", labels=tf.sparse.from_dense(tf.stack([label, label * 2], 1)))
    write("of_vectors", tf.as_string(tf.round(inputs["vector"])), min_diff_from_avg=0)
    return {"x": inputs["x"]}


def phases(inputs: Inputs) -> Inputs:
    z = tft.scale_to_z_score(inputs["x"])
    known = tft.compute_and_apply_vocabulary(inputs["word"], num_oov_buckets=1)
    bucket = tft.bucketize(inputs["x"], 6)
    name = tf.strings.join([tf.as_string(bucket), inputs["key"]], "_")
    return {
        "bucket": tft.bucketize(z, 6),
        "crossed": tft.compute_and_apply_vocabulary(name, vocab_filename="crossed"),
        "again": tft.scale_to_z_score(tf.cast(known, tf.float32) + z),
        "per_key": tft.scale_to_z_score_per_key(z, inputs["key"]),
        "labelled": tft.compute_and_apply_vocabulary(
            inputs["word"], labels=bucket, vocab_filename="labelled", min_diff_from_avg=0
        ),
    }


def deep_phases(inputs: Inputs) -> Inputs:
    bucket = tft.bucketize(tft.scale_to_z_score(inputs["x"]), 6)
    name = tf.strings.join([tf.as_string(bucket), inputs["key"]], "_")
    known = tft.compute_and_apply_vocabulary(name, vocab_filename="known")
    return {"known": known, "deepest": tft.scale_to_0_1(known)}


def sparse_and_ragged(inputs: Inputs) -> Inputs:
    sparse, floats, ragged = inputs["sparse"], inputs["sparse_float"], inputs["ragged"]
    ids = tft.compute_and_apply_vocabulary(sparse, vocab_filename="sparse", num_oov_buckets=1)
    size = tft.experimental.get_vocabulary_size_by_name("sparse")
    buckets, weights = tft.tfidf(ids, size + 1)
    frequency = tft.experimental.document_frequency(ids, 50)
    tft.vocabulary(ragged, vocab_filename="ragged_labels", labels=inputs["label"])
    return {
        "tfidf_ids": buckets,
        "tfidf": weights,
        "idf": tft.experimental.idf(ids, 50),
        "frequency": frequency,
        "bag": tft.bag_of_words(sparse, (1, 2), " "),
        "z_score": tft.scale_to_z_score(floats),
        "min_max": tft.scale_by_min_max(floats),
        "buckets": tft.bucketize(floats, 3),
        "ragged": tft.compute_and_apply_vocabulary(ragged, top_k=9, vocab_filename="ragged"),
        **_each("sizes", [tft.size(floats), tft.mean(floats), tft.sum(floats)], inputs),
    }


def approximate(inputs: Inputs) -> Inputs:
    word, weight = inputs["word"], inputs["weight"]
    outputs = tft.experimental
    outputs.approximate_vocabulary(word, 9, vocab_filename="approximate", store_frequency=True)
    outputs.approximate_vocabulary(
        word, 9, vocab_filename="reserved", reserved_tokens=["first", "z"], store_frequency=True
    )
    outputs.approximate_vocabulary(word, 9, vocab_filename="weights", weights=weight)
    outputs.approximate_vocabulary(inputs["n"], 20, vocab_filename="integers")
    outputs.approximate_vocabulary(inputs["no_text"], 3, vocab_filename="nothing")
    return {"word": outputs.compute_and_apply_approximate_vocabulary(word, top_k=9)}


def one_of_each_kind(inputs: Inputs) -> Inputs:
    word, label = inputs["word"], inputs["label"]
    tft.vocabulary(word, vocab_filename="labelled", labels=label, store_frequency=True)
    tft.vocabulary(word, vocab_filename="top", top_k=2, reserved_tokens=["first"])
    tft.vocabulary(inputs["n"], vocab_filename="covered", key_fn=_initial, coverage_top_k=1)
    tft.experimental.approximate_vocabulary(word, 3, vocab_filename="approximate")
    tft.count_per_key(inputs["key"], key_vocabulary_filename="counts")
    return {
        "word": tft.compute_and_apply_vocabulary(word, vocab_filename="words", num_oov_buckets=1),
        "z_score": tft.scale_to_z_score(inputs["x"]),
        "buckets": tft.bucketize(inputs["x"], 4),
        **_each("count_per_key", tft.count_per_key(inputs["key"]), inputs),
        **_each("covariance", tft.covariance(inputs["vector"], tf.float32), inputs),
    }


def missing(inputs: Inputs) -> Inputs:
    text, floats, ints = inputs["no_text"], inputs["no_float"], inputs["no_int"]
    tft.vocabulary(text, vocab_filename="labelled", labels=inputs["label"], store_frequency=True)
    tft.vocabulary(text, vocab_filename="weighted", weights=inputs["weight"], store_frequency=True)
    return {
        "text": tft.compute_and_apply_vocabulary(text, vocab_filename="text", num_oov_buckets=1),
        "z_score": tft.scale_to_z_score(floats),
        "min_max": tft.scale_by_min_max(floats),
        "integers": tft.compute_and_apply_vocabulary(ints, vocab_filename="integers"),
        "per_key": tft.scale_to_z_score_per_key(floats, text),
        **_each(
            "mean", [tft.mean(floats), tft.sum(floats), tft.quantiles(floats, 3, 0.01)], inputs
        ),
    }


def annotated(inputs: Inputs) -> Inputs:
    """No analyzer at all, but things said of the outputs, and objects of its own."""
    offset = tft.make_and_track_object(lambda: tf.Variable([0.5], trainable=False), name="offset")
    sparse = tf.sparse.from_dense(inputs["vector"])
    tft.experimental.annotate_sparse_output_shape(sparse, tf.constant([3], tf.int64))
    tft.experimental.annotate_true_sparse_output(inputs["sparse_float"])
    ids = tft.apply_vocabulary(
        inputs["key"], tf.constant(write_asset("a\nb\n")), default_value=-1, num_oov_buckets=0
    )
    x = (inputs["x"] + offset) * _scale()
    return {"ids": ids, "x": x, "sparse": sparse, "floats": inputs["sparse_float"]}


@cache
def _scale() -> tf.Variable:
    with tf.init_scope():
        return tf.Variable(3.0, trainable=False)


@cache
def write_asset(text: str) -> str:
    path = os.path.join(os.environ["RECORDMILL_TEST_ASSETS"], "asset.txt")
    Path(path).write_text(text)
    return path
