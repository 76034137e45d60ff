"""The command `profile`: what is in some files, on the terminal and as a report."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .logging_setup import start_tensorflow

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Console
    from rich.table import Table

    from ..pipelines.config.input import Input
    from ..pipelines.config.recipe import Recipe
    from ..pipelines.profiles.profiled import Profiled

__all__ = ["profile"]

_ALL = "all"
"""The split of files that nobody splits."""

_WIDTH = 120
_TOP = 24
_LINES_AROUND = 8
_RECIPES = (".yaml", ".yml")


def profile(
    target: str,
    *,
    inputs: Sequence[str],
    output: str,
    overwrite: bool,
    facets: bool,
    statistics_cache: str | None,
) -> int:
    """Profiles files and prints what is in them.

    Args:
      target: CSV or Parquet files, whose columns are inferred; or a recipe: a built-in's name, a
        YAML file, FILE.py:NAME or MODULE:NAME.
      inputs: What is read instead of the target, or of the recipe's own inputs: [SPLIT=]GLOB.
      output: The profile's folder.
      overwrite: Whether a profile or a dataset that is there is replaced.
      facets: Whether facets.pb is written too.
      statistics_cache: A folder that keeps the statistics of each span, or None.

    Raises:
      DataError: A file cannot be read; nothing was published.
      RecipeError: The recipe or the output is wrong; no data was read.
    """
    began = time.monotonic()
    start_tensorflow()
    from rich.console import Console

    from ..pipelines.profiles.profiled import stage_profile
    from ..pipelines.profiling import profile as profile_files
    from .progress import show_progress

    with stage_profile(output, overwrite=overwrite):
        pass  # whether it can be written, before columns are inferred from all of the data
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
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = _WIDTH
    _print_tables(console, profiled, output)
    print(summary(profiled, output, time.monotonic() - began))
    return 0


@contextmanager
def _recipe_and_inputs(target: str, given: Sequence[str]) -> Iterator[tuple[Recipe, list[Input]]]:
    """How files are read, and which; a sample is there as long as it is used."""
    from ..pipelines.config.input import Input
    from ..pipelines.recipes.file import read_recipe
    from ..pipelines.recipes.find import find_recipe
    from .commands import inputs_of

    if not _is_data(target):
        recipe = read_recipe(target) if target.endswith(_RECIPES) else find_recipe(target)
        with inputs_of(recipe, given) as files:
            yield recipe, files
        return
    recipe = _inferred(target)
    if given:
        with inputs_of(recipe, given) as files:
            yield recipe, files
    else:
        yield recipe, [Input(_ALL, target)]


def _is_data(target: str) -> bool:
    """Whether a target is files of data, and not a recipe.

    >>> [_is_data(one) for one in ("census", "a.yaml", "a.py:RECIPE", "a.csv", "gs://b/*.csv")]
    [False, False, False, True, True]
    """
    if target.endswith(_RECIPES):
        return False
    named = "://" in target or any(sign in target for sign in "*?[{") or os.path.exists(target)
    return named or (":" not in target and bool(Path(target).suffix))


def _inferred(target: str) -> Recipe:
    """Return the recipe of files; say on standard error what was read and what looks wrong."""
    from ..pipelines.config.input import Input
    from ..pipelines.inference.infer import infer_recipe
    from ..pipelines.inputs.spans import resolve
    from ..pipelines.recipes.file import recipe_of_text
    from .init import show_summary

    resolved, _ = resolve([Input(_ALL, target)])
    inferred = infer_recipe([one.pattern for one in resolved], single_column=True)
    show_summary(inferred.summary)
    return recipe_of_text(
        inferred.text, name=Path(target).stem, folder="", source=f"what {target} looks"
    )


def summary(profiled: Profiled, output: str, seconds: float) -> str:
    """The closing words: where every row went, and where the report is.

    Args:
      profiled: What was published.
      output: Where.
      seconds: How long it took.
    """
    from ..pipelines.readers.text_encoding import undecodable_rows

    lines = [f"{profiled.name}: profiled {output} in {seconds:.1f} s"]
    for split, ledger in profiled.ledger.items():
        others = {
            "filtered": ledger.filtered,
            "duplicates left out": ledger.duplicates,
            "sampled out": ledger.sampled_out,
            **{f"rejected as {reason}": count for reason, count in ledger.rejected.items()},
        }
        parts = [f"{ledger.read:,} read", f"{ledger.written:,} profiled"]
        parts += [f"{count:,} {what}" for what, count in others.items() if count]
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


def _print_tables(console: Console, profiled: Profiled, output: str) -> None:
    """A table a split, of as many columns of the data as the terminal has lines for."""
    from tensorflow_metadata.proto.v0.statistics_pb2 import DatasetFeatureStatisticsList

    from ..schemas.statistics.frame import to_frame

    for split in profiled.rows:
        path = os.path.join(output, "stats", f"{split}.pb")
        proto = DatasetFeatureStatisticsList.FromString(Path(path).read_bytes())
        frame = to_frame(proto)
        shown = len(frame)
        if console.is_terminal:
            shown = max(console.height - _LINES_AROUND, _LINES_AROUND)
        console.print(_table(frame.head(shown), f"{split}: {profiled.rows[split]:,} rows"))
        if shown < len(frame):
            console.print(f"… and {len(frame) - shown:,} more columns, in the report")


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
        top = "" if _is_none(row["top"]) else f"{row['top'][:_TOP]} ({row['top_count']:,})"
        cells.append(top or _number(row["max"]))
        table.add_row(*(Text(visible(cell)) for cell in cells))
    return table


def _unique(row: dict[str, Any]) -> str:
    if _is_none(row["unique"]):
        return ""
    about = "~" if row["unique_error"] else ""
    return f"{about}{row['unique']:,}"


def _number(value: Any) -> str:
    """At most six digits of a number; "" for none.

    >>> _number(38.58164675), _number(1484705.0), _number(float("nan"))
    ('38.5816', '1,484,705', '')
    """
    if _is_none(value):
        return ""
    return f"{value:,.0f}" if value == int(value) and abs(value) < 1e15 else f"{value:,.6g}"


def _is_none(value: Any) -> bool:
    """Whether a cell of a frame is missing: None, NaN or pandas' NA."""
    import pandas as pd

    return bool(pd.isna(value))
