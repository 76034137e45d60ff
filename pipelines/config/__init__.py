"""Frozen dataclasses that configure the stages; they import no stage."""
