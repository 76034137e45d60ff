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
    """Error of a command line or a recipe that asks for something impossible.

    The message is `subject: field: problem`, without the parts that are empty.

    Attributes:
      problem: Message without its subject and field.
      subject: Object that refuses a value, such as "recipe census"; "" for none.
      field: Field of the object that has the value, such as "sampling"; "" for none.

    >>> print(RecipeError("expected (0, 1], got 3", subject="recipe census", field="sampling"))
    recipe census: sampling: expected (0, 1], got 3
    """

    exit_status = 2

    def __init__(self, problem: str, *, subject: str = "", field: str = "") -> None:
        # The only argument of the base class is the message: pickling passes it to __init__
        # again, and then restores the attributes.
        super().__init__(": ".join(filter(None, (subject, field, problem))))
        self.problem = problem
        self.subject = subject
        self.field = field
