"""`Input`: the files that a run reads, by path or glob."""

from __future__ import annotations

from dataclasses import dataclass

from ...schemas.errors import RecipeError
from ...schemas.split_names import check_split_name

__all__ = ["Input"]


@dataclass(frozen=True)
class Input:
    """Files to read.

    Attributes:
      split: The split they are read for, such as "train"; None where content decides.
      pattern: A path, or a glob: `*` stands for any characters but "/", `?` for one character,
        `**` for any characters. `{date}` stands for a day, written 2026-11-21 or 20261121.
      last: Of the days that `{date}` stands for, the window to read: so many calendar days, the
        newest one found the last of them. None for all days.

    Raises:
      RecipeError: `split` is no name that a split may have, or `last` is less than 1.
    """

    split: str | None
    pattern: str
    last: int | None = None

    def __post_init__(self) -> None:
        if self.split is not None:
            check_split_name(self.split, key=f"input {self.pattern}: split")
        if self.last is not None and self.last < 1:
            raise RecipeError(f"input {self.pattern}: last: expected at least 1, got {self.last}")
