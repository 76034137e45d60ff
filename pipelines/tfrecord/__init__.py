"""TFRecord files: Example encoder, framing and shards."""
