"""`TracedFn`: a `preprocessing_fn` traced once, before any data is read."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..config.recipe import PreprocessingFn
from ..runtime.elements import RawTensorAdapter
from .fused import analysis as fused

__all__ = ["TracedFn", "trace_fn"]


@dataclass(frozen=True)
class TracedFn:
    """A `preprocessing_fn` and its trace.

    Attributes:
      function: The function, in the sense of tensorflow_transform.
      adapter: Adapter that makes its tensors of batches.
      analysis: Analysis in one pass a phase; None where stock tensorflow_transform has to do it.
      not_fusable: Reason why stock tensorflow_transform has to; else None.
    """

    function: PreprocessingFn
    adapter: RawTensorAdapter
    analysis: fused.Analysis | None
    not_fusable: fused.NotFusable | None = field(default=None, repr=False)

    @property
    def constant(self) -> fused.Analysis | None:
        """The analysis, where the graph does not depend on data: no analyzer is called."""
        return self.analysis if self.analysis and not self.analysis.phases else None


def trace_fn(function: PreprocessingFn, adapter: RawTensorAdapter) -> TracedFn:
    """Trace a function on symbolic inputs.

    Raises:
      RecipeError: The function is a `CheckedFn`, and fails.
    """
    try:
        return TracedFn(function, adapter, fused.trace(function, adapter.type_specs()))
    except fused.NotFusable as reason:
        return TracedFn(function, adapter, None, reason)
