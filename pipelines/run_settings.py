"""`RunSettings`: recipe, splits and inputs of a run, for the stages that check and finish it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .config.recipe import Recipe
from .resolve import ResolvedInputs

__all__ = ["RunSettings"]


@dataclass(frozen=True)
class RunSettings:
    """Settings of a run.

    Attributes:
      recipe: Settings of the dataset.
      splits: All splits, in the order people see.
      inputs: Inputs of the run.
      profiles: Folder with the profiles of the splits, as `write_cached_profiles` writes them; ""
        where the run makes them itself.
    """

    recipe: Recipe
    splits: Sequence[str]
    inputs: ResolvedInputs
    profiles: str = ""

    @property
    def by_content(self) -> bool:
        """Whether content decides the split, as no input names one."""
        return all(entry.split is None for entry in self.inputs.inputs)
