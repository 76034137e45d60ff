"""`ServedModel`: an exported model as a server calls it, by its signatures; tensorflow alone.

model = ServedModel("serving/1")
model("serving_default", {"age": np.array([25]), "workclass": np.array([" Private"], object)})
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from difflib import get_close_matches
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from ...schemas.errors import DataError, RecipeError
from ...schemas.images import IMAGE
from ...schemas.request_names import served_name

__all__ = ["DEFAULT", "EXAMPLES", "IMAGE_BYTES", "RECORDS", "TRANSFORM", "ServedModel"]

DEFAULT, EXAMPLES, IMAGE_BYTES = "serving_default", "examples", "image_bytes"
"""The signatures that predict, of raw columns, serialized tf.Examples and the bytes of images."""

TRANSFORM = "transform"
"""The signature that gives what the model sees of raw columns: the transformed features."""

RECORDS = "records"
"""The signature that answers to records of the dataset, fed to the model as in training."""

_INFO = "assets.extra/recordmill.json"


class ServedModel:
    """A SavedModel that `export` wrote, or another one with signatures over raw columns.

    Args:
      path: Its folder.

    Attributes:
      path: Its folder, without a final slash.
      info: What `assets.extra/recordmill.json` says; empty of a model without it.

    Raises:
      DataError: It is no SavedModel, or cannot be loaded.
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
        """The names of its signatures."""
        return tuple(self._module.signatures)

    @property
    def label(self) -> str | None:
        """The raw column that it tells, where that is known."""
        label = self.info.get("label")
        return label if isinstance(label, str) else None

    @property
    def unused(self) -> frozenset[str]:
        """The raw columns of its dataset that it does not take, where they are known."""
        unused = self.info.get("unused", ())
        return frozenset(map(str, unused)) if isinstance(unused, list) else frozenset()

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the label's classes, in the order of their ids; empty without any."""
        classes = self.info.get("classes", ())
        return tuple(map(str, classes)) if isinstance(classes, list | tuple) else ()

    @cached_property
    def images(self) -> frozenset[str]:
        """The columns of `serving_default` that are the bytes of image files."""
        of_images = bool(self.info.get("images")) or IMAGE_BYTES in self.signatures
        return frozenset({IMAGE} if of_images else ())

    def columns(self, signature: str) -> dict[str, tf.TensorSpec]:
        """What a signature takes, by the names of the raw columns where they are known.

        Raises:
          RecipeError: There is no such signature.
        """
        inputs = self._function(signature).structured_input_signature[1]
        return {self._own_names.get(name, name): spec for name, spec in inputs.items()}

    def __call__(
        self, signature: str, columns: Mapping[str, npt.NDArray[Any]]
    ) -> dict[str, npt.NDArray[Any]]:
        """Call a signature.

        Args:
          signature: Its name.
          columns: An array [rows, …] for each of `columns(signature)`.

        Returns:
          Its outputs [rows, …].

        Raises:
          DataError: The model fails on these rows; the message has TensorFlow's reason.
          RecipeError: There is no such signature.
        """
        function = self._function(signature)
        specs = function.structured_input_signature[1]
        given = {
            name: tf.constant(columns[self._own_names.get(name, name)], spec.dtype)
            for name, spec in specs.items()
        }
        try:
            outputs = function(**given)
        except tf.errors.OpError as error:
            raise DataError(
                f"{self.path}: the signature {signature} failed: {_reason(error.message)}"
            ) from error
        return {name: np.asarray(value) for name, value in outputs.items()}

    def features(self, columns: Mapping[str, npt.NDArray[Any]]) -> dict[str, npt.NDArray[Any]]:
        """What the model sees of raw columns: the outputs of its signature `transform`.

        Raises:
          DataError: The graph fails on these rows.
          RecipeError: The model has no such signature.
        """
        return self(TRANSFORM, columns)

    def _function(self, signature: str) -> Any:
        if signature not in self.signatures:
            near = get_close_matches(signature, self.signatures, n=1)
            hint = f'; did you mean "{near[0]}"?' if near else ""
            raise RecipeError(
                f'{self.path}: the model has no signature "{signature}", but '
                f"{', '.join(self.signatures) or 'none'}{hint}"
            )
        return self._module.signatures[signature]

    @cached_property
    def _own_names(self) -> dict[str, str]:
        """The names of the columns by those of a signature's inputs, which have no hyphens."""
        columns = self.info.get("columns", ())
        names = [one.get("name") if isinstance(one, dict) else one for one in columns]
        return {served_name(name): name for name in names if isinstance(name, str)}


def _reason(message: str) -> str:
    """What TensorFlow says of an error, without what it says about where.

    >>> _reason("Graph execution error:\\n\\nDetected at node a\\n<stack traces unavailable>\\nbad")
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
