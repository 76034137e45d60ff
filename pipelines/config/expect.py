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
    """What a run expects of its own data, held against its statistics before it publishes.

    Attributes:
      schema: A `schema.pbtxt`, or a prepared dataset, whose "train" each split is compared with.
      previous: A prepared dataset that "train" must not have drifted from, such as the run's own
        output of yesterday; "" for none. One that is not there yet is passed over.
      skew_threshold: The largest good distance from the dataset `schema`.
      drift_threshold: The largest good distance from `previous`.
      missing_threshold: The most by which a share of missing values may rise.
      thresholds: The largest good distance of single columns.
      min_rows: The fewest rows of "train"; None for any.
      max_rows: The most rows of "train"; None for any.
      on_anomalies: "fail": nothing is published; "warn": they are logged.

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
            expected = " or ".join(f'"{one}"' for one in get_args(_OnAnomalies))
            raise RecipeError(f'on_anomalies: expected {expected}, got "{self.on_anomalies}"')
        self.limits(_TRAIN)

    def limits(self, split: str) -> DriftThresholds:
        """The limits of a split; how many rows there must be is said of "train"."""
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
