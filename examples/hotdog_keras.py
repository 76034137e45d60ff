"""Classifier of photos, and scanner that detects hot dogs in large photos, in Keras.

    recordmill run hotdog --output DIR
    python examples/hotdog_keras.py DIR MODEL [PHOTO ...]

MODEL/classifier takes the bytes of photos: its transform graph crops and resizes them as for
training. MODEL/scanner takes the bytes of one photo and cuts it into tiles of several scales, in
its own graph. Both need only TensorFlow.
"""

import sys

import keras
import tensorflow as tf

from recordmill.transforms import images, load
from recordmill.transforms.tiles import Tiling, stitch

layers = keras.layers


def network(height, width):
    """Return a network from pixels to one logit, that of a hot dog."""
    steps = [layers.Rescaling(1 / 127.5, offset=-1), layers.AveragePooling2D(max(height // 64, 1))]
    for filters in (16, 32, 64):
        steps.append(layers.Conv2D(filters, 3, strides=2, padding="same", activation="relu"))
    steps += [layers.GlobalAveragePooling2D(), layers.Dense(1)]
    return keras.Sequential([keras.Input((height, width, 3), dtype="uint8"), *steps])


def train(data, epochs=20):
    """Return the network, trained on the split `train`."""
    keras.utils.set_random_seed(1)
    model = network(data.manifest.images["height"], data.manifest.images["width"])
    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    accuracy = keras.metrics.BinaryAccuracy(threshold=0.0)
    model.compile(keras.optimizers.Adam(3e-3), loss, metrics=[accuracy])
    model.fit(data.dataset("train", 16, seed=1), epochs=epochs, verbose=2)
    return model


class Scanner(tf.Module):
    """Network applied to tiles of the size of the training pictures, which overlap by half."""

    def __init__(self, model, scales=(0.5, 1.0)):
        super().__init__()
        self.model = model
        self.tiling = Tiling(model.input_shape[1], model.input_shape[1] // 2, scales)

    @tf.function(input_signature=[tf.TensorSpec([], tf.string, "image_bytes")])
    def scan(self, image_bytes):
        """Return boxes [n, 4], relative to the photo, and their scores [n]."""
        tiles, windows = self.tiling(images.decode(image_bytes))
        scores = tf.sigmoid(self.model(tiles, training=False))  # [tiles, 1]
        is_full = tf.reduce_max(windows, axis=1, keepdims=True) <= 1.0  # no black margin
        scores = tf.where(is_full, scores, 0.0)
        boxes = tf.tile([[[0.0, 0.0, 1.0, 1.0]]], [tf.shape(tiles)[0], 1, 1])  # the whole tile
        boxes, scores, _ = stitch(boxes, scores, windows, iou_threshold=0.2, score_threshold=0.5)
        return {"boxes": boxes, "scores": scores}


def main(directory, path, *photos):
    """Train, evaluate, export both models, and run them on photos."""
    data = load(directory)
    model = train(data)
    model.evaluate(data.dataset("eval", 32, shuffle=False), verbose=2)
    data.export(model, f"{path}/classifier")
    scanner = Scanner(model)
    tf.saved_model.save(scanner, f"{path}/scanner", signatures=scanner.scan)
    classify = tf.saved_model.load(f"{path}/classifier").signatures["image_bytes"]
    scan = tf.saved_model.load(f"{path}/scanner").signatures["serving_default"]
    for photo in photos:
        photo_bytes = tf.io.read_file(photo)
        label = classify(image_bytes=photo_bytes[tf.newaxis])
        detections = scan(image_bytes=photo_bytes)
        print(photo, label["classes"][0].numpy().decode(), label["probabilities"][0].numpy())
        for box, score in zip(detections["boxes"], detections["scores"], strict=True):
            print(f"  {score:.2f} at {', '.join(f'{edge:.3f}' for edge in box)}")


if __name__ == "__main__":
    main(*sys.argv[1:])
