"""Single-shot detector (YOLO) in Keras 3, trained on tiles and served on whole pictures.

    recordmill run planes --output DIR
    python examples/planes_keras.py DIR MODEL [PICTURE ...]

In training the boxes of a tile are converted to a grid of targets, after augmentation. MODEL takes
the bytes of pictures of any size. In one graph, the transform graph decodes them, the same tiling
as in training cuts them, and the detections of the tiles are merged.
"""

import sys

import keras
import tensorflow as tf

from recordmill.transforms import load
from recordmill.transforms.augment import Augmentation, RandomBrightness, RandomFlip
from recordmill.transforms.tiles import Tiling, stitch
from recordmill.transforms.yolo import boxes_of_grid, yolo_grid

layers = keras.layers

GRID, SLOTS = 16, 2  # cells per side of the grid; boxes per cell
BATCH = 16
MAX_PLANES = 100  # in a picture
AUGMENT = Augmentation((RandomFlip(vertical=True), RandomBrightness(0.2)))


def with_grid(step, pair):
    """Return a randomly augmented tile, and its targets, float32 [16, 16, 2, 5]."""
    tile, target = pair
    tile, boxes, _ = AUGMENT(tile, target["boxes"], (1, step))
    return tile, yolo_grid(boxes, grid=GRID, boxes_per_cell=SLOTS)[0]


def batches(data):
    """Return endless batches of tiles and targets, augmented differently in every epoch."""
    tiles = data.dataset("train", BATCH, seed=1).unbatch().cache().shuffle(1000, seed=1).repeat()
    pairs = tiles.enumerate().map(with_grid, num_parallel_calls=tf.data.AUTOTUNE)
    return pairs.batch(BATCH).prefetch(1)


def detector(size):
    """Return a network from tiles to grids of `yolo_grid`; each cell has a wide receptive field."""
    tiles = keras.Input((size, size, 3), dtype="uint8")
    x = layers.Rescaling(1 / 127.5, offset=-1)(tiles)
    x = layers.AveragePooling2D(size // (4 * GRID))(x)
    for strides, dilation in ((2, 1), (2, 1), (1, 1), (1, 2), (1, 4)):
        x = layers.Conv2D(48, 3, strides, "same", dilation_rate=dilation, use_bias=False)(x)
        x = layers.ReLU()(layers.BatchNormalization(momentum=0.9)(x))
    x = layers.Reshape((GRID, GRID, SLOTS, 5))(layers.Conv2D(SLOTS * 5, 1)(x))
    centres = layers.Activation("tanh")(x[..., :2])
    others = layers.Activation("sigmoid")(x[..., 2:] - 3)  # most cells are empty, most boxes small
    return keras.Model(tiles, layers.Concatenate()([centres, others]))


def yolo_loss(target, output):
    """Return the loss: of the confidence in all cells, of the box only in cells with an object."""
    has_object = target[..., 4]
    confidence = keras.ops.binary_crossentropy(has_object, output[..., 4])
    centres = tf.reduce_sum((target[..., :2] - output[..., :2]) ** 2, axis=-1)
    # Square roots of the sides: a pixel of error has more weight in a small box.
    roots = tf.sqrt(target[..., 2:4] + 1e-6) - tf.sqrt(output[..., 2:4])
    boxes = has_object * (5 * centres + 100 * tf.reduce_sum(roots**2, axis=-1))
    return tf.reduce_sum(confidence + boxes, axis=[1, 2, 3])


def train(data, epochs=16):
    """Return the detector, trained on the split `train`."""
    keras.utils.set_random_seed(1)
    model = detector(data.manifest.images["height"])
    steps = -(-data.manifest.splits["train"].records // BATCH)
    rate = keras.optimizers.schedules.CosineDecay(4e-3, epochs * steps)
    model.compile(keras.optimizers.Adam(rate), yolo_loss)
    model.fit(batches(data), steps_per_epoch=steps, epochs=epochs, verbose=2)
    return model


class Scanner(tf.Module):
    """Model for `export`: takes whole pictures, cuts them into tiles and merges the detections."""

    def __init__(self, model, tiling, min_score=0.3):
        super().__init__()
        self.model, self.tiling, self.min_score = model, tiling, min_score

    def __call__(self, pictures, training=False):
        """Return boxes [pictures, 100, 4] and scores [pictures, 100], padded with zeros."""
        specs = tf.TensorSpec([MAX_PLANES, 4], tf.float32), tf.TensorSpec([MAX_PLANES], tf.float32)
        boxes, scores = tf.map_fn(self.scan, pictures, fn_output_signature=specs)
        return {"boxes": boxes, "scores": scores}

    def scan(self, picture):
        """Return the boxes [100, 4] and the scores [100] of one picture."""
        tiles, windows = self.tiling(picture.to_tensor())
        slots = GRID * GRID * SLOTS
        boxes, scores = tf.map_fn(
            lambda grid: boxes_of_grid(grid, threshold=0.0),
            self.model(tiles, training=False),
            fn_output_signature=(
                tf.TensorSpec([slots, 4], tf.float32),
                tf.TensorSpec([slots], tf.float32),
            ),
        )
        boxes, scores, _ = stitch(
            boxes,
            scores,
            windows,
            iou_threshold=0.3,
            score_threshold=self.min_score,
            max_boxes=MAX_PLANES,
        )
        padding = MAX_PLANES - tf.size(scores)
        return tf.pad(boxes, [[0, padding], [0, 0]]), tf.pad(scores, [[0, padding]])


def main(directory, path, *pictures):
    """Train, export, and detect planes in pictures."""
    data = load(directory)
    options = data.manifest.recipe["images"]["tiling"]
    tiling = Tiling(options["size"], options["stride"], tuple(options["scales"]))
    data.export(Scanner(train(data), tiling), path)
    detect = tf.saved_model.load(path).signatures["image_bytes"]
    for picture in pictures:
        detections = detect(image_bytes=tf.io.read_file(picture)[tf.newaxis])
        boxes, scores = detections["boxes"][0], detections["scores"][0]
        count = tf.math.count_nonzero(scores)
        print(f"{picture}: {count} planes")
        for box, score in zip(boxes[:count], scores[:count], strict=True):
            print(f"  {score:.2f} at {', '.join(f'{edge:.3f}' for edge in box)}")


if __name__ == "__main__":
    main(*sys.argv[1:])
