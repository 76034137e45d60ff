from __future__ import annotations

from typing import Any

import pytest

from recordmill.pipelines.images.annotations.box_format import BoxForm
from recordmill.pipelines.images.annotations.common import BadAnnotation, box_of, reject, size_of
from recordmill.pipelines.runtime.elements import Reject


def edges(*values: Any) -> dict[str, Any]:
    return dict(zip(("xmin", "ymin", "xmax", "ymax"), values, strict=True))


@pytest.mark.parametrize(
    ("values", "form", "box"),
    [
        (("1", " 2 ", "3.5", "4e0"), "xyxy", (2, 1, 4, 3.5)),
        ((10, 20, 5, 6), "xywh", (20, 10, 26, 15)),
        ((10, 20, 4, 6), "cxcywh", (17, 8, 23, 12)),
        ((-5, -5, 0, 0), "xyxy", (-5, -5, 0, 0)),
    ],
)
def test_a_box(values: tuple[Any, ...], form: BoxForm, box: tuple[float, ...]) -> None:
    assert box_of(edges(*values), form=form) == box


@pytest.mark.parametrize(
    ("values", "form", "column", "message"),
    [
        (("a", 1, 2, 3), "xyxy", "xmin", 'expected a number, got "a"'),
        ((1, None, 2, 3), "xyxy", "ymin", "expected a number, got nothing"),
        ((1, 2, True, 3), "xyxy", "xmax", "expected a number, got True"),
        ((1, 2, 3, "1_0"), "xyxy", "ymax", 'expected a number, got "1_0"'),
        ((1, 2, 3, "inf"), "xyxy", "ymax", 'expected a number, got "inf"'),
        ((1, 2, 3, 10**400), "xyxy", "ymax", f"expected a number, got {10**400}"),
        (
            (5, 2, 5, 3),
            "xyxy",
            None,
            "expected xmin < xmax and ymin < ymax, got xmin 5, ymin 2, xmax 5, ymax 3",
        ),
        (
            (5, 2, 0, 3),
            "xywh",
            None,
            "expected a width and a height above 0, got 5, 2, 0, 3 (xywh)",
        ),
        ((-1e308, 0, 1e308, 1), "xyxy", None, "expected xmin < xmax"),
    ],
)
def test_a_bad_box(
    values: tuple[Any, ...], form: BoxForm, column: str | None, message: str
) -> None:
    with pytest.raises(BadAnnotation) as error:
        box_of(edges(*values), form=form)
    assert (error.value.reason, error.value.column) == ("bad_box", column)
    assert error.value.message.startswith(message)


@pytest.mark.parametrize(
    ("width", "height", "size"),
    [("650", "417", (650, 417)), (3.0, 4, (3, 4)), (0, 4, None), (None, 4, None), ("", "", None)],
)
def test_the_size_of_an_image(width: Any, height: Any, size: tuple[int, int] | None) -> None:
    assert size_of(width, height) == size


@pytest.mark.parametrize("height", ["-1", "1.5", "x", [1]])
def test_a_size_in_no_pixels(height: Any) -> None:
    with pytest.raises(BadAnnotation, match="expected a number of pixels, got") as error:
        size_of("5", height)
    assert (error.value.reason, error.value.column) == ("bad_annotation", "height")


def test_rejects_cut_what_they_show() -> None:
    bad = BadAnnotation("expected a box", reason="bad_box", column="xmin")
    assert bad.reject("a.csv", 7, raw="x" * 20_000) == Reject(
        "a.csv", 7, "xmin", "bad_box", "expected a box", "x" * 10_000
    )
    assert reject("a.csv", 1, "gone", "not there", raw="r").column is None
