from __future__ import annotations

import pickle
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recordmill.schemas.column import Column
from recordmill.schemas.images import ImageSchema
from recordmill.schemas.statistics.image_fold import ImageProfile, ImageStatisticsFold

LABELS = ImageStatisticsFold(
    ImageSchema("classification", ("cat", "dog"), (Column("camera", "string"),))
)
BOXES = ImageStatisticsFold(ImageSchema("detection", ("cat", "dog")))

FACTS = [
    "image/format",
    "image/width",
    "image/height",
    "image/bytes",
    "image/brightness",
    "image/contrast",
    "image/mean_red",
    "image/mean_green",
    "image/mean_blue",
]

Box = tuple[float, float, float, float]
CAT, DOG = (0.25, 0.0, 0.75, 1.0), (0.0, 0.5, 0.25, 0.75)


def image(index: int = 0, *, label: str = "cat", boxes: Sequence[Box] = ()) -> dict[str, Any]:
    return {
        "filename": f"{index}.jpg",
        "sha256": f"{index:064}",
        "format": "PNG" if index % 3 == 2 else "JPEG",
        "width": 300 + 100 * index,
        "height": 400,
        "bytes": 1000 * index,
        "brightness": 10.0 * index,
        "contrast": 1.5,
        "mean_red": 1.0,
        "mean_green": 2.0,
        "mean_blue": 3.0,
        "label": label,
        "camera": None,
        "boxes": list(boxes),
        "box_labels": [label] * len(boxes),
    }


def batch_of(fold: ImageStatisticsFold, rows: Sequence[dict[str, Any]]) -> pa.RecordBatch:
    fields = [field for field in fold.schema.arrow_schema() if field.name != "image"]
    return pa.RecordBatch.from_pylist(list(rows), schema=pa.schema(fields))


def profile_of(fold: ImageStatisticsFold, rows: Sequence[dict[str, Any]]) -> ImageProfile:
    return fold.add(fold.start(), batch_of(fold, rows))


def features_of(fold: ImageStatisticsFold, profile: ImageProfile) -> dict[str, Any]:
    dataset = fold.to_proto({"train": profile}).datasets[0]
    return {feature.path.step[0]: feature for feature in dataset.features}


def test_the_features_of_labelled_images() -> None:
    features = features_of(LABELS, LABELS.start())
    assert list(features) == [*FACTS, "label", "camera", "image/aspect_ratio"]


def test_the_features_of_images_with_boxes() -> None:
    features = features_of(BOXES, BOXES.start())
    further = ["image/aspect_ratio", "image/boxes", "box/height", "box/width", "box/area"]
    assert list(features) == [*FACTS, *further, "box/class"]


def test_images() -> None:
    rows = [image(0), image(1, label="dog"), image(2, label="dog")]
    features = features_of(LABELS, profile_of(LABELS, rows))

    width, ratio = (features[f"image/{name}"].num_stats for name in ("width", "aspect_ratio"))
    assert (width.min, width.max, width.mean, width.median) == (300, 500, 400, 400)
    assert (ratio.min, ratio.max, ratio.mean) == (0.75, 1.25, 1.0)
    assert features["image/bytes"].num_stats.num_zeros == 1
    counts = {
        name: {top.value: top.frequency for top in features[name].string_stats.top_values}
        for name in ("image/format", "label")
    }
    assert counts == {"image/format": {"JPEG": 2, "PNG": 1}, "label": {"cat": 1, "dog": 2}}
    assert features["camera"].string_stats.common_stats.num_missing == 3
    assert {stat.name: stat.num for stat in features["image/brightness"].custom_stats}[
        "unique"
    ] == 3


def test_boxes() -> None:
    rows = [image(boxes=[CAT, DOG]), image(), image(label="dog", boxes=[DOG])]
    features = features_of(BOXES, profile_of(BOXES, rows))

    boxes = features["image/boxes"].num_stats
    assert (boxes.min, boxes.max, boxes.mean, boxes.num_zeros) == (0, 2, 1, 1)
    height, width, area = (
        features[f"box/{name}"].num_stats for name in ("height", "width", "area")
    )
    assert (height.min, height.max, height.median) == (0.25, 0.5, 0.25)
    assert (width.min, width.max, width.mean) == (0.25, 1.0, 0.5)
    assert (area.min, area.max) == (0.0625, 0.5)
    classes = features["box/class"].string_stats
    assert {top.value: top.frequency for top in classes.top_values} == {"cat": 2, "dog": 1}
    for common in (area.common_stats, classes.common_stats):
        assert (common.num_non_missing, common.num_missing, common.tot_num_values) == (2, 1, 3)
        assert (common.min_num_values, common.max_num_values) == (1, 2)
        assert common.avg_num_values == 1.5
        assert not common.HasField("num_values_histogram")


def test_images_without_any_box() -> None:
    rows = [image(), image() | {"boxes": None, "box_labels": None}]
    dataset = BOXES.to_proto({"train": profile_of(BOXES, rows)}).datasets[0]

    assert dataset.num_examples == 2
    for feature in dataset.features[-4:]:
        common = getattr(feature, feature.WhichOneof("stats")).common_stats
        assert (common.num_non_missing, common.num_missing, common.tot_num_values) == (0, 2, 0)
    assert dataset.features[-5].num_stats.common_stats.num_non_missing == 2


def test_a_slice_of_a_batch() -> None:
    rows = [image(index, boxes=[CAT] * index) for index in range(4)]
    part = batch_of(BOXES, rows).slice(1, 2)
    assert proto_bytes(BOXES, BOXES.add(BOXES.start(), part)) == proto_bytes(
        BOXES, profile_of(BOXES, rows[1:3])
    )


def test_boxes_in_lists_of_any_size_and_encoded_classes() -> None:
    rows = [image(boxes=[CAT, DOG]), image(boxes=[DOG])]
    batch = batch_of(BOXES, rows)
    names = batch.schema.names
    columns = dict(zip(names, batch.columns, strict=True)) | {
        "boxes": batch.column("boxes").cast(pa.list_(pa.list_(pa.float32()))),
        "box_labels": pa.array(
            batch.column("box_labels").to_pylist(),
            pa.list_(pa.dictionary(pa.int32(), pa.string())),
        ),
    }
    other = BOXES.add(BOXES.start(), pa.RecordBatch.from_pydict(columns))
    assert proto_bytes(BOXES, other) == proto_bytes(BOXES, profile_of(BOXES, rows))


def test_every_split_is_a_dataset() -> None:
    profiles = {"train": profile_of(BOXES, [image(), image()]), "eval": BOXES.start()}
    datasets = BOXES.to_proto(profiles).datasets
    assert [(dataset.name, dataset.num_examples) for dataset in datasets] == [
        ("train", 2),
        ("eval", 0),
    ]
    assert [profile.rows for profile in profiles.values()] == [2, 0]


@pytest.mark.parametrize(("fold", "name"), [(LABELS, "label"), (BOXES, "box/class")])
def test_values_that_training_lacks(fold: ImageStatisticsFold, name: str) -> None:
    training = profile_of(fold, [image(label="cat", boxes=[CAT])])
    held_out = profile_of(
        fold, [image(2, label="dog", boxes=[CAT]), image(label="cat", boxes=[DOG])]
    )
    unseen = fold.unseen(held_out, training)
    assert {name: unseen[name], "image/format": unseen["image/format"]} == {
        name: 1,
        "image/format": 1,
    }


SIDE = st.floats(0, 1, width=32)
IMAGE = st.builds(
    image,
    st.integers(0, 9),
    label=st.sampled_from(["cat", "dog"]),
    boxes=st.lists(st.tuples(SIDE, SIDE, SIDE, SIDE), max_size=3),
)


@settings(deadline=None, max_examples=40)
@given(st.lists(IMAGE, max_size=12), st.integers(0, 12), st.sampled_from([LABELS, BOXES]))
def test_any_batches_and_merges_give_the_same_bytes(
    rows: list[dict[str, Any]], cut: int, fold: ImageStatisticsFold
) -> None:
    parts = [profile_of(fold, rows[:cut]), pickle.loads(pickle.dumps(profile_of(fold, rows[cut:])))]
    before = [proto_bytes(fold, part) for part in parts]
    assert proto_bytes(fold, fold.merge(parts)) == proto_bytes(fold, profile_of(fold, rows))
    assert [proto_bytes(fold, part) for part in parts] == before


def test_many_boxes_take_little_memory() -> None:
    draw = np.random.default_rng(0)
    corners = draw.random((5_000, 20, 4), np.float32)
    profile = BOXES.start()
    for _ in range(4):
        rows = [image(boxes=boxes) for boxes in corners[:500].tolist()]
        profile = BOXES.add(profile, batch_of(BOXES, rows))
    assert profile.boxes.rows == 40_000
    assert len(pickle.dumps(profile)) < 3_000_000


def proto_bytes(fold: ImageStatisticsFold, profile: ImageProfile) -> bytes:
    written: bytes = fold.to_proto({"train": profile}).SerializeToString(deterministic=True)
    return written


def test_the_fold_pickles() -> None:
    assert pickle.loads(pickle.dumps(BOXES)) == BOXES
