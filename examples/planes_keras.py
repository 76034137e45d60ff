"""A detector that looks once (YOLO), trained on tiles and served on whole pictures, in Keras 3.

    recordmill run planes --output DIR
    python examples/planes_keras.py DIR MODEL [PICTURE ...]

In training the boxes of a tile become a grid of targets, after all that moves boxes. MODEL takes
the bytes of pictures of any size: the transform graph decodes them, the tiling that cut the
training tiles cuts them again, and what is found in the tiles is stitched together, all in one
served graph.
"""

import sys

import keras
import tensorflow as tf

from recordmill.transforms import load
from recordmill.transforms.augment import Augmentation, RandomBrightness, RandomFlip
from recordmill.transforms.tiles import Tiling, stitch
from recordmill.transforms.yolo import boxes_of_grid, yolo_grid

layers = keras.layers

GRID, SLOTS = 16, 2  # cells across and down; boxes a cell
BATCH = 16
MOST = 100  # planes a picture
AUGMENT = Augmentation((RandomFlip(vertical=True), RandomBrightness(0.2)))


def with_grid(step, pair):
    """A tile, changed at random, and its targets, float32 [16, 16, 2, 5]."""
    tile, target = pair
    tile, boxes, _ = AUGMENT(tile, target["boxes"], (1, step))
    return tile, yolo_grid(boxes, grid=GRID, boxes_per_cell=SLOTS)[0]


def batches(data):
    """Tiles and their targets, without end; other changes in every epoch."""
    tiles = data.dataset("train", BATCH, seed=1).unbatch().cache().shuffle(1000, seed=1).repeat()
    pairs = tiles.enumerate().map(with_grid, num_parallel_calls=tf.data.AUTOTUNE)
    return pairs.batch(BATCH).prefetch(1)


def detector(size):
    """From tiles to grids as `yolo_grid` writes them; a cell sees far around itself."""
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


def yolo_loss(target, found):
    """Every cell learns its confidence, and only cells with an object learn its box."""
    there = target[..., 4]
    confidence = keras.ops.binary_crossentropy(there, found[..., 4])
    centres = tf.reduce_sum((target[..., :2] - found[..., :2]) ** 2, axis=-1)
    roots = tf.sqrt(target[..., 2:4] + 1e-6) - tf.sqrt(found[..., 2:4])  # a pixel counts for more
    boxes = there * (5 * centres + 100 * tf.reduce_sum(roots**2, axis=-1))  # in a small box
    return tf.reduce_sum(confidence + boxes, axis=[1, 2, 3])


def train(data, epochs=16):
    """The detector, trained on the split `train`."""
    keras.utils.set_random_seed(1)
    model = detector(data.manifest.images["height"])
    steps = -(-data.manifest.splits["train"].records // BATCH)
    rate = keras.optimizers.schedules.CosineDecay(4e-3, epochs * steps)
    model.compile(keras.optimizers.Adam(rate), yolo_loss)
    model.fit(batches(data), steps_per_epoch=steps, epochs=epochs, verbose=2)
    return model


class Finder(tf.Module):
    """What stands behind the transform graph: whole pictures in, the planes in each out."""

    def __init__(self, model, tiling, least=0.3):
        super().__init__()
        self.model, self.tiling, self.least = model, tiling, least

    def __call__(self, pictures, training=False):
        """Boxes [pictures, 100, 4] and their scores [pictures, 100]; 0 after the last one."""
        specs = tf.TensorSpec([MOST, 4], tf.float32), tf.TensorSpec([MOST], tf.float32)
        boxes, scores = tf.map_fn(self.find, pictures, fn_output_signature=specs)
        return {"boxes": boxes, "scores": scores}

    def find(self, picture):
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
            boxes, scores, windows, iou_threshold=0.3, score_threshold=self.least, max_boxes=MOST
        )
        more = MOST - tf.size(scores)
        return tf.pad(boxes, [[0, more], [0, 0]]), tf.pad(scores, [[0, more]])


def main(directory, path, *pictures):
    """Trains, exports, and looks for planes in pictures."""
    data = load(directory)
    told = data.manifest.recipe["images"]["tiling"]
    tiling = Tiling(told["size"], told["stride"], tuple(told["scales"]))
    data.export(Finder(train(data), tiling), path)
    find = tf.saved_model.load(path).signatures["image_bytes"]
    for picture in pictures:
        found = find(image_bytes=tf.io.read_file(picture)[tf.newaxis])
        count = tf.math.count_nonzero(found["scores"])
        print(f"{picture}: {count} planes")
        for box, score in zip(found["boxes"][0, :count], found["scores"][0], strict=False):
            print(f"  {score:.2f} at {', '.join(f'{edge:.3f}' for edge in box)}")


if __name__ == "__main__":
    main(*sys.argv[1:])
