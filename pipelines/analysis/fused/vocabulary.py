"""Vocabularies: counted by token as rows pass, then ordered, pruned and written once.

While rows pass, a vocabulary is sums by token (`GatherVocabulary`). Afterwards it is a table with
a row a token and the columns

    token      large_binary
    metric     what it is ordered by: a count, a weight, or its mutual information with a label
    frequency  how often it occurs; only where the metric is mutual information
    text       the metric as it is written; only where that is not the plain number

which the functions here take through the operations of tft.vocabulary. What they compute is what
`tensorflow_transform.beam.analyzer_impls` does token by token.
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
class _Part:
    """The sums of a vocabulary: by token, and by token and label where there are labels."""

    tokens: Sums
    labels: Sums


@dataclass(frozen=True)
class GatherVocabulary:
    """Counts the tokens of a vocabulary.

    Attributes:
      keys: The keys of the tensors `VocabularyAccumulate` reads.
      ordering: One of TFT's `_VocabOrderingType`.
    """

    keys: tuple[str, ...]
    ordering: int

    def reduce(self, tensors: Sequence[Any]) -> Sequence[Any]:
        """The tensors with the tokens, where they are text, as one string and their lengths.

        Tokens that TFT leaves to Beam to count are counted.
        """
        tokens, *numbers = tensors
        if self.ordering == _Order.FREQUENCY:
            tokens, *numbers = _counted(tokens)
        if tokens.dtype == tf.string:
            return [tf.strings.reduce_join(tokens), tf.strings.length(tokens), *numbers]
        return [tokens, *numbers]

    def start(self) -> _Part:
        return _Part(Sums(("token",)), Sums(("token", "label")))

    def add(self, part: _Part, arrays: Sequence[Array]) -> _Part:
        tokens, numbers = _tokens(arrays)
        if self.ordering in _MUTUAL:
            *weights, positives, counts = numbers
            rows, labels = np.nonzero(positives)
            part.labels.add([_positives(tokens, rows, labels, positives[rows, labels])])
            columns = [counts, *weights]
        else:
            columns = numbers
        names = ["token", "metric", "weight"][: 1 + len(columns)]
        part.tokens.add([pa.table([tokens, *map(_summable, columns)], names)])
        return part

    def merge(self, parts: Sequence[_Part]) -> _Part:
        return _Part(
            Sums.merged([part.tokens for part in parts]),
            Sums.merged([part.labels for part in parts]),
        )

    def split(self, part: _Part) -> Mapping[int | None, _Part]:
        tokens = part.tokens.settle()
        part.labels.settle()
        if tokens is None or tokens.num_rows < PARTITION_FROM:
            return {None: part}
        pieces = zip(part.tokens.split(PARTITIONS), part.labels.split(PARTITIONS), strict=True)
        return {place: _Part(*piece) for place, piece in enumerate(pieces)}

    def join(self, pieces: Mapping[int | None, _Part]) -> _Part:
        return _Part(
            Sums.joined({place: piece.tokens for place, piece in pieces.items()}),
            Sums.joined({place: piece.labels for place, piece in pieces.items()}),
        )


def _counted(tokens: Any) -> tuple[Any, Any]:
    """Each token once, and how often it occurs; a filter of TFT sees each once as well."""
    every, pattern = _before_filter(tokens)
    once, _, counts = tf.unique_with_counts(every, out_idx=tf.int64)
    if pattern is None:
        return once, counts
    keep = tf.logical_not(tf.strings.regex_full_match(once, pattern))
    kept = tf.reshape(tf.where(keep), [-1])
    return tf.gather(once, kept), tf.gather(counts, kept)


def _before_filter(tokens: Any) -> tuple[Any, bytes | None]:
    """What `tf.boolean_mask(x, ~regex_full_match(x, pattern))` was made of: x and the pattern.

    Any other tensor is given back, without a pattern.
    """
    mask: Any = tokens.op.inputs[1].op if tokens.op.type == "GatherV2" else tokens.op
    for kind in ("Squeeze", "Where", "Reshape", "LogicalNot"):
        if mask.type != kind:
            return tokens, None
        mask = mask.inputs[0].op
    gathered = tokens.op.inputs[0].op
    x = gathered.inputs[0] if gathered.inputs else tokens
    flat = tokens.shape.rank == x.shape.rank == 1 and gathered.type == "Reshape"
    if flat and mask.type == "StaticRegexFullMatch" and mask.inputs[0] is x:
        return x, mask.get_attr("pattern")
    return tokens, None


def _tokens(arrays: Sequence[Array]) -> tuple[pa.Array, list[Array]]:
    """The tokens of a reduced batch, and the numbers that come after them."""
    joined, *rest = arrays
    if joined.dtype != object:
        return pa.array(joined), rest
    lengths, *numbers = rest
    ends = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=ends[1:])
    buffers = [None, pa.py_buffer(ends), pa.py_buffer(joined.item())]
    tokens = pa.Array.from_buffers(pa.large_binary(), len(lengths), buffers)
    return tokens.cast(pa.binary()), numbers


def _summable(numbers: Array) -> pa.Array:
    """Numbers as Python would sum them: floats in double precision, integers exactly."""
    return pa.array(numbers.astype(np.int64 if numbers.dtype.kind in "iu" else np.float64))


def _positives(tokens: pa.Array, rows: Array, labels: Array, weights: Array) -> pa.Table:
    names = ["token", "label", "positive"]
    return pa.table([tokens.take(pa.array(rows)), pa.array(labels), _summable(weights)], names)


def merge(operation: Any, part: _Part) -> pa.Table:
    """`VocabularyMerge`: the table of what was counted.

    Args:
      operation: TFT's operation.
      part: All that was counted.

    Raises:
      ValueError: A token occurs more often than there are rows, where labels are given.
    """
    table = part.tokens.settle()
    if table is None:
        return pa.table({"token": pa.array([], pa.large_binary()), "metric": pa.array([], "int64")})
    if operation.vocab_ordering_type in _MUTUAL:
        return _table_of_mutual_information(operation, table, part.labels.settle())
    return table.set_column(0, "token", _as_bytes(table.column("token")))


def _as_bytes(tokens: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_binary(tokens.type):
        return tokens.cast(pa.large_binary())
    return tokens.cast(pa.large_string()).cast(pa.large_binary())


def _table_of_mutual_information(
    operation: Any, tokens: pa.Table, labels: pa.Table | None
) -> pa.Table:
    weighted = operation.vocab_ordering_type == _Order.WEIGHTED_MUTUAL_INFORMATION
    accumulators = dict(_accumulators(tokens, labels, weighted=weighted))
    sentinels = (tf_utils.GLOBAL_Y_COUNT_SENTINEL_STRING, tf_utils.GLOBAL_Y_COUNT_SENTINEL_INT)
    everything = [accumulators.pop(token) for token in sentinels if token in accumulators]
    if not accumulators:
        return table_of_pairs([], [])
    (total,) = everything
    least = operation.min_diff_from_avg
    if least is None:
        least = analyzers.calculate_recommended_min_diff_from_avg(total.count * total.weight)
    rated = [
        analyzer_impls._calculate_mutual_information_for_feature_value(
            accumulator, total, operation.use_adjusted_mutual_info, least
        )
        for accumulator in accumulators.items()
    ]
    pairs = [(information, _bytes(token)) for token, (information, _, _) in rated]
    return table_of_pairs(pairs, [float(frequency) for _, (_, _, frequency) in rated])


def _bytes(token: bytes | int) -> bytes:
    return token if isinstance(token, bytes) else str(token).encode()


def _accumulators(
    tokens: pa.Table, labels: pa.Table | None, *, weighted: bool
) -> Iterator[tuple[bytes | int, Any]]:
    """TFT's accumulator of each token, as it is for a dataset of a single batch."""
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
        for _ in ("accumulate", "merge"):
            accumulator = combine.extract_output(
                combine.add_input(combine.create_accumulator(), accumulator)
            )
        yield token, accumulator


def _rows(table: pa.Table | None) -> Iterator[tuple[Any, ...]]:
    if table is not None:
        yield from zip(*(column.to_pylist() for column in table.columns), strict=True)


def table_of_pairs(pairs: Iterable[Sequence[Any]], frequencies: Sequence[float] = ()) -> pa.Table:
    """The table of tokens that were rated one by one.

    Args:
      pairs: The metric, a number or a text, and the token, as bytes.
      frequencies: How often each token occurs; none where the metric is that.
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
    """`VocabularyPrune`: the tokens over the thresholds, of them the top k, and those covered."""
    kept = _over(table, operation.frequency_threshold, operation.informativeness_threshold)
    if operation.top_k is not None:
        kept = _largest_first(kept).slice(0, operation.top_k)
        kept = kept if kept.num_rows else _dummy(operation.input_dtype)
    if not operation.key_fn:
        return kept
    covered = _covered(operation, table)
    once = pc.invert(pc.is_in(covered.column("token"), kept.column("token")))
    return _stacked(kept, covered.filter(once))


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
    """The tokens that stand for their key: over the thresholds, the top k of each key."""
    kept = _largest_first(
        _over(
            table,
            operation.coverage_frequency_threshold,
            operation.coverage_informativeness_threshold,
        )
    )
    if operation.coverage_top_k is None:
        return kept
    taken: Counter[Any] = Counter()
    rows = []
    for row, token in enumerate(kept.column("token").to_pylist()):
        key = operation.key_fn(token)
        if taken[key] < operation.coverage_top_k:
            taken[key] += 1
            rows.append(row)
    return kept.take(pa.array(rows, pa.int64()))


def _dummy(dtype: str) -> pa.Table:
    """The one token that TFT writes into a vocabulary that would be empty."""
    return table_of_pairs([analyzers.get_empy_vocabulary_dummy_value(dtype)])


def write(operation: Any, table: pa.Table, reserved: Sequence[bytes] | None, folder: str) -> str:
    """`VocabularyOrderAndWrite`: the vocabulary's file.

    Args:
      operation: TFT's operation.
      table: The tokens to write.
      reserved: The tokens that come first, whatever was counted; None where none are asked for.
      folder: Where the file goes.

    Returns:
      The path of the file; its name is the one the vocabulary was given.
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
        taken = pa.array(first, pa.large_binary())
        table = table.filter(pc.invert(pc.is_in(table.column("token"), taken)))
    if operation.fingerprint_shuffle:
        digests = [hashlib.sha1(token).digest() for token in table.column("token").to_pylist()]
        table = table.take(pa.array(sorted(range(len(digests)), key=digests.__getitem__), "int64"))
    else:
        table = _largest_first(table)
    if first:
        return _stacked(table_of_pairs([(-1, token) for token in first]), table)
    return table if table.num_rows else _dummy(operation.input_dtype)


def _stacked(above: pa.Table, below: pa.Table) -> pa.Table:
    """Both tables; what is written of a metric stays what it was where their types differ."""
    if above.schema != below.schema:
        above, below = _with_text(above), _with_text(below)
    return pa.concat_tables([above, below], promote_options="permissive")


def _with_text(table: pa.Table) -> pa.Table:
    if "text" in table.column_names:
        return table
    return table.append_column("text", pa.array(_texts(table.column("metric")), pa.string()))


def _texts(metrics: pa.ChunkedArray) -> list[str]:
    """Numbers as Python writes them."""
    return [f"{metric}" for metric in metrics.to_pylist()]


def _entries(table: pa.Table, *, with_metric: bool) -> Iterator[list[bytes]]:
    """The lines or records, some at a time."""
    for start in range(0, table.num_rows, _ROWS_WRITTEN_AT_ONCE):
        some = table.slice(start, _ROWS_WRITTEN_AT_ONCE)
        tokens = some.column("token").to_pylist()
        if with_metric:
            texts = _with_text(some).column("text").to_pylist()
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
