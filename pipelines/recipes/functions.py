"""Functions of the user, by reference: `package.module:function` or `file.py:function`."""

from __future__ import annotations

import importlib
import importlib.util
import os
import traceback
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from ...schemas.errors import RecipeError
from ...schemas.suggestions import did_you_mean

__all__ = ["describe_error", "load_file", "load_function", "load_module"]


def load_function(reference: str, *, folder: str = "") -> Callable[..., Any]:
    """Import a function of the user.

    Args:
      reference: "package.module:function" or "path/file.py:function".
      folder: Base of a relative path.

    Raises:
      RecipeError: There is no such function, or its module fails; the message gives the line of
        the user's file, or the nearest name.
    """
    source, colon, name = reference.rpartition(":")
    if not colon or not source or not name:
        raise RecipeError(
            f'expected "package.module:function" or "file.py:function", got "{reference}"'
        )
    is_file = source.endswith(".py")
    module = load_file(os.path.join(folder, source)) if is_file else load_module(source)
    function = getattr(module, name, None)
    if function is None:
        raise RecipeError(f'{source} has no function "{name}"{_nearest(module, name)}')
    if not callable(function):
        raise RecipeError(
            f'{source}: "{name}" is no function, but a value of type {type(function).__name__}'
        )
    return function  # type: ignore[no-any-return]


def _nearest(module: ModuleType, name: str) -> str:
    names = [key for key, value in vars(module).items() if callable(value) and key[0] != "_"]
    return did_you_mean(name, names)


def load_module(name: str) -> ModuleType:
    """Import an installed module.

    Raises:
      RecipeError: It cannot be imported.
    """
    try:
        return importlib.import_module(name)
    except Exception as error:
        raise RecipeError(f"cannot import {name}: {describe_error(error)}") from error


def load_file(path: str) -> ModuleType:
    """Import the module in a file.

    It stays out of `sys.modules`, so its functions pickle by value and workers do not need the
    file.

    Raises:
      RecipeError: There is no such file, or its execution fails.
    """
    spec = importlib.util.spec_from_file_location(Path(path).stem, path)
    if not Path(path).is_file() or spec is None or spec.loader is None:
        raise RecipeError(f"no file {path}")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise RecipeError(f"cannot load {describe_error(error, path)}") from error
    return module


def describe_error(error: BaseException, path: str = "") -> str:
    """Describe an error in one line: innermost line of the user's file, type and message.

    Args:
      error: The error.
      path: The user's file; "" if it is unknown.
    """
    message = (str(error).strip().splitlines() or [""])[0]
    kind = type(error).__name__
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if path and frame.filename == os.path.abspath(path)]
    if isinstance(error, SyntaxError):
        return f"{error.filename}:{error.lineno}: {kind}: {error.msg}"
    prefix = f"{path}:{lines[-1]}: " if lines else f"{path}: " if path else ""
    return f"{prefix}{kind}: {message}" if message else f"{prefix}{kind}"
