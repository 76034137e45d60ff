"""Closing lines of `recordmill run`: the count of each split, its shards, parity."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..schemas.manifest import Manifest
from ..schemas.wording import count_of

__all__ = ["summary"]

_MAX_CLASSES = 20
"""Number of classes whose counts are listed."""


def summary(manifest: Manifest, output: str, seconds: float) -> str:
    """Return the closing lines of a run: count of each split, shards, doubtful values, parity.

    Args:
      manifest: Manifest of the published dataset.
      output: Folder of the dataset.
      seconds: Duration of the run.
    """
    from ..pipelines.readers.text_encoding import undecodable_rows

    lines = [f"{manifest.name}: prepared {output} in {seconds:.1f} s"]
    for name, ledger in manifest.ledger.items():
        not_written = {
            "filtered": ledger.filtered,
            "duplicates": ledger.duplicates,
            "sampled out": ledger.sampled_out,
            **{f"rejected as {reason}": count for reason, count in ledger.rejected.items()},
        }
        noun = "image" if manifest.images else "row"
        parts = [f"{count_of(ledger.read, noun)} read", f"{ledger.written:,} written"]
        parts += [f"{count:,} {outcome}" for outcome, count in not_written.items() if count]
        if name in manifest.splits:
            shards = manifest.splits[name].shards
            size = sum(shard.bytes for shard in shards) / 1e6
            parts.append(f"{count_of(len(shards), 'shard')} of {size:,.1f} MB")
        lines.append(f"  {name}: {', '.join(parts)}")
        unseen = {c: n for c, n in manifest.unseen.get(name, {}).items() if n}
        if unseen:
            counts = ", ".join(f"{column} {count:,}" for column, count in unseen.items())
            lines.append(f"  {name}: values never seen in train: {counts}")
        lines += _image_counts(manifest, name)
        lines += _expansion(manifest, name)
    if undecodable := undecodable_rows(output, manifest.ledger):
        lines.append(f"  {undecodable}")
    if manifest.images:
        return "\n".join([*lines, *_image_lines(manifest)])
    rows = sum(manifest.parity["rows"].values())
    lines.append(f"  parity: {rows} raw rows through the graph equal the stored records")
    return "\n".join(lines)


def _expansion(manifest: Manifest, split: str) -> Iterator[str]:
    """Yield the numbers of tiles and augmented copies of a split, if it has any."""
    expansion = manifest.expansion.get(split)
    if expansion and (expansion.pieces != expansion.written or expansion.copies):
        parts = [f"{expansion.records:,} records"]
        if expansion.pieces != expansion.written:
            parts.append(
                f"{expansion.pieces:,} tiles of which {expansion.left_out:,} were left out"
            )
        if expansion.copies:
            parts.append(f"{expansion.copies:,} augmented copies")
        yield f"  {split}: {', '.join(parts)}"


def _image_counts(manifest: Manifest, split: str) -> Iterator[str]:
    """Yield the number of images or boxes of each class of a split, and of doubtful boxes."""
    counts = manifest.images.get("counts", {}).get(split)
    if not counts:
        return
    classes = _classes(counts["classes"])
    if "boxes" not in counts:
        yield f"  {split}: images of each class: {classes}"
        return
    parts = [
        f"{count_of(counts['images'], 'image')}, {counts['without_boxes']:,} without a box",
        f"{count_of(counts['boxes'], 'box', 'boxes')}: {classes}",
    ]
    if counts["clipped"]:
        parts.append(f"{counts['clipped']:,} clipped, outside the picture by more than a pixel")
    if counts["tiny"]:
        parts.append(f"{counts['tiny']:,} with a side under 1.5 pixels")
    yield f"  {split}: {'; '.join(parts)}"


def _classes(counts: Mapping[str, int]) -> str:
    """Return the counts of the first classes as text.

    >>> _classes({"cat": 1200, "dog": 0})
    'cat 1,200, dog 0'
    """
    text = ", ".join(f"{name} {count:,}" for name, count in list(counts.items())[:_MAX_CLASSES])
    rest = max(len(counts) - _MAX_CLASSES, 0)
    return text + (f" and {count_of(rest, 'more class', 'more classes')}" if rest else "")


def _image_lines(manifest: Manifest) -> Iterator[str]:
    """Yield the lines that describe all images of a dataset."""
    images, parity = manifest.images, manifest.parity
    if images["converted_by_pillow"]:
        counts = ", ".join(f"{n:,} {kind}" for kind, n in images["converted_by_pillow"].items())
        yield f"  converted by Pillow, since the graph does not decode them: {counts}"
    if images.get("without_end_marker"):
        count = count_of(images["without_end_marker"], "JPEG")
        yield f"  end marker added to {count}, complete otherwise"
    yield from _box_frame(images.get("box_frame", {}))
    if images["unannotated"]:
        yield f"  images without an annotation: {images['unannotated']:,}"
    near = images["near_duplicates"]
    if near["groups"]:
        yield (
            f"  near duplicates: {near['images']:,} images in {count_of(near['groups'], 'group')}, "
            f"{near['straddling']:,} of them in more than one split; {near['dropped']:,} dropped"
        )
    for pictures in near["examples"]:
        yield "    " + " and ".join(f"{split}/{name}" for split, name in pictures)
    rows = sum(parity["rows"].values())
    largest = parity["largest_pixel_difference"]
    exact = "exactly" if not largest else f"but for JPEG: a sample differs by {largest} at most"
    yield f"  parity: {rows} images through the graph equal the stored records {exact}"


def _box_frame(frame: Mapping[str, Any]) -> Iterator[str]:
    """Yield the frame of the boxes of photos that EXIF rotates or mirrors, and its reason."""
    if not frame.get("turned"):
        return
    photos = count_of(frame["turned"], "photo")
    if frame["decided_by"] == "none":
        yield f"  boxes of {photos} that EXIF turns: the same in either frame"
        return
    counts = ", ".join(f"{frame[kind]:,} {kind}" for kind in ("upright", "stored", "unknown"))
    reason = "the recipe says" if frame["decided_by"] == "recipe" else "the files show"
    yield f"  boxes of {photos} that EXIF turns: {frame['frame']}, as {reason}; by photo: {counts}"
