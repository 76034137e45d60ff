"""Vocabularies: counted by token in the pass over the rows, then ordered, pruned and written.

During the pass, a vocabulary is a table of sums by token (`GatherVocabulary`). Afterwards it is a
table with one row for each token and the columns

    token      large_binary
    metric     sort key: a count, a weight, or the mutual information with a label
    frequency  number of occurrences; only where the metric is mutual information
    text       the metric as it is written; only where that is not the plain number

The results are those of `tensorflow_transform.beam.analyzer_impls`, which handles single tokens.
"""

from __future__ import annotations

import hashlib
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import tensorflow as tf
from tensorflow_transform import analyzers, tf_utils
from tensorflow_transform.beam import analyzer_impls

from ...runtime import filesystem as files
from ...tfrecord.framing import encode_frames
from .sums import PARTITION_FROM, PARTITIONS, Sums

__all__ = ["GatherVocabulary", "merge", "prune", "table_of_pairs", "write"]

_Order = analyzers._VocabOrderingType
_MUTUAL = (_Order.MUTUAL_INFORMATION, _Order.WEIGHTED_MUTUAL_INFORMATION)
_ROWS_WRITTEN_AT_ONCE = 1 << 16

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class _VocabularySums:
    """Sums of a vocabulary: by token, and by token and label where there are labels."""

    tokens: Sums
    labels: Sums


@dataclass(frozen=True)
class GatherVocabulary:
    """Counts the tokens of a vocabulary.

    Attributes:
      keys: Keys of the tensors that `VocabularyAccumulate` reads.
      ordering: A value of TFT's `_VocabOrderingType`.
    """

    keys: tuple[str, ...]
    ordering: int

    def reduce(self, tensors: Sequence[Any]) -> Sequence[Any]:
        """Count the tokens of a batch, if plain counts are needed, and join text into one string.

        NumPy makes a Python object of each token of a string tensor. One string and the lengths
        are two buffers instead, of which Arrow makes an array without parsing.
        """
        tokens, *numbers = tensors
        if self.ordering == _Order.FREQUENCY:
            tokens, *numbers = _counted(tokens)
        if tokens.dtype == tf.string:
            return [tf.strings.reduce_join(tokens), tf.strings.length(tokens), *numbers]
        return [tokens, *numbers]

    def start(self) -> _VocabularySums:
        """Return no sums."""
        return _VocabularySums(Sums(("token",)), Sums(("token", "label")))

    def add(self, accumulator: _VocabularySums, arrays: Sequence[Array]) -> _VocabularySums:
        """Add the tokens of a batch, and their labels where there are any."""
        tokens, numbers = _tokens(arrays)
        if self.ordering in _MUTUAL:
            *weights, positives, counts = numbers
            rows, labels = np.nonzero(positives)
            accumulator.labels.add([_positives(tokens, rows, labels, positives[rows, labels])])
            columns = [counts, *weights]
        else:
            columns = numbers
        names = ["token", "metric", "weight"][: 1 + len(columns)]
        accumulator.tokens.add([pa.table([tokens, *map(_summable, columns)], names)])
        return accumulator

    def merge(self, accumulators: Sequence[_VocabularySums]) -> _VocabularySums:
        """Merge sums, in their order."""
        return _VocabularySums(
            Sums.merged([sums.tokens for sums in accumulators]),
            Sums.merged([sums.labels for sums in accumulators]),
        )

    def split(self, accumulator: _VocabularySums) -> Mapping[int | None, _VocabularySums]:
        """Partition the tokens by their hash, if there are many."""
        tokens = accumulator.tokens.settle()
        accumulator.labels.settle()
        if tokens is None or tokens.num_rows < PARTITION_FROM:
            return {None: accumulator}
        by_token = accumulator.tokens.split(PARTITIONS)
        pairs = zip(by_token, accumulator.labels.split(PARTITIONS), strict=True)
        return {index: _VocabularySums(*pair) for index, pair in enumerate(pairs)}

    def join(self, partitions: Mapping[int | None, _VocabularySums]) -> _VocabularySums:
        """Concatenate partitions, each of which is merged."""
        return _VocabularySums(
            Sums.joined({index: sums.tokens for index, sums in partitions.items()}),
            Sums.joined({index: sums.labels for index, sums in partitions.items()}),
        )


def _counted(tokens: Any) -> tuple[Any, Any]:
    """Return the distinct tokens and the number of occurrences of each.

    A filter by a regular expression, which TFT runs on all tokens, runs here on distinct ones.
    """
    unfiltered, pattern = _before_filter(tokens)
    distinct, _, counts = tf.unique_with_counts(unfiltered, out_idx=tf.int64)
    if pattern is None:
        return distinct, counts
    mask = tf.logical_not(tf.strings.regex_full_match(distinct, pattern))
    indices = tf.reshape(tf.where(mask), [-1])
    return tf.gather(distinct, indices), tf.gather(counts, indices)


def _before_filter(tokens: Any) -> tuple[Any, bytes | None]:
    """Return x and the pattern of `tf.boolean_mask(x, ~regex_full_match(x, pattern))`.

    Any other tensor is returned as it is, without a pattern.
    """
    mask: Any = tokens.op.inputs[1].op if tokens.op.type == "GatherV2" else tokens.op
    for op_type in ("Squeeze", "Where", "Reshape", "LogicalNot"):
        if mask.type != op_type:
            return tokens, None
        mask = mask.inputs[0].op
    gathered = tokens.op.inputs[0].op
    x = gathered.inputs[0] if gathered.inputs else tokens
    flat = tokens.shape.rank == x.shape.rank == 1 and gathered.type == "Reshape"
    if flat and mask.type == "StaticRegexFullMatch" and mask.inputs[0] is x:
        return x, mask.get_attr("pattern")
    return tokens, None


def _tokens(arrays: Sequence[Array]) -> tuple[pa.Array, list[Array]]:
    """Return the tokens of a reduced batch, and the arrays of numbers after them."""
    joined, *numbers = arrays
    if joined.dtype != object:
        return pa.array(joined), numbers
    lengths, *numbers = numbers
    ends = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=ends[1:])
    buffers = [None, pa.py_buffer(ends), pa.py_buffer(joined.item())]
    tokens = pa.Array.from_buffers(pa.large_binary(), len(lengths), buffers)
    return tokens.cast(pa.binary()), numbers


def _summable(numbers: Array) -> pa.Array:
    """Widen numbers to the precision in which Python sums: float64, and int64 for integers."""
    return pa.array(numbers.astype(np.int64 if numbers.dtype.kind in "iu" else np.float64))


def _positives(tokens: pa.Array, rows: Array, labels: Array, weights: Array) -> pa.Table:
    names = ["token", "label", "positive"]
    return pa.table([tokens.take(pa.array(rows)), pa.array(labels), _summable(weights)], names)


def merge(operation: Any, sums: _VocabularySums) -> pa.Table:
    """Return the table of a vocabulary, as `VocabularyMerge` does.

    Args:
      operation: TFT's operation.
      sums: Sums of all rows.

    Raises:
      ValueError: A token occurs more often than there are rows, where there are labels.
    """
    table = sums.tokens.settle()
    if table is None:
        return pa.table({"token": pa.array([], pa.large_binary()), "metric": pa.array([], "int64")})
    if operation.vocab_ordering_type in _MUTUAL:
        return _table_of_mutual_information(operation, table, sums.labels.settle())
    return table.set_column(0, "token", _as_bytes(table.column("token")))


def _as_bytes(tokens: pa.ChunkedArray) -> pa.ChunkedArray:
    text = tokens if pa.types.is_binary(tokens.type) else tokens.cast(pa.large_string())
    return text.cast(pa.large_binary())


def _table_of_mutual_information(
    operation: Any, tokens: pa.Table, labels: pa.Table | None
) -> pa.Table:
    weighted = operation.vocab_ordering_type == _Order.WEIGHTED_MUTUAL_INFORMATION
    accumulators = dict(_accumulators(tokens, labels, weighted=weighted))
    # TFT counts all rows under a token of its own, the sentinel.
    sentinels = (tf_utils.GLOBAL_Y_COUNT_SENTINEL_STRING, tf_utils.GLOBAL_Y_COUNT_SENTINEL_INT)
    totals = [accumulators.pop(token) for token in sentinels if token in accumulators]
    if not accumulators:
        return table_of_pairs([], [])
    (total,) = totals
    least = operation.min_diff_from_avg
    if least is None:
        least = analyzers.calculate_recommended_min_diff_from_avg(total.count * total.weight)
    rated = [
        analyzer_impls._calculate_mutual_information_for_feature_value(
            accumulator, total, operation.use_adjusted_mutual_info, least
        )
        for accumulator in accumulators.items()
    ]
    pairs = [
        (information, token if isinstance(token, bytes) else str(token).encode())
        for token, (information, _, _) in rated
    ]
    return table_of_pairs(pairs, [float(frequency) for _, (_, _, frequency) in rated])


def _accumulators(
    tokens: pa.Table, labels: pa.Table | None, *, weighted: bool
) -> Iterator[tuple[bytes | int, Any]]:
    """Yield TFT's accumulator of each token, as it is for a dataset of a single batch."""
    combine = analyzer_impls._WeightedMeanCombineFn((None,), weighted)
    positives: dict[bytes | int, dict[int, float]] = {}
    size = 0
    for token, label, positive in _rows(labels):
        positives.setdefault(token, {})[label] = positive
        size = max(size, label + 1)
    for token, count, *weight in _rows(tokens):
        by_label = positives.get(token, {})
        accumulator = analyzer_impls._make_count_and_weights_means_accumulator(
            [by_label.get(label, 0.0) for label in range(size)],
            weight[0] if weighted else None,
            count,
        )
        for _ in ("accumulate", "merge"):  # twice, as TFT does
            accumulator = combine.extract_output(
                combine.add_input(combine.create_accumulator(), accumulator)
            )
        yield token, accumulator


def _rows(table: pa.Table | None) -> Iterator[tuple[Any, ...]]:
    if table is not None:
        yield from zip(*(column.to_pylist() for column in table.columns), strict=True)


def table_of_pairs(pairs: Iterable[Sequence[Any]], frequencies: Sequence[float] = ()) -> pa.Table:
    """Return the table of a vocabulary from (metric, token) pairs.

    Args:
      pairs: Metric, a number or a text, and token, as bytes, of each row.
      frequencies: Number of occurrences of each token; none where that is the metric.
    """
    listed = list(pairs)
    metrics = [metric for metric, _ in listed]
    texts = any(isinstance(metric, str) for metric in metrics)
    numbers = [] if texts else [float(metric) for metric in metrics]
    columns = {
        "token": pa.array([token for _, token in listed], pa.large_binary()),
        "metric": pa.array(metrics) if texts else pa.array(numbers, pa.float64()),
        "text": pa.array([f"{metric}" for metric in metrics], pa.string()),
    }
    if frequencies:
        columns["frequency"] = pa.array(frequencies, pa.float64())
    return pa.table(columns)


def prune(operation: Any, table: pa.Table) -> pa.Table:
    """Prune a vocabulary by thresholds, top k and coverage, as `VocabularyPrune` does."""
    pruned = _over(table, operation.frequency_threshold, operation.informativeness_threshold)
    if operation.top_k is not None:
        pruned = _largest_first(pruned).slice(0, operation.top_k)
        pruned = pruned if pruned.num_rows else _dummy(operation.input_dtype)
    if not operation.key_fn:
        return pruned
    covered = _covered(operation, table)
    is_new = pc.invert(pc.is_in(covered.column("token"), pruned.column("token")))
    return _stacked(pruned, covered.filter(is_new))


def _over(table: pa.Table, frequency: float, information: float) -> pa.Table:
    by_information = "frequency" in table.column_names
    if frequency > 0:
        count = table.column("frequency" if by_information else "metric")
        table = table.filter(pc.greater_equal(count, frequency))
    if by_information and information > float("-inf"):
        table = table.filter(pc.greater_equal(table.column("metric"), information))
    return table


def _largest_first(table: pa.Table) -> pa.Table:
    return table.sort_by([("metric", "descending"), ("token", "descending")])


def _covered(operation: Any, table: pa.Table) -> pa.Table:
    """Return the top k tokens of each key, over the coverage thresholds."""
    ordered = _largest_first(
        _over(
            table,
            operation.coverage_frequency_threshold,
            operation.coverage_informativeness_threshold,
        )
    )
    if operation.coverage_top_k is None:
        return ordered
    counts: Counter[Any] = Counter()
    rows = []
    for row, token in enumerate(ordered.column("token").to_pylist()):
        key = operation.key_fn(token)
        if counts[key] < operation.coverage_top_k:
            counts[key] += 1
            rows.append(row)
    return ordered.take(pa.array(rows, pa.int64()))


def _dummy(dtype: str) -> pa.Table:
    """Return the single token that TFT writes into a vocabulary that would be empty."""
    return table_of_pairs([analyzers.get_empy_vocabulary_dummy_value(dtype)])


def write(operation: Any, table: pa.Table, reserved: Sequence[bytes] | None, folder: str) -> str:
    """Order a vocabulary, write its file and return the path, as `VocabularyOrderAndWrite` does.

    Args:
      operation: TFT's operation, which has the name of the file.
      table: Tokens to write.
      reserved: Tokens that come first, whatever was counted; None where there are none.
      folder: Path of the folder of the file.
    """
    if reserved is not None or not operation.input_is_sorted:
        table = _ordered(operation, table, reserved)
    entries = _entries(table, with_metric=operation.store_frequency)
    path = files.join(folder, operation.vocab_filename)
    if operation.file_format == "text":
        _write_text(path, entries)
    else:
        path += ".tfrecord.gz"
        _write_records(path, entries)
    return path


def _ordered(operation: Any, table: pa.Table, reserved: Sequence[bytes] | None) -> pa.Table:
    first = [] if reserved is None else list(reserved)
    if first:
        reserved_tokens = pa.array(first, pa.large_binary())
        table = table.filter(pc.invert(pc.is_in(table.column("token"), reserved_tokens)))
    if operation.fingerprint_shuffle:
        digests = [hashlib.sha1(token).digest() for token in table.column("token").to_pylist()]
        table = table.take(pa.array(sorted(range(len(digests)), key=digests.__getitem__), "int64"))
    else:
        table = _largest_first(table)
    if first:
        return _stacked(table_of_pairs([(-1, token) for token in first]), table)
    return table if table.num_rows else _dummy(operation.input_dtype)


def _stacked(above: pa.Table, below: pa.Table) -> pa.Table:
    """Concatenate tables; if their types differ, each metric is written as in its own table."""
    if above.schema != below.schema:
        above, below = _with_text(above), _with_text(below)
    return pa.concat_tables([above, below], promote_options="permissive")


def _with_text(table: pa.Table) -> pa.Table:
    if "text" in table.column_names:
        return table
    texts = [f"{metric}" for metric in table.column("metric").to_pylist()]  # as in TFT's files
    return table.append_column("text", pa.array(texts, pa.string()))


def _entries(table: pa.Table, *, with_metric: bool) -> Iterator[list[bytes]]:
    """Yield the lines or records in batches."""
    for start in range(0, table.num_rows, _ROWS_WRITTEN_AT_ONCE):
        batch = table.slice(start, _ROWS_WRITTEN_AT_ONCE)
        tokens = batch.column("token").to_pylist()
        if with_metric:
            texts = _with_text(batch).column("text").to_pylist()
            yield list(map(analyzer_impls._count_and_token_to_bytes, texts, tokens))
        else:
            yield tokens


def _write_text(path: str, entries: Iterable[list[bytes]]) -> None:
    with files.create(path, durable=False) as file:
        for lines in entries:
            file.write(b"".join(line + b"\n" for line in lines))


def _write_records(path: str, entries: Iterable[list[bytes]]) -> None:
    packer = zlib.compressobj(wbits=zlib.MAX_WBITS | 16)
    with files.create(path, durable=False) as file:
        for records in entries:
            file.write(packer.compress(encode_frames(records)))
        file.write(packer.flush())
