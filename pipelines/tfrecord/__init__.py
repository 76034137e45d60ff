"""tf.Examples, TFRecord frames and shards."""
