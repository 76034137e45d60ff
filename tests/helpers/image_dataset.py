"""Small prepared datasets of images, written by hand: a graph, shards, a manifest."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from recordmill.schemas.manifest import Manifest, Shard, Split, tree_sha256

CLASSES = ("cat", "dog")


@dataclass(frozen=True)
class Picture:
    """A record: its pixels, and a label (from 0) or boxes with classes (from 1)."""

    pixels: npt.NDArray[np.uint8]
    label: int = 0
    boxes: tuple[tuple[float, float, float, float], ...] = ()
    classes: tuple[int, ...] = ()
    filename: str = "train/picture.png"
    weight: float = 0.0


def noise(height: int, width: int, *, seed: int = 0) -> npt.NDArray[np.uint8]:
    """Pixels [height, width, 3]; the same for the same seed."""
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def png(pixels: npt.NDArray[np.uint8]) -> bytes:
    """The bytes of a PNG file."""
    data: bytes = tf.io.encode_png(pixels).numpy()
    return data


def write_dataset(
    folder: Path,
    pictures: Sequence[Picture],
    *,
    kind: str = "classification",
    storage: str = "png",
    size: tuple[int, int] | None = None,
    classes: tuple[str, ...] = CLASSES,
    further: tuple[str, ...] = (),
) -> Path:
    """A prepared dataset: the pictures as train, in two shards, and an empty eval.

    Args:
      folder: Where to write it.
      pictures: The records.
      kind: "classification" or "detection".
      storage: "png", "jpeg" or "raw".
      size: Height and width of all pictures, or None where they differ.
      classes: Their names.
      further: ("weight",) to store that too.
    """
    _save_graph(folder / "transform_fn", kind, size, classes)
    (folder / "train").mkdir()
    half = len(pictures) // 2
    shards = []
    for index, part in enumerate((pictures[:half], pictures[half:])):
        path = f"train/data-{index:05}-of-00002.tfrecord"
        with tf.io.TFRecordWriter(str(folder / path)) as writer:
            for picture in part:
                writer.write(record(picture, kind, storage, classes, further))
        shards.append(Shard(path, len(part), (folder / path).stat().st_size, ""))
    height, width = size or (None, None)
    manifest = Manifest(
        name="pets",
        created="2024-01-01T00:00:00Z",
        versions={},
        recipe={},
        seed=0,
        inputs=(),
        splits={"train": Split(len(pictures), tuple(shards)), "eval": Split(0, ())},
        ledger={},
        compression="",
        label="label" if kind == "classification" else None,
        transform_fn={"sha256": tree_sha256(_tree(folder / "transform_fn"))},
        parity={},
        images={
            "storage": storage,
            "height": height,
            "width": width,
            "classes": list(classes),
            "kind": kind,
            "further": list(further),
        },
    )
    (folder / "manifest.json").write_text(manifest.to_json())
    return folder


def change_images(folder: Path, **fields: Any) -> None:
    """Rewrites what the manifest says of the images."""
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["images"] |= fields
    path.write_text(json.dumps(manifest))


def record(
    picture: Picture,
    kind: str,
    storage: str,
    classes: Sequence[str] = CLASSES,
    further: Sequence[str] = (),
) -> bytes:
    """A serialized `tf.train.Example`, as the OD API's tools write it."""
    pixels = picture.pixels
    encoded = {
        "png": lambda: png(pixels),
        "jpeg": lambda: tf.io.encode_jpeg(pixels, quality=95).numpy(),
        "raw": pixels.tobytes,
    }[storage]()
    features = {
        "image/encoded": _texts([encoded]),
        "image/format": _texts([storage.encode()]),
        "image/height": _numbers([pixels.shape[0]]),
        "image/width": _numbers([pixels.shape[1]]),
        "image/filename": _texts([picture.filename.encode()]),
        "image/source_id": _texts([b"1"]),
    }
    if kind == "classification":
        features["image/class/label"] = _numbers([picture.label])
        features["image/class/text"] = _texts([classes[picture.label].encode()])
    else:
        for place, side in enumerate(("ymin", "xmin", "ymax", "xmax")):
            features[f"image/object/bbox/{side}"] = _floats([b[place] for b in picture.boxes])
        names = [classes[number - 1].encode() for number in picture.classes]
        features["image/object/class/label"] = _numbers(picture.classes)
        features["image/object/class/text"] = _texts(names)
    if further:
        features["weight"] = _floats([picture.weight])
    example = tf.train.Example(features=tf.train.Features(feature=features))
    serialized: bytes = example.SerializeToString()
    return serialized


def _texts(values: Sequence[bytes]) -> Any:
    return tf.train.Feature(bytes_list=tf.train.BytesList(value=values))


def _numbers(values: Sequence[int]) -> Any:
    return tf.train.Feature(int64_list=tf.train.Int64List(value=values))


def _floats(values: Sequence[float]) -> Any:
    return tf.train.Feature(float_list=tf.train.FloatList(value=values))


def _save_graph(
    folder: Path, kind: str, size: tuple[int, int] | None, classes: Sequence[str]
) -> None:
    """Decode PNG images of the size they have; boxes pass; a label becomes its place."""
    spec: dict[str, Any] = {
        "image": tf.TensorSpec([None], tf.string),
        "weight": tf.TensorSpec([None], tf.float32),
    }
    if kind == "classification":
        spec["label"] = tf.TensorSpec([None], tf.string)
    else:
        spec["boxes"] = tf.RaggedTensorSpec([None, None, 4], tf.float32, 1, tf.int64)
        spec["box_labels"] = tf.RaggedTensorSpec([None, None], tf.string, 1, tf.int64)

    @tf.function(input_signature=[spec], autograph=False)
    def transform_fn(inputs: dict[str, Any]) -> dict[str, Any]:
        outputs = {"image": _pixels(inputs["image"], size), "weight": inputs["weight"] * 2}
        if kind == "classification":
            return outputs | {"label": _places(inputs["label"], classes)}
        boxes, names = inputs["boxes"], inputs["box_labels"]
        # The boxes read the images, as those of a crop do.
        there = tf.cast(tf.strings.length(inputs["image"]) > 0, tf.float32)
        of_box = tf.gather(there, boxes.value_rowids())[:, tf.newaxis]
        return outputs | {
            "boxes": boxes.with_flat_values(boxes.flat_values * of_box),
            "classes": names.with_flat_values(_places(names.flat_values, classes) + 1),
        }

    module = tf.Module()
    module.transform_fn = transform_fn.get_concrete_function()
    tf.saved_model.save(module, str(folder))


def _places(names: tf.Tensor, classes: Sequence[str]) -> tf.Tensor:
    equal = tf.equal(names[:, tf.newaxis], list(classes))
    return tf.argmax(tf.cast(equal, tf.int64), axis=1, output_type=tf.int64)


def _pixels(encoded: tf.Tensor, size: tuple[int, int] | None) -> Any:
    def dense(one: tf.Tensor) -> tf.Tensor:
        return tf.ensure_shape(tf.io.decode_png(one, 3), [*(size or (None, None)), 3])

    def ragged(one: tf.Tensor) -> tf.RaggedTensor:
        return tf.RaggedTensor.from_tensor(dense(one))

    if size:
        return tf.map_fn(dense, encoded, fn_output_signature=tf.TensorSpec([*size, 3], tf.uint8))
    signature = tf.RaggedTensorSpec([None, None, 3], tf.uint8, 1)
    return tf.map_fn(ragged, encoded, fn_output_signature=signature)


def _tree(folder: Path) -> Iterator[tuple[str, bytes]]:
    for path in folder.rglob("*"):
        if path.is_file():
            yield str(path.relative_to(folder)), path.read_bytes()
