"""The road of images: check, look, press through the graph, store."""
