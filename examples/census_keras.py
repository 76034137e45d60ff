"""Wide and deep model in Keras: who earns more than 50,000 USD a year?

    recordmill run census --output DIR
    python examples/census_keras.py DIR MODEL

MODEL is the exported model, a folder that must not exist. There is no code for vocabularies,
scaling or missing values: the transform graph did this for the records, and does it for requests.
"""

import sys

import numpy as np
import tensorflow as tf

from recordmill.transforms import load

layers = tf.keras.layers

MAX_EMBEDDED_IDS = 100  # crosses have more ids, and are only in the wide part

REQUESTS = {  # two people, in the format of the published files
    "age": [25, 42],
    "workclass": [" Private", " Self-emp-inc"],
    "education": [" 11th", " HS-grad"],
    "education-num": [7, 9],
    "marital-status": [" Never-married", " Married-civ-spouse"],
    "occupation": [" Machine-op-inspct", " Exec-managerial"],
    "relationship": [" Own-child", " Husband"],
    "race": [" Black", " White"],
    "sex": [" Male", " Male"],
    "capital-gain": [0, 5178],
    "capital-loss": [0, 0],
    "hours-per-week": [40, 50],
    "native-country": [" United-States", " United-States"],
}


def wide_and_deep(data):
    """Return the model. Wide: a weight for each id. Deep: a network of numbers and embedded ids."""
    inputs = data.keras_inputs()
    ids = data.vocab_sizes  # number of ids of each feature that is an id
    one_hot = {name: layers.CategoryEncoding(size, "one_hot") for name, size in ids.items()}
    wide = [layer(inputs[name]) for name, layer in one_hot.items()]
    deep = [
        layers.Embedding(size, 8)(inputs[name])
        for name, size in ids.items()
        if size < MAX_EMBEDDED_IDS
    ]
    deep += [layers.Reshape((1,))(inputs[name]) for name in inputs if name not in ids]
    x = layers.Concatenate()(deep)
    for units in (64, 32):
        x = layers.Dense(units, activation="relu")(x)
    x = layers.Dense(1, activation="sigmoid")(layers.Concatenate()([x, *wide]))
    return tf.keras.Model(inputs, x)


def train(data, epochs=4):
    """Return the model, trained on the split `train`, and the loss of each epoch."""
    tf.keras.utils.set_random_seed(1)
    model = wide_and_deep(data)
    metrics = ["accuracy", tf.keras.metrics.AUC(name="auc")]
    model.compile("adam", "binary_crossentropy", metrics=metrics)
    history = model.fit(data.dataset("train", 256, seed=1), epochs=epochs, verbose=2)
    return model, history.history["loss"]


def ask(path):
    """Return the outputs of the exported model for two people; this needs only TensorFlow."""
    signature = tf.saved_model.load(path).signatures["serving_default"]
    columns = {name.replace("-", "_"): np.array(column) for name, column in REQUESTS.items()}
    return signature(**{name: tf.constant(column) for name, column in columns.items()})


def main(folder, path):
    """Train, evaluate, export, and print the probabilities of two people."""
    data = load(folder)
    model, _ = train(data)
    metrics = model.evaluate(data.dataset("eval", 1024, shuffle=False), verbose=0, return_dict=True)
    rows = data.manifest.splits["eval"].records
    print(f"{rows:,} rows: accuracy {metrics['accuracy']:.4f}, AUC {metrics['auc']:.4f}")
    data.export(model, path)
    outputs = ask(path)
    for name, probabilities in zip(outputs["classes"], outputs["probabilities"], strict=True):
        print(f"{name.numpy().decode()}: {probabilities[1]:.3f} that it is more than 50,000 USD")


if __name__ == "__main__":
    main(*sys.argv[1:])
