"""Regression in Keras: what is the price of a home?

    recordmill run housing --output DIR
    python examples/housing_keras.py DIR MODEL

MODEL is the exported model, a folder that must not exist. It takes the columns of the file: its
transform graph scales them as for training.
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
    """Return all prices of a split, in the order of its records."""
    return np.concatenate([price for _, price in data.dataset(split, 1024, shuffle=False)])


def network(data):
    """Return a network from features to a price; numbers are already scaled, ids are embedded."""
    inputs = data.keras_inputs()
    ids = data.vocab_sizes  # number of ids of each feature that is an id
    x = [
        layers.Embedding(ids[name], 2)(tensor) if name in ids else layers.Reshape((1,))(tensor)
        for name, tensor in inputs.items()
    ]
    x = layers.Concatenate()(x)
    for units in (32, 32):
        x = layers.Dense(units, activation="relu")(x)
    label = prices(data, "train")
    x = layers.Rescaling(float(label.std()), float(label.mean()))(layers.Dense(1)(x))
    return tf.keras.Model(inputs, x)


def train(data, epochs=60):
    """Return the network, trained on the split `train`, which is cached in memory."""
    tf.keras.utils.set_random_seed(1)
    model = network(data)
    model.compile(tf.keras.optimizers.Adam(0.003), "mse")
    model.fit(data.dataset("train", 32, seed=1, epochs=epochs, cache=True), verbose=2)
    return model


def errors(data, model):
    """Return the root mean squared errors of the model and of a constant, the mean price."""
    label = prices(data, "eval")
    predictions = model.predict(data.dataset("eval", 1024, shuffle=False), verbose=0)[:, 0]
    return float(np.sqrt(np.mean((predictions - label) ** 2))), float(label.std())


def ask(path, row):
    """Return the price that the exported model predicts; this needs only TensorFlow."""
    signature = tf.saved_model.load(path).signatures["serving_default"]
    specs = signature.structured_input_signature[1]
    columns = {name: tf.constant([row[name]], spec.dtype) for name, spec in specs.items()}
    return float(signature(**columns)["predictions"][0])


def main(folder, path):
    """Train, evaluate, export, and print the predicted price of a home."""
    data = load(folder)
    model = train(data)
    error, deviation = errors(data, model)
    print(f"RMSE {error:.2f}; the standard deviation of the prices is {deviation:.2f}")
    data.export(model, path)
    print(f"a home as in the first line of the file: {ask(path, HOME):.1f} thousand USD")


if __name__ == "__main__":
    main(*sys.argv[1:])
