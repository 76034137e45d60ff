"""`ServedModel` calls an exported model by its signatures, as a server does; needs only tensorflow.

model = ServedModel("serving/1")
model("serving_default", {"age": np.array([25]), "workclass": np.array([" Private"], object)})
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from ...schemas.errors import DataError, RecipeError
from ...schemas.images import IMAGE
from ...schemas.request_names import served_name
from ...schemas.suggestions import did_you_mean

__all__ = ["DEFAULT", "EXAMPLES", "IMAGE_BYTES", "RECORDS", "TRANSFORM", "ServedModel"]

DEFAULT, EXAMPLES, IMAGE_BYTES = "serving_default", "examples", "image_bytes"
"""Signatures that predict, for raw columns, serialized tf.Examples and the bytes of images."""

TRANSFORM = "transform"
"""Signature from raw columns to the transformed features of the model."""

RECORDS = "records"
"""Signature that predicts for records of the dataset, fed to the model as in training."""

_INFO = "assets.extra/recordmill.json"


class ServedModel:
    """SavedModel that `export` wrote, or another one with signatures over raw columns.

    Args:
      path: The folder of the model.

    Attributes:
      path: Folder of the model, without a final slash.
      info: Content of `assets.extra/recordmill.json`; empty for a model without it.

    Raises:
      DataError: The folder is no SavedModel, or cannot be loaded.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = os.fspath(path).rstrip("/")
        if not tf.io.gfile.exists(f"{self.path}/saved_model.pb"):
            raise DataError(
                f"{self.path}: expected an exported model, a folder with a saved_model.pb; there "
                "is none"
            )
        try:
            self._module = tf.saved_model.load(self.path)
        except (tf.errors.OpError, OSError, ValueError, RuntimeError) as error:
            raise DataError(f"{self.path}: the model cannot be loaded: {error}") from error
        self.info = _read_info(f"{self.path}/{_INFO}")

    @property
    def signatures(self) -> tuple[str, ...]:
        """Names of the signatures."""
        return tuple(self._module.signatures)

    @property
    def label(self) -> str | None:
        """Raw column that the model predicts; None if unknown."""
        label = self.info.get("label")
        return label if isinstance(label, str) else None

    @property
    def unused(self) -> frozenset[str]:
        """Raw columns of its dataset that the model does not take; empty if unknown."""
        unused = self.info.get("unused", ())
        return frozenset(map(str, unused)) if isinstance(unused, list) else frozenset()

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the label's classes, in the order of their ids; empty without classes."""
        classes = self.info.get("classes", ())
        return tuple(map(str, classes)) if isinstance(classes, list | tuple) else ()

    @cached_property
    def images(self) -> frozenset[str]:
        """Columns of `serving_default` that are the bytes of image files."""
        of_images = bool(self.info.get("images")) or IMAGE_BYTES in self.signatures
        return frozenset({IMAGE} if of_images else ())

    def columns(self, signature: str) -> dict[str, tf.TensorSpec]:
        """Return the specs of a signature's inputs, by the names of raw columns if known.

        Args:
          signature: The name of the signature.

        Raises:
          RecipeError: There is no such signature.
        """
        inputs = self._function(signature).structured_input_signature[1]
        return {self._column_names.get(name, name): spec for name, spec in inputs.items()}

    def __call__(
        self, signature: str, columns: Mapping[str, npt.NDArray[Any]]
    ) -> dict[str, npt.NDArray[Any]]:
        """Call a signature.

        Args:
          signature: The name of the signature.
          columns: An array [rows, …] for each of `columns(signature)`.

        Returns:
          The outputs [rows, …], by name.

        Raises:
          DataError: The model fails on these rows; the message contains TensorFlow's reason.
          RecipeError: There is no such signature.
        """
        function = self._function(signature)
        specs = function.structured_input_signature[1]
        inputs = {
            name: tf.constant(columns[self._column_names.get(name, name)], spec.dtype)
            for name, spec in specs.items()
        }
        try:
            outputs = function(**inputs)
        except tf.errors.OpError as error:
            raise DataError(
                f"{self.path}: the signature {signature} failed: {_reason(error.message)}"
            ) from error
        return {name: np.asarray(value) for name, value in outputs.items()}

    def features(self, columns: Mapping[str, npt.NDArray[Any]]) -> dict[str, npt.NDArray[Any]]:
        """Transform raw columns into the features of the model, by the signature `transform`.

        Args:
          columns: An array [rows, …] for each of `columns("transform")`.

        Returns:
          The features [rows, …], by name.

        Raises:
          DataError: The graph fails on these rows.
          RecipeError: The model has no such signature.
        """
        return self(TRANSFORM, columns)

    def _function(self, signature: str) -> Any:
        if signature not in self.signatures:
            hint = did_you_mean(signature, self.signatures)
            raise RecipeError(
                f'{self.path}: the model has no signature "{signature}", but '
                f"{', '.join(self.signatures) or 'none'}{hint}"
            )
        return self._module.signatures[signature]

    @cached_property
    def _column_names(self) -> dict[str, str]:
        """Names of columns by the names of a signature's inputs, which have no hyphens."""
        columns = self.info.get("columns", ())
        names = [column.get("name") if isinstance(column, dict) else column for column in columns]
        return {served_name(name): name for name in names if isinstance(name, str)}


def _reason(message: str) -> str:
    r"""Return TensorFlow's reason for an error, without its position in the graph.

    >>> _reason("Graph execution error:\n\nDetected at node a\n<stack traces unavailable>\nbad")
    'bad'
    """
    noise = ("Graph execution error:", "Detected at node", "<stack traces")
    lines = (line.strip() for line in message.splitlines())
    return next((line for line in lines if line and not line.startswith(noise)), message)


def _read_info(path: str) -> dict[str, Any]:
    if not tf.io.gfile.exists(path):
        return {}
    try:
        with tf.io.gfile.GFile(path, "rb") as file:
            info = json.loads(file.read())
    except (tf.errors.OpError, ValueError) as error:
        raise DataError(f"{path}: cannot be read: {error}") from error
    if not isinstance(info, dict):
        raise DataError(f"{path}: expected a JSON object")
    return info
