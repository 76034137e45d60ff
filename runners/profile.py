"""`recordmill profile`: statistics of files, on the terminal and as a report."""

from __future__ import annotations

import os
import tempfile
import time
from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .arguments import add_inputs, add_output, add_statistics_cache
from .input_options import inputs_of
from .logging_setup import start_tensorflow

if TYPE_CHECKING:
    import pandas as pd
    from rich.table import Table

    from ..pipelines.config.input import Input
    from ..pipelines.config.recipe import Recipe
    from ..pipelines.profiles.profiled import Profiled

__all__ = ["add_arguments", "profile", "summary"]

_ALL = "all"
"""Name of the one split of files without a recipe."""

_LOG_WIDTH = 120
_MAX_VALUE_LENGTH = 24
_OTHER_LINES = 8
"""Lines of a terminal that are not rows of the table."""

_RECIPE_SUFFIXES = (".yaml", ".yml")


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of `recordmill profile`."""
    parser.set_defaults(function=profile)
    parser.add_argument(
        "target", metavar="FILE|RECIPE", help="CSV or Parquet files, or a recipe with inputs"
    )
    add_output(parser, "folder of the profile")
    add_inputs(parser, "the files themselves, or the inputs of the recipe")
    parser.add_argument(
        "--facets", action="store_true", help="also write facets.pb, for Facets Overview"
    )
    add_statistics_cache(parser)


def profile(
    target: str,
    *,
    inputs: Sequence[str],
    output: str,
    overwrite: bool,
    facets: bool,
    statistics_cache: str | None,
) -> int:
    """Profile files and print the statistics of their columns.

    Args:
      target: CSV or Parquet files, whose columns are inferred; or a recipe: the name of a built-in,
        a YAML file, FILE.py:NAME or MODULE:NAME.
      inputs: Values of `--input`, read instead of the files or of the recipe's own inputs.
      output: Folder of the profile.
      overwrite: Whether to replace an earlier profile or dataset.
      facets: Whether to write `facets.pb` too.
      statistics_cache: Folder that keeps the statistics of each span, or None.

    Raises:
      DataError: A file cannot be read; nothing was published.
      RecipeError: The recipe or the output is wrong; no data was read.
    """
    start_time = time.monotonic()
    start_tensorflow()
    from ..pipelines.profiles.profiled import stage_profile
    from ..pipelines.profiling import profile as profile_files
    from .progress import show_progress

    with stage_profile(output, overwrite=overwrite):
        pass  # refuses a bad output before columns are inferred from all of the data
    with (
        _recipe_and_inputs(target, inputs) as (recipe, files),
        tempfile.TemporaryDirectory() as progress,
        show_progress(progress),
    ):
        profiled = profile_files(
            recipe,
            inputs=files,
            output=output,
            overwrite=overwrite,
            facets=facets,
            statistics_cache=statistics_cache,
            progress=progress,
        )
    _print_tables(profiled, output)
    print(summary(profiled, output, time.monotonic() - start_time))
    return 0


@contextmanager
def _recipe_and_inputs(target: str, options: Sequence[str]) -> Iterator[tuple[Recipe, list[Input]]]:
    """Yield the recipe and the inputs; a sample is deleted when the context ends."""
    from ..pipelines.config.input import Input
    from ..pipelines.recipes.file import read_recipe
    from ..pipelines.recipes.find import find_recipe

    if _is_data(target):
        recipe = _infer_recipe(target)
        if not options:
            yield recipe, [Input(_ALL, target)]
            return
    elif target.endswith(_RECIPE_SUFFIXES):
        recipe = read_recipe(target)
    else:
        recipe = find_recipe(target)
    with inputs_of(recipe, options) as files:
        yield recipe, files


def _is_data(target: str) -> bool:
    """Return whether a target names data files, rather than a recipe.

    >>> [_is_data(target) for target in ("census", "a.yaml", "a.py:RECIPE", "a.csv", "gs://b/*")]
    [False, False, False, True, True]
    """
    if target.endswith(_RECIPE_SUFFIXES):
        return False
    is_path = "://" in target or any(sign in target for sign in "*?[{") or os.path.exists(target)
    return is_path or (":" not in target and bool(Path(target).suffix))


def _infer_recipe(target: str) -> Recipe:
    """Infer the recipe of files; describe on standard error the files and what looks wrong."""
    from ..pipelines.config.input import Input
    from ..pipelines.inference.infer import infer_recipe
    from ..pipelines.inputs.spans import resolve
    from ..pipelines.recipes.file import recipe_of_text
    from .init import show_summary

    resolved, _ = resolve([Input(_ALL, target)])
    inferred = infer_recipe([item.pattern for item in resolved], single_column=True)
    show_summary(inferred.summary)
    return recipe_of_text(
        inferred.text,
        name=Path(target).stem,
        folder="",
        source=f"the recipe inferred from {target}",
    )


def summary(profiled: Profiled, output: str, seconds: float) -> str:
    """Return the closing lines of `profile`: the count of each split, and the path of the report.

    Args:
      profiled: The published profile.
      output: Its folder.
      seconds: Duration of the command.
    """
    from ..pipelines.readers.text_encoding import undecodable_rows

    lines = [f"{profiled.name}: profiled {output} in {seconds:.1f} s"]
    for split, ledger in profiled.ledger.items():
        not_profiled = {
            "filtered": ledger.filtered,
            "duplicates left out": ledger.duplicates,
            "sampled out": ledger.sampled_out,
            **{f"rejected as {reason}": count for reason, count in ledger.rejected.items()},
        }
        parts = [f"{ledger.read:,} read", f"{ledger.written:,} profiled"]
        parts += [f"{count:,} {outcome}" for outcome, count in not_profiled.items() if count]
        repeats = profiled.repeats.get(split, 0)
        if repeats and not ledger.duplicates:
            parts.append(f"{repeats:,} equal to another")
        lines.append(f"  {split}: {', '.join(parts)}")
    if undecodable := undecodable_rows(output, profiled.ledger):
        lines.append(f"  {undecodable}")
    cached = sum(span.cached for span in profiled.spans)
    if profiled.spans:
        lines.append(f"  spans: {len(profiled.spans):,}, of which {cached:,} from the cache")
    return "\n".join([*lines, f"  report: {os.path.join(output, 'report.html')}"])


def _print_tables(profiled: Profiled, output: str) -> None:
    """Print a table for each split, with as many columns of the data as the terminal has lines."""
    from rich.console import Console
    from tensorflow_metadata.proto.v0.statistics_pb2 import DatasetFeatureStatisticsList

    from ..schemas.statistics.frame import to_frame

    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = _LOG_WIDTH
    for split in profiled.rows:
        path = os.path.join(output, "stats", f"{split}.pb")
        proto = DatasetFeatureStatisticsList.FromString(Path(path).read_bytes())
        frame = to_frame(proto)
        limit = len(frame)
        if console.is_terminal:
            limit = max(console.height - _OTHER_LINES, _OTHER_LINES)
        console.print(_table(frame.head(limit), f"{split}: {profiled.rows[split]:,} rows"))
        if limit < len(frame):
            console.print(f"… and {len(frame) - limit:,} more columns, in the report")


def _table(frame: pd.DataFrame, title: str) -> Table:
    from rich.table import Table
    from rich.text import Text

    from ..pipelines.runtime.visible import visible

    table = Table(title=title, title_justify="left", header_style="bold")
    for name in ("column", "type"):
        table.add_column(name, no_wrap=name == "type")
    for name in ("missing", "unique", "mean", "std", "min", "median", "max / top"):
        table.add_column(name, justify="right", no_wrap=name not in ("max / top",))
    for row in frame.to_dict("records"):
        cells = [row["feature"], row["type"], f"{row['missing']:,}", _unique(row)]
        cells += [_number(row[name]) for name in ("mean", "std", "min", "50%")]
        top = ""
        if not _is_none(row["top"]):
            top = f"{row['top'][:_MAX_VALUE_LENGTH]} ({row['top_count']:,})"
        cells.append(top or _number(row["max"]))
        table.add_row(*(Text(visible(cell)) for cell in cells))
    return table


def _unique(row: dict[str, Any]) -> str:
    if _is_none(row["unique"]):
        return ""
    about = "~" if row["unique_error"] else ""
    return f"{about}{row['unique']:,}"


def _number(value: Any) -> str:
    """Format a number with at most six digits; "" for a missing one.

    >>> _number(38.58164675), _number(1484705.0), _number(float("nan"))
    ('38.5816', '1,484,705', '')
    """
    if _is_none(value):
        return ""
    return f"{value:,.0f}" if value == int(value) and abs(value) < 1e15 else f"{value:,.6g}"


def _is_none(value: Any) -> bool:
    """Return whether a cell of a frame is missing: None, NaN or pandas' NA."""
    import pandas as pd

    return bool(pd.isna(value))
