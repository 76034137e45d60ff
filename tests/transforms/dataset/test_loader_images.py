"""`load` of a dataset of images; what it shares with tables is tested in `test_loader`."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from helpers import image_dataset
from helpers.image_dataset import Picture, noise, png

from recordmill.schemas.errors import DataError
from recordmill.schemas.manifest import Split
from recordmill.transforms.dataset.loader import load


def pictures(*, sizes: bool = False) -> list[Picture]:
    """Seven pictures of 4 x 6, or of as many sizes, with 0, 1 or 2 boxes."""
    return [
        Picture(
            noise(4 + i * sizes, 6, seed=i),
            label=i % 2,
            boxes=((0.0, 0.0, 0.5, 0.25 + i / 16),) * (i % 3),
            classes=(1, 2)[: i % 3],
            weight=float(i),
        )
        for i in range(7)
    ]


@pytest.fixture(scope="module")
def labelled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return image_dataset.write_dataset(tmp_path_factory.mktemp("labelled"), pictures(), size=(4, 6))


@pytest.fixture(scope="module")
def boxed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures of several sizes, with boxes and a further feature."""
    folder = tmp_path_factory.mktemp("boxed")
    return image_dataset.write_dataset(
        folder, pictures(sizes=True), kind="detection", storage="raw", further=("weight",)
    )


class TestFeatures:
    def test_of_images_alone(self, labelled: Path) -> None:
        data = load(labelled)
        dataset = data.dataset("train", 3, shuffle=False, features=["image"])
        (named, label), (pixels, _) = (
            next(iter(batches)) for batches in (dataset, data.dataset("train", 3, shuffle=False))
        )
        assert (list(named), label.shape) == (["image"], (3,))
        np.testing.assert_array_equal(named["image"], pixels)

    def test_beside_images(self, boxed: Path) -> None:
        data = load(boxed)
        for names in (["weight"], ["weight", "image"], ["image"]):
            features, target = next(iter(data.dataset("train", 4, shuffle=False, features=names)))
            assert (list(features), sorted(target)) == (names, ["boxes", "classes"])
            if "image" in names:
                np.testing.assert_array_equal(features["image"][1].to_tensor(), noise(5, 6, seed=1))
            if "weight" in names:
                assert features["weight"].numpy().ravel().tolist() == [0, 1, 2, 3]


class TestImages:
    def test_of_one_size(self, labelled: Path) -> None:
        dataset = load(labelled).dataset("train", 3, shuffle=False)
        assert dataset.cardinality() == 3
        assert dataset.element_spec == (
            tf.TensorSpec([None, 4, 6, 3], tf.uint8),
            tf.TensorSpec([None], tf.int64),
        )
        batches = list(dataset)
        assert [len(label) for _, label in batches] == [3, 3, 1]
        assert [int(n) for _, label in batches for n in label] == [0, 1, 0, 1, 0, 1, 0]
        images = np.concatenate([image for image, _ in batches])
        np.testing.assert_array_equal(images, [picture.pixels for picture in pictures()])

    def test_of_several_sizes_with_boxes(self, boxed: Path) -> None:
        batches = list(load(boxed).dataset("train", 4, shuffle=False))
        assert [int(target["classes"].nrows()) for _, target in batches] == [4, 3]
        features, target = batches[0]
        assert set(features) == {"image", "weight"}
        assert features["weight"].numpy().tolist() == [0.0, 1.0, 2.0, 3.0]
        assert features["image"].shape.as_list() == [4, None, None, 3]
        for image, picture in zip(features["image"], pictures(sizes=True), strict=False):
            np.testing.assert_array_equal(image.to_tensor(), picture.pixels)
        assert target["boxes"].dtype == tf.float32
        assert target["boxes"].to_list() == [
            [],
            [[0.0, 0.0, 0.5, 0.3125]],
            [[0.0, 0.0, 0.5, 0.375]] * 2,
            [],
        ]
        assert target["classes"].to_list() == [[], [1], [1, 2], []]

    def test_shuffled(self, boxed: Path) -> None:
        data = load(boxed)

        def weights(**options: Any) -> list[float]:
            batches = data.dataset("train", 3, **options)
            return [float(w) for features, _ in batches for w in features["weight"]]

        assert sorted(weights()) == [0, 1, 2, 3, 4, 5, 6]
        assert weights(seed=3) == weights(seed=3) != weights(shuffle=False)
        assert weights(shuffle=False, epochs=2, drop_remainder=True) == [0, 1, 2, 3, 4, 5] * 2

    def test_an_empty_split(self, labelled: Path, boxed: Path) -> None:
        for folder in (labelled, boxed):
            assert list(load(folder).dataset("eval", 4)) == []

    def test_shuffles_fewer_where_records_are_large(self, labelled: Path) -> None:
        data = load(labelled)
        train = data.manifest.splits["train"]
        size = sum(shard.bytes for shard in train.shards)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("recordmill.transforms.dataset.loader._SHUFFLE_BYTES", size // 2)
            assert data._block("train") == 3
        assert data._block("train") == 10_000
        assert data._block("eval") == 1

    def test_missing_records_fail(self, labelled: Path, tmp_path: Path) -> None:
        folder = Path(shutil.copytree(labelled, tmp_path / "dataset"))
        manifest = load(folder).manifest
        more = replace(manifest, splits={"train": Split(8, manifest.splits["train"].shards)})
        (folder / "manifest.json").write_text(more.to_json())
        with pytest.raises(DataError, match=r'shards of 8 records in "train", got 7'):
            load(folder).dataset("train", 4)

    def test_records(self, labelled: Path) -> None:
        data = load(labelled)
        records = data.records("train")
        assert records.cardinality() == 7
        parsed = tf.io.parse_example(list(records), data.feature_spec)
        assert parsed["image/class/text"].numpy().tolist() == [b"cat", b"dog"] * 3 + [b"cat"]
        assert parsed["image/encoded"][0] == png(pictures()[0].pixels)

    def test_a_manifest_with_bad_images(self, labelled: Path, tmp_path: Path) -> None:
        folder = Path(shutil.copytree(labelled, tmp_path / "dataset"))
        image_dataset.change_images(folder, storage="webp")
        with pytest.raises(
            DataError, match=r"manifest\.json: expected valid storage of the images"
        ):
            load(folder)

    def test_a_feature_the_graph_does_not_give(self, labelled: Path, tmp_path: Path) -> None:
        folder = Path(shutil.copytree(labelled, tmp_path / "dataset"))
        image_dataset.change_images(folder, further=["height"])
        with pytest.raises(DataError) as error:
            load(folder).dataset("train", 4)
        assert str(error.value) == (
            f'{folder}/manifest.json: the feature "height" is no output of the transform graph. '
            "Prepare the dataset again."
        )


class TestTransformImages:
    def test_image_alone(self, labelled: Path, boxed: Path) -> None:
        encoded = [png(noise(4, 6)), png(noise(4, 6, seed=1))]
        outputs = load(labelled).transform({"image": encoded})
        assert set(outputs) == {"image", "weight"}
        assert outputs["image"].dtype == tf.uint8
        np.testing.assert_array_equal(outputs["image"][1], noise(4, 6, seed=1))
        outputs = load(boxed).transform({"image": tf.constant(encoded), "weight": [1, 2]})
        assert set(outputs) == {"image", "weight"}
        np.testing.assert_array_equal(outputs["image"][0].to_tensor(), noise(4, 6))
        assert outputs["weight"].numpy().tolist() == [2.0, 4.0]

    def test_with_label(self, labelled: Path) -> None:
        outputs = load(labelled).transform({"image": [png(noise(4, 6))], "label": ["dog"]})
        assert outputs["label"].numpy().tolist() == [1]

    def test_with_boxes(self, boxed: Path) -> None:
        raw = {
            "image": [png(noise(4, 6))] * 2,
            "boxes": [[], [[0.0, 0.0, 0.5, 0.5]]],
            "box_labels": [[], ["dog"]],
        }
        outputs = load(boxed).transform(raw)
        assert outputs["boxes"].to_list() == [[], [[0.0, 0.0, 0.5, 0.5]]]
        assert outputs["classes"].to_list() == [[], [2]]

    def test_in_a_map(self, boxed: Path) -> None:
        raw = tf.data.Dataset.from_tensor_slices({"image": [png(noise(3, 2))] * 3}).batch(2)
        batches = list(raw.map(load(boxed).transform))
        assert [batch["image"].shape[0] for batch in batches] == [2, 1]

    def test_without_images(self, labelled: Path) -> None:
        with pytest.raises(DataError) as error:
            load(labelled).transform({"label": ["dog"]})
        assert str(error.value) == (
            'expected the raw column "image", the bytes of image files, got label'
        )

    def test_raw_spec(self, boxed: Path) -> None:
        data = load(boxed)
        box = tf.train.FloatList(value=[0.0, 0.0, 0.5, 0.5, 0.0, 0.25, 1.0, 1.0])
        image = tf.train.BytesList(value=[png(noise(4, 6))])
        names = tf.train.BytesList(value=[b"cat", b"dog"])
        features = {"image": tf.train.Feature(bytes_list=image)}
        with_boxes = {
            **features,
            "boxes": tf.train.Feature(float_list=box),
            "box_labels": tf.train.Feature(bytes_list=names),
        }
        records = [
            tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString()
            for feature in (features, with_boxes)
        ]
        raw = tf.io.parse_example(tf.constant(records), data.raw_spec)
        outputs = data.transform(raw)
        assert outputs["boxes"].to_list() == [[], [[0.0, 0.0, 0.5, 0.5], [0.0, 0.25, 1.0, 1.0]]]
        assert outputs["classes"].to_list() == [[], [1, 2]]
        assert np.isnan(raw["weight"].numpy()).all()


@pytest.mark.slow
def test_needs_only_tensorflow(boxed: Path) -> None:
    script = f"""
import sys
for name in ("tensorflow_metadata", "apache_beam", "pyarrow", "PIL", "pydantic"):
    sys.modules[name] = None  # from here on, importing it is an ImportError
from recordmill.transforms import load
print(len(list(load({str(boxed)!r}).dataset("train", 2))))
"""
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert result.stdout == "4\n", result.stderr


def test_to_pandas_has_the_pixels(labelled: Path) -> None:
    frame = load(labelled).to_pandas("train", n=2)
    assert [row.shape for row in frame["image"]] == [(4, 6, 3)] * 2
    assert frame["label"].tolist() == [0, 1]
