from __future__ import annotations

import inspect
import warnings

import pytest

from recordmill.transforms._ops.renamed import renamed_arguments


@renamed_arguments(one="left", other="right")
def difference(left: int, right: int = 0) -> int:
    return left - right


def test_former_names() -> None:
    message = "^one= of difference is deprecated and goes in 0.3.0: use left=$"
    with pytest.warns(DeprecationWarning, match=message) as caught:
        assert difference(one=5, right=2) == 3  # type: ignore[call-arg]
    assert caught[0].filename == __file__
    with pytest.warns(DeprecationWarning, match="other= of difference .* use right="):
        assert difference(5, other=2) == 3  # type: ignore[call-arg]


def test_new_names() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert difference(5, right=2) == difference(left=5, right=2) == 3
    assert list(inspect.signature(difference).parameters) == ["left", "right"]
