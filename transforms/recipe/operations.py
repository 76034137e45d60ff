"""The operations that a recipe names: the public functions of this package, as they are.

What a recipe may say of an operation follows from its signature: parameters of tensors are what
it is applied to, the others are its arguments.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from types import MappingProxyType
from typing import Any, NamedTuple, get_args, get_origin, get_type_hints

import tensorflow as tf

from .. import categorical, dates, encodings, images, missing, multivalued, numeric, text

__all__ = ["OPS", "Arguments", "Tensors", "arguments", "as_is", "dtypes", "tensors"]

Op = Callable[..., Any]


def as_is(x: tf.Tensor | tf.RaggedTensor) -> tf.Tensor | tf.RaggedTensor:
    """The values as they are, once cleaned; a missing number stays NaN or `MISSING_INT64`.

    Args:
      x: Any tensor.

    Returns:
      The same tensor.
    """
    return tf.identity(x)


_NUMBERS = (tf.int64, tf.float32, tf.float64)
_TOKENS = (tf.string, tf.int64)
_TEXT = (tf.string,)
_IDS = (tf.int64,)
_ANY: tuple[tf.DType, ...] = ()

_TAKES: dict[Op, tuple[tuple[tf.DType, ...], ...]] = {
    as_is: (_ANY,),
    numeric.z_score: (_NUMBERS,),
    numeric.min_max: (_NUMBERS,),
    numeric.log: (_NUMBERS,),
    numeric.clip: (_NUMBERS,),
    numeric.impute: (_NUMBERS,),
    numeric.bucketize_by_quantiles: (_NUMBERS,),
    numeric.bucketize_by_boundaries: (_NUMBERS,),
    missing.fill_missing: ((*_TEXT, *_NUMBERS),),
    missing.missing_indicator: ((*_TEXT, *_NUMBERS),),
    categorical.vocabulary_ids: (_TOKENS,),
    categorical.hash_buckets: (_TOKENS,),
    categorical.cross: (_TOKENS,),
    categorical.one_hot: (_IDS,),
    categorical.label_ids: (_TEXT,),
    dates.date_part: (_TOKENS,),
    dates.cyclical_date: (_TOKENS,),
    dates.days_since: (_TOKENS,),
    text.lower: (_TEXT,),
    text.ngrams: (_TEXT,),
    text.bag_of_words: (_TEXT,),
    text.tf_idf: (_TEXT,),
    multivalued.split_values: (_TEXT,),
    multivalued.multi_hot: (_IDS,),
    multivalued.count_ids: (_IDS,),
    encodings.count_encode: (_TOKENS,),
    encodings.target_encode: (_TOKENS, _ANY),
    encodings.fill_by_group: (_NUMBERS, _TOKENS),
    images.decoded: (_TEXT,),
    images.resized: (_TEXT,),
    images.class_ids: (_TEXT,),
}
"""Each operation and the dtypes of each of its tensors; the last are those of all further ones.
TensorFlow itself finds many a wrong one only when the graph runs, far from the recipe."""

OPS: Mapping[str, Op] = MappingProxyType({op.__name__: op for op in _TAKES})
"""The operations, by name."""


def dtypes(op: Op, place: int) -> tuple[tf.DType, ...]:
    """The dtypes that an operation takes for one of its tensors, counted from 0; empty for any.

    >>> [dtype.name for dtype in dtypes(OPS["cross"], 2)]
    ['string', 'int64']
    """
    taken = _TAKES[op]
    return taken[min(place, len(taken) - 1)]


class Tensors(NamedTuple):
    """What an operation is applied to.

    Attributes:
      least: How many tensors at least.
      most: How many at most; None where it takes a sequence of them.
    """

    least: int
    most: int | None


@cache
def tensors(op: Op) -> Tensors:
    """What an operation is applied to.

    >>> tensors(OPS["z_score"]), tensors(OPS["cross"])
    (Tensors(least=1, most=1), Tensors(least=2, most=None))
    """
    hints = get_type_hints(op)
    taken = [p for p in inspect.signature(op).parameters.values() if _is_tensor(hints[p.name])]
    if any(_is_sequence(hints[one.name]) for one in taken):
        return Tensors(2, None)
    return Tensors(sum(one.default is one.empty for one in taken), len(taken))


class Arguments(NamedTuple):
    """What else an operation takes.

    Attributes:
      parameters: By name, in the order of the signature.
      hints: The type of each.
    """

    parameters: dict[str, inspect.Parameter]
    hints: dict[str, Any]

    @property
    def first(self) -> str | None:
        """The one that may be given without its name: the only required one, or the only one."""
        required = [name for name, one in self.parameters.items() if one.default is one.empty]
        names = required or list(self.parameters)
        return names[0] if len(names) == 1 else None


@cache
def arguments(op: Op) -> Arguments:
    """What else an operation takes.

    >>> list(arguments(OPS["min_max"]).parameters), arguments(OPS["hash_buckets"]).first
    (['output_min', 'output_max'], 'num_buckets')
    """
    hints = get_type_hints(op)
    parameters = {
        name: one
        for name, one in inspect.signature(op).parameters.items()
        if not _is_tensor(hints[name])
    }
    return Arguments(parameters, {name: hints[name] for name in parameters})


def _is_tensor(hint: Any) -> bool:
    """Whether tensors are what the type is made of."""
    kinds = (tf.Tensor, tf.RaggedTensor, tf.SparseTensor)
    return hint in kinds or any(map(_is_tensor, get_args(hint)))


def _is_sequence(hint: Any) -> bool:
    return get_origin(hint) is Sequence
