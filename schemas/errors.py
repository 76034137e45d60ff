"""Exceptions that recordmill raises for bad data and bad recipes.

    RecordmillError
      DataError        the data, or a prepared dataset, is bad      exit status 1
      RecipeError      the command or the recipe is wrong           exit status 2

Each message carries everything a reader needs: Beam rebuilds exceptions on their way out of a
worker and drops attributes and notes.
"""

from __future__ import annotations

__all__ = ["DataError", "RecipeError", "RecordmillError"]


class RecordmillError(Exception):
    """Base class of every error that recordmill raises on purpose."""

    exit_status = 1


class DataError(RecordmillError):
    """Error of bad input data or of a bad prepared dataset."""


class RecipeError(RecordmillError):
    """Error of a command line or a recipe that asks for something impossible."""

    exit_status = 2
