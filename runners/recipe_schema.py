"""`recordmill recipe-schema`: prints the JSON Schema of recipes."""

from __future__ import annotations

import json
from argparse import ArgumentParser

from .logging_setup import start_tensorflow

__all__ = ["add_arguments", "recipe_schema"]


def add_arguments(parser: ArgumentParser) -> None:
    """Set the function of `recordmill recipe-schema`, which takes no arguments."""
    parser.set_defaults(function=recipe_schema)


def recipe_schema() -> int:
    """Print the JSON Schema of recipes."""
    start_tensorflow()
    from ..pipelines.recipes.file import json_schema

    print(json.dumps(json_schema(), indent=2))
    return 0
