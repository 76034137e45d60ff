"""Private TensorFlow operations shared by the transforms."""
