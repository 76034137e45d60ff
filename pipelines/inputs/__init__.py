"""Inputs of a run before they are read: dated spans, and checks that a run keeps its inputs."""
