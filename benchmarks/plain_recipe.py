"""Census recipe without statistics."""

from __future__ import annotations

from dataclasses import replace

from recordmill.pipelines.recipes.find import find_recipe

RECIPE = replace(find_recipe("census"), statistics=False)
