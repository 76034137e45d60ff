"""`recordmill run`: prepares a dataset."""

from __future__ import annotations

import sys
import tempfile
import time
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .arguments import add_inputs, add_output, add_statistics_cache
from .engines.local_paths import absolute_inputs, absolute_path, check_paths
from .engines.settings import ENGINES, EngineSettings, add_engine_arguments
from .input_options import inputs_of, parse_input
from .logging_setup import start_tensorflow
from .run_summary import summary

if TYPE_CHECKING:
    from ..pipelines.config.input import Input
    from ..pipelines.config.recipe import Recipe
    from ..schemas.manifest import Manifest
    from .launch import Launch, RunnerName, ShuffleName

__all__ = ["add_arguments", "run"]

_EPILOG = """\
examples:
  recordmill run census --output out/census
  recordmill run census --output out/census --input train=adult.data --input eval=adult.test
  recordmill run hotdog --output out/hotdog --input train=photos/train --input eval=photos/test
  recordmill run houses.yaml --output out/houses
  recordmill run houses.yaml --output out/houses --runner flink --job-server flink/jars
  recordmill run my_recipe.py:RECIPE --output out/mine -- --direct_num_workers=2 \\
      --direct_running_mode=multi_processing

Beam's own flags follow a lone --. Exit status: 0 done, 1 the data is bad, 2 the command or the
recipe is wrong, 130 interrupted.
"""


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of `recordmill run`."""
    parser.epilog = _EPILOG
    parser.formatter_class = RawDescriptionHelpFormatter
    parser.set_defaults(function=run)
    parser.add_argument(
        "name",
        metavar="RECIPE",
        help="YAML file, built-in (census, housing, hotdog or planes), FILE.py:NAME or MODULE:NAME",
    )
    add_output(parser, "folder of the dataset")
    add_inputs(parser, "the inputs of the recipe, or the sample of a built-in")
    add_statistics_cache(parser)
    add_engine_arguments(parser)
    parser.add_argument(
        "--shuffle",
        choices=("disk", "group"),
        help="how rows get into canonical order: through files that all workers see (disk, the "
        "default of --runner direct), or through the runner's GroupByKey (group)",
    )


def run(
    name: str,
    *,
    output: str,
    inputs: Sequence[str],
    overwrite: bool,
    runner: RunnerName,
    shuffle: ShuffleName | None,
    statistics_cache: str | None,
    beam_flags: Sequence[str],
    **engine: Any,
) -> int:
    """Prepare a dataset and print the count of each split, or write a Dataflow template.

    Args:
      name: Name of the recipe, as `find_recipe` takes it.
      output: Folder of the dataset.
      inputs: Values of `--input`; those of the recipe, or its sample, where there are none.
      overwrite: Whether to replace an earlier dataset.
      runner: Name of the Beam runner.
      shuffle: "disk" or "group"; None for the default of the runner.
      statistics_cache: Folder of the statistics cache, if any.
      beam_flags: Beam's own flags.
      engine: Arguments of `add_engine_arguments`; None where one was not given.

    Raises:
      DataError: The data is bad; nothing was published.
      EngineError: An engine does not start, or fails.
      RecipeError: The recipe, an input or a flag is wrong.
    """
    start_time = time.monotonic()
    settings = EngineSettings.of(runner, engine)
    start_tensorflow()
    from ..pipelines.recipes.find import find_recipe
    from .launch import launched

    recipe = find_recipe(name)
    with launched(runner, beam_flags, settings=settings, output=output) as launch:
        if template := launch.options.get_all_options().get("template_location"):
            return _write_template(recipe, output, inputs, launch, template)
        with inputs_of(recipe, inputs) as files:
            check_shared = runner in ENGINES and not settings.shared_filesystem
            if check_shared and not launch.sees_local_files:
                check_paths([output, *(file.pattern for file in files)], launch.environment_type)
            manifest = _prepare(
                recipe,
                launch,
                output=output,
                inputs=files,
                overwrite=overwrite,
                shuffle=shuffle or ("disk" if runner == "direct" else "group"),
                statistics_cache=statistics_cache,
            )
    _print_result(manifest, output, time.monotonic() - start_time)
    return 0


def _write_template(
    recipe: Recipe, output: str, inputs: Sequence[str], launch: Launch, template: str
) -> int:
    from ..pipelines.preparation import write_template

    files = [parse_input(option) for option in inputs]
    write_template(
        recipe, output=output, inputs=files, runner=launch.runner, options=launch.options
    )
    print(f"{recipe.name}: wrote the job to {template}; nothing was run")
    return 0


def _prepare(
    recipe: Recipe, launch: Launch, *, output: str, inputs: list[Input], **arguments: Any
) -> Manifest:
    """Prepare the dataset, and show the progress that workers in this process write."""
    from ..pipelines.preparation import prepare
    from .progress import show_progress

    if not launch.is_in_process:
        output, inputs = absolute_path(output), absolute_inputs(inputs)
    with tempfile.TemporaryDirectory() as progress, show_progress(progress):
        return prepare(
            recipe,
            output=output,
            inputs=inputs,
            progress=progress if launch.is_in_process else "",
            runner=launch.runner,
            options=launch.options,
            **arguments,
        )


def _print_result(manifest: Manifest, output: str, seconds: float) -> None:
    from ..pipelines.runtime.visible import visible

    print(summary(manifest, output, seconds), flush=True)
    for warning in manifest.warnings:
        print(f"recordmill: warning: {visible(warning)}", file=sys.stderr)
