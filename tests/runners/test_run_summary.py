"""The closing lines of a run."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from recordmill.runners.run_summary import summary
from recordmill.schemas.manifest import Expansion, Ledger, Manifest, Shard, Split

NO_NEAR = {"groups": 0, "images": 0, "straddling": 0, "examples": [], "dropped": 0}
IMAGES = {"converted_by_pillow": {}, "unannotated": 0, "near_duplicates": NO_NEAR}


def split(*sizes: int) -> Split:
    shards = (Shard(f"data-{i}", 1, size, "") for i, size in enumerate(sizes))
    return Split(len(sizes), tuple(shards))


PLAIN = Manifest(
    name="pets",
    created="2024-01-01T00:00:00Z",
    versions={},
    recipe={},
    seed=0,
    inputs=(),
    splits={"train": split(1_500_000, 2_000_000), "eval": split(40_000)},
    ledger={"train": Ledger(1200, 1200), "eval": Ledger(3, 3)},
    compression="",
    label="label",
    transform_fn={},
    parity={"rows": {"train": 16, "eval": 3}, "largest_pixel_difference": 0},
    expansion={"train": Expansion(1200, 1200), "eval": Expansion(3, 3)},
    images=IMAGES,
)

FIRST = "pets: prepared out in 2.0 s"
TRAIN = "  train: 1,200 images read, 1,200 written, 2 shards of 3.5 MB"
EVAL = "  eval: 3 images read, 3 written, 1 shard of 0.0 MB"
PARITY = "  parity: 19 images through the graph equal the stored records exactly"


def lines(manifest: Manifest) -> list[str]:
    return summary(manifest, "out", 2.04).splitlines()


def about(**images: Any) -> Manifest:
    return replace(PLAIN, images=IMAGES | images)


def test_images_without_particulars() -> None:
    assert lines(PLAIN) == [FIRST, TRAIN, EVAL, PARITY]


def test_the_count_of_each_outcome() -> None:
    rejected = {"bad_box": 1, "truncated": 2}
    ledger = {"train": Ledger(2000, 1000, 400, 300, 297, rejected), "unsplit": Ledger(1, 0)}
    assert lines(replace(PLAIN, ledger=ledger))[1:3] == [
        "  train: 2,000 images read, 1,000 written, 400 filtered, 300 duplicates, "
        "297 sampled out, 1 rejected as bad_box, 2 rejected as truncated, 2 shards of 3.5 MB",
        "  unsplit: 1 image read, 0 written",
    ]


def test_advice_for_rows_that_are_not_utf_8(tmp_path: Path) -> None:
    reject = {
        "file": "a.csv",
        "line": 17,
        "column": None,
        "reason": "invalid_utf8",
        "message": "expected UTF-8 text, got 0xe9 at byte 6 of the record",
        "raw": "7,caf\\xe9,no",
    }
    (tmp_path / "rejects").mkdir()
    (tmp_path / "rejects/unsplit.jsonl").write_text(json.dumps(reject) + "\n")
    ledger = {"train": Ledger(900, 900), "unsplit": Ledger(8, 0, rejected={"invalid_utf8": 8})}
    manifest = replace(PLAIN, ledger=ledger, images={})
    assert summary(manifest, str(tmp_path), 2.04).splitlines()[2:4] == [
        "  unsplit: 8 rows read, 0 written, 8 rejected as invalid_utf8",
        "  8 rows rejected: not UTF-8 text, such as a.csv:17. The bytes look like Latin-1, in "
        'which they read "7,café,no": convert the file, as `iconv -f ISO-8859-1 -t UTF-8` does.',
    ]


@pytest.mark.parametrize(
    ("expansion", "line"),
    [
        (
            Expansion(written=4, pieces=36, left_out=20, copies=32),
            "  train: 48 records, 36 tiles of which 20 were left out, 32 augmented copies",
        ),
        (
            Expansion(written=4, pieces=36_000, left_out=0, copies=0),
            "  train: 36,000 records, 36,000 tiles of which 0 were left out",
        ),
        (
            Expansion(written=1200, pieces=1200, copies=2400),
            "  train: 3,600 records, 2,400 augmented copies",
        ),
    ],
    ids=["both", "tiles", "copies"],
)
def test_tiles_and_copies(expansion: Expansion, line: str) -> None:
    manifest = replace(PLAIN, expansion={**PLAIN.expansion, "train": expansion})
    assert lines(manifest) == [FIRST, TRAIN, line, EVAL, PARITY]


def test_images_converted_by_pillow() -> None:
    assert lines(about(converted_by_pillow={"TIFF": 1, "WEBP": 2000})) == [
        FIRST,
        TRAIN,
        EVAL,
        "  converted by Pillow, since the graph does not decode them: 1 TIFF, 2,000 WEBP",
        PARITY,
    ]


def test_jpegs_that_got_an_end_marker() -> None:
    line = "  end marker added to {}, complete otherwise"
    for count, shown in ((1, "1 JPEG"), (2000, "2,000 JPEGs")):
        manifest = about(without_end_marker=count)
        assert lines(manifest) == [FIRST, TRAIN, EVAL, line.format(shown), PARITY]


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        (
            {"frame": "upright", "decided_by": "files", "turned": 1200, "upright": 1000},
            "1,200 photos that EXIF turns: upright, as the files show; by photo: 1,000 upright, "
            "0 stored, 0 unknown",
        ),
        (
            {"frame": "stored", "decided_by": "recipe", "turned": 1, "unknown": 1},
            "1 photo that EXIF turns: stored, as the recipe says; by photo: 0 upright, 0 stored, "
            "1 unknown",
        ),
        (
            {"frame": "stored", "decided_by": "none", "turned": 2},
            "2 photos that EXIF turns: the same in either frame",
        ),
    ],
    ids=["files", "recipe", "none"],
)
def test_the_frame_of_boxes(fields: dict[str, Any], line: str) -> None:
    frame = {"upright": 0, "stored": 0, "unknown": 0} | fields
    assert lines(about(box_frame=frame)) == [FIRST, TRAIN, EVAL, f"  boxes of {line}", PARITY]
    assert lines(about(box_frame=frame | {"turned": 0})) == [FIRST, TRAIN, EVAL, PARITY]


def test_images_without_an_annotation() -> None:
    assert lines(about(unannotated=1234)) == [
        FIRST,
        TRAIN,
        EVAL,
        "  images without an annotation: 1,234",
        PARITY,
    ]


BOXES = {"images": 1200, "without_boxes": 3, "boxes": 2217, "clipped": 0, "tiny": 0}


@pytest.mark.parametrize(
    ("counts", "text"),
    [
        (
            BOXES | {"classes": {"cat": 2217, "dog": 0}},
            "1,200 images, 3 without a box; 2,217 boxes: cat 2,217, dog 0",
        ),
        (
            BOXES | {"boxes": 1, "clipped": 1, "tiny": 1, "classes": {"cat": 1}},
            "1,200 images, 3 without a box; 1 box: cat 1; 1 clipped, outside the picture by "
            "more than a pixel; 1 with a side under 1.5 pixels",
        ),
        (
            {"images": 1200, "classes": {"cat": 1199, "dog": 1}},
            "images of each class: cat 1,199, dog 1",
        ),
        (
            {"images": 22, "classes": {f"class {i}": 1 for i in range(22)}},
            "images of each class: "
            f"{', '.join(f'class {i} 1' for i in range(20))} and 2 more classes",
        ),
    ],
    ids=["boxes", "doubtful", "labels", "many"],
)
def test_counts_of_images_and_boxes(counts: dict[str, Any], text: str) -> None:
    assert lines(about(counts={"train": counts})) == [
        *(FIRST, TRAIN, f"  train: {text}", EVAL, PARITY),
    ]


def test_near_duplicates_with_examples() -> None:
    near = {
        "groups": 3,
        "images": 7,
        "straddling": 1,
        "examples": [[["eval", "dog/1.jpg"], ["train", "dog/2.jpg"]]],
        "dropped": 4,
    }
    assert lines(about(near_duplicates=near)) == [
        FIRST,
        TRAIN,
        EVAL,
        "  near duplicates: 7 images in 3 groups, 1 of them in more than one split; 4 dropped",
        "    eval/dog/1.jpg and train/dog/2.jpg",
        PARITY,
    ]


def test_jpeg_is_not_exact() -> None:
    parity = PLAIN.parity | {"largest_pixel_difference": 7}
    assert lines(replace(PLAIN, parity=parity))[-1] == (
        "  parity: 19 images through the graph equal the stored records "
        "but for JPEG: a sample differs by 7 at most"
    )


def test_a_table() -> None:
    manifest = replace(PLAIN, images={}, expansion={}, unseen={"eval": {"job": 5, "sex": 0}})
    assert lines(manifest) == [
        FIRST,
        "  train: 1,200 rows read, 1,200 written, 2 shards of 3.5 MB",
        "  eval: 3 rows read, 3 written, 1 shard of 0.0 MB",
        "  eval: values never seen in train: job 5",
        "  parity: 19 raw rows through the graph equal the stored records",
    ]
