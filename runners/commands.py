"""What each command does, once its words are known."""

from __future__ import annotations

import os
import re
import shlex
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ..schemas.errors import RecipeError
from ..schemas.manifest import Manifest
from .logging_setup import start_tensorflow

if TYPE_CHECKING:
    from ..pipelines.config.input import Input
    from ..pipelines.config.recipe import Recipe
    from .launch import RunnerName, ShuffleName

_SHOWN_RECORDS = 5
_SHOWN_IMAGES = 25
_PART_OF_A_PATH = re.compile(r"[/\\*?\[{]")
_SHOWN_CLASSES = 20

__all__ = ["inputs_of", "run", "sample", "show", "summary", "verify"]


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
    """Prepare a dataset and print where every row went."""
    began = time.monotonic()
    start_tensorflow()
    from ..pipelines.config.input import Input
    from ..pipelines.preparation import prepare, write_template
    from ..pipelines.recipes.find import find_recipe
    from ..pipelines.runtime.visible import visible
    from .launch import launcher
    from .progress import show_progress

    recipe = find_recipe(name)
    beam_runner, options = launcher(runner, beam_flags)
    template = options.get_all_options().get("template_location")
    if template:
        files = [Input(*_split_and_pattern(one)) for one in inputs]
        write_template(recipe, output=output, inputs=files, runner=beam_runner, options=options)
        print(f"{recipe.name}: wrote the job to {template}; nothing was run")
        return 0
    here = runner == "direct"
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
            shuffle=shuffle or ("disk" if here else "group"),
            statistics_cache=statistics_cache,
            progress=progress if here else "",
            runner=beam_runner,
            options=options,
        )
    print(summary(manifest, output, time.monotonic() - began), flush=True)
    for warning in manifest.warnings:
        print(f"recordmill: warning: {visible(warning)}", file=sys.stderr)
    return 0


@contextmanager
def inputs_of(recipe: Recipe, given: Sequence[str]) -> Iterator[list[Input]]:
    """Those of the command line, or of the recipe, or its own sample while it is read."""
    from ..pipelines.config.input import Input

    tables = recipe.reshape.tables if recipe.reshape else {}
    if given:
        yield [Input(*_split_and_pattern(one)) for one in given]
    elif recipe.inputs or tables:
        yield list(recipe.inputs)
    elif recipe.sample is None:
        raise RecipeError(f"recipe {recipe.name} has neither inputs nor a sample: give --input")
    else:
        with tempfile.TemporaryDirectory() as directory:
            yield list(recipe.sample(directory))


def _split_and_pattern(given: str) -> tuple[str | None, str]:
    """`train=data/*.csv` -> ("train", "data/*.csv"); a pattern alone has no split.

    What stands before the first "=" is a split, unless it is part of a path or of a glob, or of
    the name of a file that is there.

    Raises:
      RecipeError: It is no name that a split may have.

    >>> _split_and_pattern("data/year=2026/*.csv")
    (None, 'data/year=2026/*.csv')
    """
    from ..schemas.split_names import check_split_name

    split, equals, pattern = given.partition("=")
    is_path = _PART_OF_A_PATH.search(split) or (not split.isidentifier() and os.path.exists(given))
    if not equals or is_path:
        return None, given
    try:
        check_split_name(split, key=f"--input {given}")
    except RecipeError as error:
        raise RecipeError(f'{error} Of a path with "=" in it, write ./{given}') from error
    return split, pattern


def summary(manifest: Manifest, output: str, seconds: float) -> str:
    """The closing words of a run: where every row went and what was written."""
    from ..pipelines.readers.text_encoding import undecodable_rows

    lines = [f"{manifest.name}: prepared {output} in {seconds:.1f} s"]
    for name, ledger in manifest.ledger.items():
        others = {
            "filtered": ledger.filtered,
            "duplicates": ledger.duplicates,
            "sampled out": ledger.sampled_out,
            **{f"rejected as {reason}": count for reason, count in ledger.rejected.items()},
        }
        noun = "image" if manifest.images else "row"
        parts = [f"{_count(ledger.read, noun)} read", f"{ledger.written:,} written"]
        parts += [f"{count:,} {what}" for what, count in others.items() if count]
        if name in manifest.splits:
            shards = manifest.splits[name].shards
            size = sum(shard.bytes for shard in shards) / 1e6
            parts.append(f"{_count(len(shards), 'shard')} of {size:,.1f} MB")
        lines.append(f"  {name}: {', '.join(parts)}")
        unseen = {c: n for c, n in manifest.unseen.get(name, {}).items() if n}
        if unseen:
            counts = ", ".join(f"{column} {count:,}" for column, count in unseen.items())
            lines.append(f"  {name}: values never seen in train: {counts}")
        lines += _contents(manifest, name)
        lines += _expanded(manifest, name)
    if undecodable := undecodable_rows(output, manifest.ledger):
        lines.append(f"  {undecodable}")
    if manifest.images:
        return "\n".join([*lines, *_about_images(manifest)])
    rows = sum(manifest.parity["rows"].values())
    lines.append(f"  parity: {rows} raw rows through the graph equal the stored records")
    return "\n".join(lines)


def _count(number: int, noun: str, several: str = "") -> str:
    """A number and what it counts.

    >>> _count(1, "row"), _count(2000, "row"), _count(0, "box", "boxes")
    ('1 row', '2,000 rows', '0 boxes')
    """
    return f"{number:,} {noun if number == 1 else several or noun + 's'}"


def _expanded(manifest: Manifest, split: str) -> Iterator[str]:
    """How the images of a split became another number of records, where they did."""
    made = manifest.expansion.get(split)
    if made and (made.pieces != made.written or made.copies):
        parts = [f"{made.records:,} records"]
        if made.pieces != made.written:
            parts.append(f"{made.pieces:,} tiles of which {made.left_out:,} were left out")
        if made.copies:
            parts.append(f"{made.copies:,} augmented copies")
        yield f"  {split}: {', '.join(parts)}"


def _contents(manifest: Manifest, split: str) -> Iterator[str]:
    """Describe the images of a split: how many of each class, and what is doubtful of boxes."""
    counts = manifest.images.get("counts", {}).get(split)
    if not counts:
        return
    classes = _classes(counts["classes"])
    if "boxes" not in counts:
        yield f"  {split}: images of each class: {classes}"
        return
    parts = [
        f"{_count(counts['images'], 'image')}, {counts['without_boxes']:,} without a box",
        f"{_count(counts['boxes'], 'box', 'boxes')}: {classes}",
    ]
    if counts["clipped"]:
        parts.append(f"{counts['clipped']:,} clipped, out of the picture by more than a pixel")
    if counts["tiny"]:
        parts.append(f"{counts['tiny']:,} with a side under 1.5 pixels")
    yield f"  {split}: {'; '.join(parts)}"


def _classes(counts: Mapping[str, int]) -> str:
    """List the numbers of the first classes.

    >>> _classes({"cat": 1200, "dog": 0})
    'cat 1,200, dog 0'
    """
    shown = [f"{name} {count:,}" for name, count in list(counts.items())[:_SHOWN_CLASSES]]
    more = len(counts) - len(shown)
    return ", ".join(shown) + (f" and {_count(more, 'more class', 'more classes')}" if more else "")


def _about_images(manifest: Manifest) -> Iterator[str]:
    images, parity = manifest.images, manifest.parity
    if images["converted_by_pillow"]:
        counts = ", ".join(f"{n:,} {kind}" for kind, n in images["converted_by_pillow"].items())
        yield f"  converted by Pillow, since the graph does not decode them: {counts}"
    if images.get("without_end_marker"):
        count = _count(images["without_end_marker"], "JPEG")
        yield f"  whole but for the end marker, which was put on: {count}"
    yield from _box_frame(images.get("box_frame", {}))
    if images["unannotated"]:
        yield f"  images that no annotation names: {images['unannotated']:,}"
    near = images["near_duplicates"]
    if near["groups"]:
        yield (
            f"  near duplicates: {near['images']:,} images in {_count(near['groups'], 'group')}, "
            f"{near['straddling']:,} of them in more than one split; {near['dropped']:,} dropped"
        )
    for pictures in near["examples"]:
        yield "    " + " and ".join(f"{split}/{name}" for split, name in pictures)
    rows = sum(parity["rows"].values())
    largest = parity["largest_pixel_difference"]
    exact = "exactly" if not largest else f"but for JPEG: a sample differs by {largest} at most"
    yield f"  parity: {rows} images through the graph equal the stored records {exact}"


def _box_frame(frame: Mapping[str, Any]) -> Iterator[str]:
    """The frame of the boxes of photos that EXIF turns, and why, where there are any."""
    if not frame.get("turned"):
        return
    photos = _count(frame["turned"], "photo")
    if frame["decided_by"] == "none":
        yield f"  boxes of {photos} that EXIF turns: the same in either frame"
        return
    shown = ", ".join(f"{frame[kind]:,} {kind}" for kind in ("upright", "stored", "unknown"))
    why = "the recipe says" if frame["decided_by"] == "recipe" else "the files show"
    yield f"  boxes of {photos} that EXIF turns: {frame['frame']}, as {why}; by photo: {shown}"


def sample(name: str, directory: str) -> int:
    """Write the small input of a built-in recipe into a folder that is empty or not there.

    Raises:
      RecipeError: There is no such recipe, it has no sample, or the folder holds a file, which the
        sample could replace.
    """
    from ..pipelines.recipes.find import find_recipe

    recipe = find_recipe(name)
    if recipe.sample is None:
        raise RecipeError(f"recipe {recipe.name} has no sample of its own")
    if os.path.isdir(directory) and os.listdir(directory):
        raise RecipeError(f"{directory}: is not empty. Name a new folder for the sample.")
    written = recipe.sample(directory)
    inputs = " ".join(
        f"--input {shlex.quote(f'{one.split}={one.pattern}' if one.split else one.pattern)}"
        for one in written
    )
    print(f"recordmill run {name} --output out/{name} {inputs}")
    return 0


def verify(directory: str, *, parity: str | None) -> int:
    """Check every byte of a dataset, and a model against it, and say what was checked."""
    if parity is not None:
        start_tensorflow()
    from ..pipelines.verify import verify as verify_dataset

    report = verify_dataset(directory, parity=parity)
    shards = _count(len(report.shards), "shard")
    print(
        f"{directory}: good. {report.records:,} records in {shards}, "
        f"{report.bytes / 1e6:,.1f} MB, each hashed and read; ledger, graph and parity hold."
    )
    if report.parity is not None:
        print(f"{parity}: {report.parity.compared}: {report.parity.result}")
        for note in report.parity.notes:
            print(f"note: {note}")
    return 0


def show(directory: str, *, split: str, records: int | None, sheet: str | None) -> int:
    """Print the first records of a split, one feature a line; of images it draws a sheet."""
    start_tensorflow()
    from ..transforms.dataset.loader import load

    data = load(directory)
    if data.manifest.images:
        return _show_images(directory, data.manifest.name, split, records, sheet)
    if sheet is not None:
        raise RecipeError(f"{directory}: --sheet is for a dataset of images")
    found = data.dataset(split, batch_size=1, shuffle=False).take(
        _SHOWN_RECORDS if records is None else records
    )
    for number, element in enumerate(found.as_numpy_iterator()):
        features, label = element if isinstance(element, tuple) else (element, None)
        print(f"{split} record {number}")
        width = max(map(len, features))
        for name in sorted(features):
            print(f"  {name:<{width}}  {_text(features[name][0])}")
        if label is not None:
            print(f"  label {data.manifest.label}: {_text(label[0])}")
    return 0


def _show_images(
    directory: str, name: str, split: str, records: int | None, sheet: str | None
) -> int:
    from .sheet import contact_sheet

    path = sheet or f"{name}-{split}.png"
    count = _SHOWN_IMAGES if records is None else records
    drawn = contact_sheet(directory, split=split, count=count, path=path)
    print(f"{directory}: drew {drawn:,} records of {split} in {path}")
    return 0


def _text(value: Any) -> str:
    return value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else str(value)
