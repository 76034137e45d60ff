"""`Expect`: the expectations of a run about the statistics of its data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

from ...schemas.anomalies.compare import ColumnThreshold, DriftThresholds
from ...schemas.errors import RecipeError

_TRAIN = "train"

__all__ = ["Expect"]


_OnAnomalies = Literal["fail", "warn"]


@dataclass(frozen=True, kw_only=True)
class Expect:
    """Expectations that a run compares with its statistics before it publishes.

    Attributes:
      schema: A `schema.pbtxt`, or a prepared dataset; each split is compared with its "train".
      previous: A prepared dataset from which "train" must not drift, such as yesterday's output of
        the same run; "" for none. A missing one is ignored.
      skew_threshold: Largest good distance from the dataset `schema`.
      drift_threshold: Largest good distance from `previous`.
      missing_threshold: Largest good increase of a share of missing values.
      thresholds: Largest good distance of single columns, by name.
      min_rows: Fewest rows of "train"; None for any number.
      max_rows: Most rows of "train"; None for any number.
      on_anomalies: "fail" to publish nothing, "warn" to log the anomalies.

    Raises:
      RecipeError: A field is out of its range.
    """

    schema: str
    previous: str = ""
    skew_threshold: float = 0.1
    drift_threshold: float = 0.1
    missing_threshold: float = 0.05
    thresholds: Mapping[str, float] = field(default_factory=dict)
    min_rows: int | None = None
    max_rows: int | None = None
    on_anomalies: _OnAnomalies = "fail"

    def __post_init__(self) -> None:
        if self.on_anomalies not in get_args(_OnAnomalies):
            expected = " or ".join(f'"{choice}"' for choice in get_args(_OnAnomalies))
            problem = f'expected {expected}, got "{self.on_anomalies}"'
            raise RecipeError(problem, field="on_anomalies")
        self.limits(_TRAIN)

    def limits(self, split: str) -> DriftThresholds:
        """Return the thresholds of a split; `min_rows` and `max_rows` apply to "train" only."""
        return DriftThresholds(
            skew=self.skew_threshold,
            drift=self.drift_threshold,
            missing=self.missing_threshold,
            columns={
                name: ColumnThreshold(threshold) for name, threshold in self.thresholds.items()
            },
            min_rows=self.min_rows if split == _TRAIN else None,
            max_rows=self.max_rows if split == _TRAIN else None,
        )
