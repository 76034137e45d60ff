"""Transform graph in front of a model, for servers."""
