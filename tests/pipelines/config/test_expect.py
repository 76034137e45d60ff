from __future__ import annotations

from typing import Any

import pytest

from recordmill.pipelines.config.expect import Expect
from recordmill.schemas.anomalies.compare import ColumnThreshold, DriftThresholds
from recordmill.schemas.errors import RecipeError


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"on_anomalies": "ignore"}, 'on_anomalies: expected "fail" or "warn", got "ignore"'),
        ({"drift_threshold": 3}, r"threshold of drift: expected \[0, 1\], got 3"),
    ],
)
def test_expectations_that_cannot_be(options: dict[str, Any], message: str) -> None:
    with pytest.raises(RecipeError, match=f"^{message}$"):
        Expect(schema="s.pbtxt", **options)


def test_the_number_of_rows_is_a_limit_of_train_alone() -> None:
    expect = Expect(
        schema="s.pbtxt", skew_threshold=0.2, min_rows=5, max_rows=9, thresholds={"age": 0.3}
    )
    columns = {"age": ColumnThreshold(0.3)}
    assert expect.limits("eval") == DriftThresholds(
        skew=0.2, drift=0.1, missing=0.05, columns=columns
    )
    assert expect.limits("train") == DriftThresholds(
        skew=0.2, drift=0.1, missing=0.05, columns=columns, min_rows=5, max_rows=9
    )
