"""`Splitting`: the ratios and key columns by which content decides the split."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ...schemas.errors import RecipeError
from ...schemas.schema import Schema
from ...schemas.split_names import check_split_names

__all__ = ["Splitting"]


@dataclass(frozen=True)
class Splitting:
    """Split by content, for the rows whose input names no split.

    Attributes:
      ratios: Share of the rows for each split, by name, in order. Shares are above 0 and sum to 1.
      columns: Key columns: rows equal in them get the same split. Empty for the whole row.

    Raises:
      RecipeError: There is no split, `check_split_names` refuses a name, or the ratios do not sum
        to 1.
    """

    ratios: Mapping[str, float] = field(default_factory=lambda: {"train": 0.8, "eval": 0.2})
    columns: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not 1 <= len(self.ratios) <= 256:
            raise RecipeError(f"expected 1 to 256 splits, got {len(self.ratios)}")
        check_split_names(self.ratios, key="ratios", subject="Splitting")
        for name, ratio in self.ratios.items():
            if not 0 < ratio <= 1:
                raise RecipeError(f'split "{name}": expected a ratio above 0, up to 1, got {ratio}')
        total = sum(self.ratios.values())
        if abs(total - 1) > 1e-9:
            shares = " + ".join(f"{ratio:g}" for ratio in self.ratios.values())
            raise RecipeError(f"expected split ratios that sum to 1, got {shares} = {total:.12g}")

    def key_columns(self, schema: Schema) -> tuple[str, ...]:
        """Return the columns that decide the split; RecipeError if the schema lacks one."""
        return tuple(schema[name].name for name in self.columns) or schema.names
