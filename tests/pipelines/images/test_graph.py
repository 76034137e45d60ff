from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from helpers.image_graph import rows_of, write_graph
from helpers.small_images import CLASSES, classify, detect, encoded, picture

from recordmill.pipelines.images.graph import ImageGraph
from recordmill.pipelines.images.tensors import ImageTensorAdapter
from recordmill.schemas import DataError, ImageSchema, RecipeError

pytestmark = pytest.mark.slow

LABELLED = ImageSchema("classification", CLASSES)
BOXES = ImageSchema("detection", CLASSES)
FILES = [encoded(picture(seed, size), "PNG") for seed, size in ((1, (48, 36)), (2, (20, 10)))]


def outputs_of(folder: Path, function: Callable[..., Any], schema: ImageSchema, rows: Any) -> Any:
    graph = ImageGraph(write_graph(folder, function, schema), schema)
    return graph(rows, ImageTensorAdapter(schema)(rows))


def test_labelled_pictures(tmp_path: Path) -> None:
    rows = rows_of(LABELLED, [(FILES[0], {"label": "dog"}), (FILES[1], {"label": "cat"})])
    images, further = outputs_of(tmp_path, classify, LABELLED, rows)
    assert further == {}
    assert [image.origin.filename for image in images] == ["0.png", "1.png"]
    assert [image.origin.label for image in images] == [1, 0]
    for image, sha256 in zip(images, rows.column("sha256").to_pylist(), strict=True):
        assert image.picture.pixels.shape == (16, 16, 3)
        assert image.picture.boxes is None
        assert image.picture.key == (int(sha256[:16], 16), int(sha256[16:32], 16))


def test_pictures_with_boxes_keep_their_sizes(tmp_path: Path) -> None:
    box = (0.0, 12.0, 18.0, 48.0)
    rows = rows_of(
        BOXES, [(FILES[0], {"boxes": (box,), "classes": ("dog",)}), (FILES[1], {"boxes": ()})]
    )
    images, _ = outputs_of(tmp_path, detect, BOXES, rows)
    np.testing.assert_array_equal(images[0].picture.pixels, np.asarray(picture(1)))
    assert [image.picture.pixels.shape for image in images] == [(36, 48, 3), (10, 20, 3)]
    np.testing.assert_allclose(images[0].picture.boxes, [[0, 0.25, 0.5, 1]])
    assert images[1].picture.boxes.shape == (0, 4)
    assert [image.origin.classes.tolist() for image in images] == [[2], []]
    assert images[0].origin.label is None


def test_further_outputs_are_stored_features(tmp_path: Path) -> None:
    def function(inputs: dict[str, Any]) -> dict[str, Any]:
        return classify(inputs) | {"size": tf.strings.length(inputs["image"])}

    rows = rows_of(LABELLED, [(data, {"label": "cat"}) for data in FILES])
    _, further = outputs_of(tmp_path, _as_int64(function), LABELLED, rows)
    assert further["size"].tolist() == [len(data) for data in FILES]


def _as_int64(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda inputs: {
        name: tf.cast(one, tf.int64) if one.dtype == tf.int32 else one
        for name, one in function(inputs).items()
    }


def test_the_guard_of_cut_jpegs(tmp_path: Path) -> None:
    def by_itself(inputs: dict[str, Any]) -> dict[str, Any]:
        pixels = tf.map_fn(
            lambda one: tf.ensure_shape(tf.io.decode_png(one, 3), [None, None, 3])[:4, :4],
            inputs["image"],
            fn_output_signature=tf.TensorSpec([None, None, 3], tf.uint8),
        )
        return {"image": pixels, "label": tf.ones_like(inputs["label"], tf.int64)}

    ours = ImageGraph(write_graph(tmp_path / "ours", classify, LABELLED), LABELLED)
    theirs = ImageGraph(write_graph(tmp_path / "theirs", by_itself, LABELLED), LABELLED)
    assert (ours.refuses_cut_jpegs, theirs.refuses_cut_jpegs) == (True, False)


def test_another_number_of_images(tmp_path: Path) -> None:
    def first(inputs: dict[str, Any]) -> dict[str, Any]:
        return {name: one[:1] for name, one in classify(inputs).items()}

    rows = rows_of(LABELLED, [(data, {"label": "cat"}) for data in FILES])
    with pytest.raises(DataError) as error:
        outputs_of(tmp_path, first, LABELLED, rows)
    assert str(error.value) == (
        'feature "image": expected an image for each of 2 rows, got 1; the preprocessing_fn must '
        "keep the rows as they are"
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"image": tf.float32}, 'for classification gives "image" of uint8; this one has float32'),
        ({"label": tf.int32}, 'for classification gives "label" of int64; this one has int32'),
        ({"label": None}, 'for classification gives "label" of int64; this one has no such output'),
    ],
)
def test_outputs_that_records_need(
    change: dict[str, Any], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ((name, dtype),) = change.items()
    outputs = {"image": tf.TensorSpec([None], tf.uint8), "label": tf.TensorSpec([None], tf.int64)}
    outputs |= {name: tf.TensorSpec([None], dtype)} if dtype else {}
    if dtype is None:
        del outputs[name]
    folder = write_graph(tmp_path, classify, LABELLED)
    from recordmill.pipelines.tables.transform import TransformFunction

    monkeypatch.setattr(TransformFunction, "outputs", outputs)
    with pytest.raises(RecipeError) as error:
        ImageGraph(folder, LABELLED)
    assert str(error.value) == f"the preprocessing_fn of a dataset of images {message}"
