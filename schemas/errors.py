"""The errors a user can meet.

    RecordmillError
      DataError        the data, or a prepared dataset, is bad      exit status 1
      RecipeError      the command or the recipe is wrong           exit status 2

Everything a reader needs stands in the message: Beam rebuilds exceptions on their way out of a
worker and drops attributes and notes.
"""

from __future__ import annotations

__all__ = ["DataError", "RecipeError", "RecordmillError"]


class RecordmillError(Exception):
    """The base of every error that recordmill raises on purpose."""

    exit_status = 1


class DataError(RecordmillError):
    """The input data or a prepared dataset is not what it should be."""


class RecipeError(RecordmillError):
    """The command line or the recipe asks for something that cannot be done."""

    exit_status = 2
