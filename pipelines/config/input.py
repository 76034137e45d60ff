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
      split: Split of the rows, such as "train"; None if their content decides.
      pattern: Path or glob: `*` matches any characters but "/", `?` one character, `**` any
        characters. `{date}` matches a day, written 2026-11-21 or 20261121.
      last: Number of calendar days to read of those that `{date}` matches, up to the newest day
        that has files. None for all days.

    Raises:
      RecipeError: `split` is no valid name of a split, or `last` is less than 1.
    """

    split: str | None
    pattern: str
    last: int | None = None

    def __post_init__(self) -> None:
        if self.split is not None:
            check_split_name(self.split, key="split", subject=f"input {self.pattern}")
        if self.last is not None and self.last < 1:
            problem = f"expected at least 1, got {self.last}"
            raise RecipeError(problem, subject=f"input {self.pattern}", field="last")
