"""`RunSpec`: recipe, splits and inputs of a run, for the stages that check and finalize it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .config.input import Input
from .config.recipe import Recipe
from .resolve import ResolvedInputs

__all__ = ["RunSpec"]


@dataclass(frozen=True)
class RunSpec:
    """Specification of a run.

    Attributes:
      recipe: Settings of the dataset.
      splits: All splits, in the order people see.
      resolved_inputs: Files of the run, and the inputs as the user named them.
      profiles: Folder with the profiles of the splits, as `write_cached_profiles` writes them; ""
        where the run computes them itself.
    """

    recipe: Recipe
    splits: Sequence[str]
    resolved_inputs: ResolvedInputs
    profiles: str = ""

    @property
    def inputs(self) -> tuple[Input, ...]:
        """Inputs to read, all of files."""
        return self.resolved_inputs.inputs

    @property
    def by_content(self) -> bool:
        """True if content decides the split, as no input names one."""
        return all(entry.split is None for entry in self.inputs)
