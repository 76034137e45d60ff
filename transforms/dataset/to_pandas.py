"""Conversion of batches of tensors to a pandas DataFrame; pandas is imported only here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from ...schemas.errors import RecipeError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["to_frame"]


def to_frame(batches: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    r"""Convert batches to one DataFrame.

    Args:
      batches: Tensors [batch, …] by name: dense, ragged or sparse; the same names in each.

    Returns:
      A column for each name, in their order; no column where there is no batch. Scalars have the
      tensor's dtype, and strings are `str`, with bytes that are no UTF-8 as `\xNN`; several values
      of a row, such as a vector or a picture, are a numpy array in each cell.

    Raises:
      RecipeError: pandas is not installed.
    """
    try:
        import pandas as pd
    except ImportError as error:
        raise RecipeError("a DataFrame needs pandas: pip install pandas") from error
    frames = [
        pd.DataFrame({name: _column(tensor) for name, tensor in batch.items()}) for batch in batches
    ]
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()


def _column(tensor: Any) -> Any:
    if isinstance(tensor, tf.SparseTensor):
        tensor = tf.RaggedTensor.from_sparse(tensor)
    if isinstance(tensor, tf.RaggedTensor):
        return [_text(np.asarray(_row(row))) for row in tensor]
    values = _text(tensor.numpy())
    return values if values.ndim == 1 else list(values)


def _row(row: Any) -> Any:
    return row.to_tensor() if isinstance(row, tf.RaggedTensor) else row


def _text(values: Any) -> Any:
    """Decode bytes to text; other values stay unchanged."""
    if values.dtype != object:
        return values
    texts = [value.decode("utf-8", "backslashreplace") for value in values.reshape(-1)]
    return np.array(texts, object).reshape(values.shape)
