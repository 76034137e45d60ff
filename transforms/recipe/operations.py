"""Operations that recipes can name: public functions of this package.

The arguments of an operation in a recipe follow from its signature: parameters of tensor types
are its operands, all others its arguments.
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
    """Return the values unchanged, once cleaned; a missing number stays NaN or `MISSING_INT64`.

    Args:
      x: Any tensor.

    Returns:
      A tensor equal to `x`.
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
"""Dtypes of the tensors of each operation; the last entry applies to all further tensors.
TensorFlow itself detects many a wrong dtype only when the graph runs, far from the recipe."""

OPS: Mapping[str, Op] = MappingProxyType({op.__name__: op for op in _TAKES})
"""Operations by name."""


def dtypes(op: Op, index: int) -> tuple[tf.DType, ...]:
    """Return the dtypes that an operation takes for one of its tensors; empty for any dtype.

    Args:
      op: An operation of `OPS`.
      index: The index of the tensor, from 0.

    >>> [dtype.name for dtype in dtypes(OPS["cross"], 2)]
    ['string', 'int64']
    """
    by_index = _TAKES[op]
    return by_index[min(index, len(by_index) - 1)]


class Tensors(NamedTuple):
    """Number of tensors that an operation takes.

    Attributes:
      least: Least number of tensors.
      most: Largest number of tensors; None for a sequence of any length.
    """

    least: int
    most: int | None


@cache
def tensors(op: Op) -> Tensors:
    """Return the number of tensors that an operation takes.

    >>> tensors(OPS["z_score"]), tensors(OPS["cross"])
    (Tensors(least=1, most=1), Tensors(least=2, most=None))
    """
    hints = get_type_hints(op)
    operands = [p for p in inspect.signature(op).parameters.values() if _is_tensor(hints[p.name])]
    if any(_is_sequence(hints[operand.name]) for operand in operands):
        return Tensors(2, None)
    required = sum(operand.default is operand.empty for operand in operands)
    return Tensors(required, len(operands))


class Arguments(NamedTuple):
    """Parameters of an operation besides its tensors.

    Attributes:
      parameters: Parameters by name, in the order of the signature.
      hints: Type of each parameter, by name.
    """

    parameters: dict[str, inspect.Parameter]
    hints: dict[str, Any]

    @property
    def first(self) -> str | None:
        """Parameter that a recipe can give without its name: the only required or the only one."""
        required = [
            name
            for name, parameter in self.parameters.items()
            if parameter.default is parameter.empty
        ]
        names = required or list(self.parameters)
        return names[0] if len(names) == 1 else None


@cache
def arguments(op: Op) -> Arguments:
    """Return the parameters of an operation besides its tensors.

    >>> list(arguments(OPS["min_max"]).parameters), arguments(OPS["hash_buckets"]).first
    (['output_min', 'output_max'], 'num_buckets')
    """
    hints = get_type_hints(op)
    parameters = {
        name: parameter
        for name, parameter in inspect.signature(op).parameters.items()
        if not _is_tensor(hints[name])
    }
    return Arguments(parameters, {name: hints[name] for name in parameters})


def _is_tensor(hint: Any) -> bool:
    """Return whether a type is a tensor type, or a union or sequence of one."""
    kinds = (tf.Tensor, tf.RaggedTensor, tf.SparseTensor)
    return hint in kinds or any(map(_is_tensor, get_args(hint)))


def _is_sequence(hint: Any) -> bool:
    return get_origin(hint) is Sequence
