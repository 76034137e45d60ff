"""`recordmill run`: prepares a dataset."""

from __future__ import annotations

import sys
import tempfile
import time
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from .arguments import add_inputs, add_output, add_statistics_cache
from .input_options import inputs_of, parse_input
from .logging_setup import start_tensorflow
from .run_summary import summary

if TYPE_CHECKING:
    from ..schemas.manifest import Manifest
    from .launch import RunnerName, ShuffleName

__all__ = ["add_arguments", "run"]

_EPILOG = """\
examples:
  recordmill run census --output out/census
  recordmill run census --output out/census --input train=adult.data --input eval=adult.test
  recordmill run hotdog --output out/hotdog --input train=photos/train --input eval=photos/test
  recordmill run houses.yaml --output out/houses
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
    parser.add_argument(
        "--runner",
        choices=("direct", "dataflow"),
        default="direct",
        help="Beam runner (default direct)",
    )
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
) -> int:
    """Prepare a dataset and print the count of each split, or write a Dataflow template.

    Raises:
      DataError: The data is bad; nothing was published.
      RecipeError: The recipe, an input or a flag is wrong.
    """
    start_time = time.monotonic()
    start_tensorflow()
    from ..pipelines.preparation import prepare, write_template
    from ..pipelines.recipes.find import find_recipe
    from .launch import launcher
    from .progress import show_progress

    recipe = find_recipe(name)
    beam_runner, options = launcher(runner, beam_flags)
    if template := options.get_all_options().get("template_location"):
        files = [parse_input(option) for option in inputs]
        write_template(recipe, output=output, inputs=files, runner=beam_runner, options=options)
        print(f"{recipe.name}: wrote the job to {template}; nothing was run")
        return 0
    is_local = runner == "direct"
    with (
        inputs_of(recipe, inputs) as files,
        tempfile.TemporaryDirectory() as progress,
        show_progress(progress),
    ):
        manifest = prepare(
            recipe,
            output=output,
            inputs=files,
            overwrite=overwrite,
            shuffle=shuffle or ("disk" if is_local else "group"),
            statistics_cache=statistics_cache,
            progress=progress if is_local else "",
            runner=beam_runner,
            options=options,
        )
    _print_result(manifest, output, time.monotonic() - start_time)
    return 0


def _print_result(manifest: Manifest, output: str, seconds: float) -> None:
    from ..pipelines.runtime.visible import visible

    print(summary(manifest, output, seconds), flush=True)
    for warning in manifest.warnings:
        print(f"recordmill: warning: {visible(warning)}", file=sys.stderr)
