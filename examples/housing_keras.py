"""A regression: what is a home worth? In Keras.

    recordmill run housing --output DIR
    python examples/housing_keras.py DIR MODEL

MODEL, which must not exist, is the exported model. It takes the columns as the file has them: the
transform graph in front of it scales them as it did for training.
"""

import sys

import numpy as np
import tensorflow as tf

from recordmill.transforms import load

layers = tf.keras.layers

HOME = {  # the first line of the published file
    "CRIM": 0.00632,
    "ZN": 18,
    "INDUS": 2.31,
    "CHAS": 0,
    "NOX": 0.538,
    "RM": 6.575,
    "AGE": 65.2,
    "DIS": 4.09,
    "RAD": 1,
    "TAX": 296,
    "PTRATIO": 15.3,
    "B": 396.9,
    "LSTAT": 4.98,
}


def prices(data, split):
    """All prices of a split, in the order of its records."""
    return np.concatenate([price for _, price in data.dataset(split, 1024, shuffle=False)])


def network(data):
    """From the features to a price; numbers are scaled already, and ids are embedded."""
    inputs = data.keras_inputs()
    ids = data.vocab_sizes  # the number of ids of each feature of ids
    x = [
        layers.Embedding(ids[name], 2)(one) if name in ids else layers.Reshape((1,))(one)
        for name, one in inputs.items()
    ]
    x = layers.Concatenate()(x)
    for units in (32, 32):
        x = layers.Dense(units, activation="relu")(x)
    label = prices(data, "train")
    x = layers.Rescaling(float(label.std()), float(label.mean()))(layers.Dense(1)(x))
    return tf.keras.Model(inputs, x)


def train(data, epochs=60):
    """The network, trained on the split `train`, which is so small that it is kept in memory."""
    tf.keras.utils.set_random_seed(1)
    model = network(data)
    model.compile(tf.keras.optimizers.Adam(0.003), "mse")
    model.fit(data.dataset("train", 32, seed=1, epochs=epochs, cache=True), verbose=2)
    return model


def errors(data, model):
    """The root mean squared error of the model, and that of saying the mean price every time."""
    label = prices(data, "eval")
    found = model.predict(data.dataset("eval", 1024, shuffle=False), verbose=0)[:, 0]
    return float(np.sqrt(np.mean((found - label) ** 2))), float(label.std())


def ask(path, row):
    """What the exported model says a home is worth. This needs tensorflow alone."""
    answer = tf.saved_model.load(path).signatures["serving_default"]
    takes = answer.structured_input_signature[1]
    columns = {name: tf.constant([row[name]], spec.dtype) for name, spec in takes.items()}
    return float(answer(**columns)["predictions"][0])


def main(folder, path):
    data = load(folder)
    model = train(data)
    error, deviation = errors(data, model)
    print(f"RMSE {error:.2f}; the standard deviation of the prices is {deviation:.2f}")
    data.export(model, path)
    print(f"a home as in the first line of the file: {ask(path, HOME):.1f} thousand USD")


if __name__ == "__main__":
    main(*sys.argv[1:])
