"""Statistics of columns and features: accumulators, sketches, protos."""
