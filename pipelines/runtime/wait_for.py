"""`WaitFor`: a stage that holds elements back until checks have passed."""

from __future__ import annotations

from typing import Any

import apache_beam as beam
from apache_beam.pvalue import AsSingleton

__all__ = ["WaitFor"]


class WaitFor(beam.PTransform):  # type: ignore[misc]
    """Hands each element on, once every signal has its one element.

    A runner computes side inputs before the stage that takes them, so a signal whose stage raises
    ends the run before the stages after this one start.

    Args:
      signals: PCollections of one element each.
    """

    def __init__(self, *signals: beam.PCollection[Any]) -> None:
        super().__init__()
        self._signals = [AsSingleton(signal) for signal in signals]

    def expand(self, elements: beam.PCollection[Any]) -> beam.PCollection[Any]:
        """Add the stage."""
        return elements | beam.Map(_first, *self._signals)


def _first(element: Any, *signals: Any) -> Any:
    return element
