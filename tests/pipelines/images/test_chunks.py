"""Image files into rows: the cutting into chunks, and what becomes of each image."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.small_images import PETS, TILED, encoded, picture
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image

from recordmill.pipelines import ImageLimits, Images, Input, Recipe, Splitting
from recordmill.pipelines.images.annotations.box_format import BoxFormat
from recordmill.pipelines.images.annotations.refs import ImageRef, Listing
from recordmill.pipelines.images.chunks import Chunk, ChunkRead, Tally, chunks, read_chunk
from recordmill.pipelines.runtime.elements import Reject
from recordmill.schemas import Column, ImageSchema
from recordmill.schemas.manifest import Ledger, SourceFile

MEGABYTES = 16 << 20
BAD = (Reject("list.csv", 3, None, "missing_image", "gone", "x.jpg"),)
SOURCE = SourceFile("in/", "train", 0, "00", 0)


def ref(name: str = "cat/1.png", **fields: Any) -> ImageRef:
    fields = {"size_bytes": 100, "split": None, "source": "list.csv", "line": 2} | fields
    return ImageRef(f"in/{name}", name, **fields)


def cut(sizes: list[int], rejects: tuple[Reject, ...] = ()) -> list[Chunk]:
    images = tuple(ref(str(place), size_bytes=size) for place, size in enumerate(sizes))
    listing = Listing(7, images, rejects, 0, 0, SOURCE)
    return list(chunks(7, Input("train", "in/"), listing))


class TestChunks:
    @given(
        st.lists(st.integers(0, 36_000_000) | st.just(0), max_size=600), st.sampled_from([(), BAD])
    )
    @example([0] * 513, ())
    @example([0] * 3000, ())
    @example([MEGABYTES + 1] * 3, BAD)
    def test_all_images_once_within_the_limits(
        self, sizes: list[int], rejects: tuple[Reject, ...]
    ) -> None:
        found = cut(sizes, rejects)
        names = [image.name for chunk in found for image in chunk.images]
        assert names == [str(place) for place in range(len(sizes))]
        for place, chunk in enumerate(found):
            assert (chunk.position, chunk.source, chunk.split) == ((7, place), "in/", "train")
            assert len(chunk.images) <= 256
            held = sum(image.size_bytes for image in chunk.images)
            assert len(chunk.images) <= 1 or held <= MEGABYTES
        assert [reject for chunk in found for reject in chunk.rejects] == list(rejects)
        assert not any(chunk.rejects for chunk in found[1:])

    @pytest.mark.parametrize(
        ("sizes", "lengths"),
        [
            ([], []),
            ([0], [1]),
            ([1] * 64, [8] * 8),
            ([1] * 65, [9] * 7 + [2]),
            ([1] * 2049, [256] * 8 + [1]),
            ([MEGABYTES - 1, 1, 1] + [1] * 13, [2] * 8),
            ([MEGABYTES - 1, 1, 1] + [1] * 14, [2, 3, 3, 3, 3, 3]),
            ([1, MEGABYTES + 1, 1], [1, 1, 1]),
        ],
    )
    def test_where_they_are_cut(self, sizes: list[int], lengths: list[int]) -> None:
        assert [len(chunk.images) for chunk in cut(sizes)] == lengths

    def test_bad_annotations_alone_make_a_chunk(self) -> None:
        assert cut([], BAD) == [Chunk((7, 0), "in/", "train", (), BAD)]


class TestTally:
    def test_it_adds_up_in_any_order(self) -> None:
        one = Tally(1, 10, 2**256 - 1, Counter(PNG=1), Counter(), 1)
        other = Tally(2, 5, 3, Counter(PNG=1, TIFF=1), Counter(TIFF=1), 2)
        total = Tally(3, 15, 2, Counter(PNG=2, TIFF=1), Counter(TIFF=1), 3)
        assert one + other == other + one == total
        assert one + Tally() == one


def read(
    folder: Path,
    files: dict[str, bytes],
    recipe: Recipe = PETS,
    split: str | None = "train",
    *,
    frame: str = "stored",
    **fields: dict[str, Any],
) -> ChunkRead:
    """A chunk of these files; `fields` has by name those of the refs."""
    refs = []
    for line, (name, data) in enumerate(files.items(), 2):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        told = {"label": name.partition("/")[0]} | fields.get(path.stem, {})
        refs.append(
            ImageRef(str(path), name, len(data), split, source="list.csv", line=line, **told)
        )
    assert isinstance(recipe.schema, ImageSchema) and recipe.images is not None
    chunk = Chunk((0, 0), "in/", split, tuple(refs))
    return read_chunk(chunk, recipe.schema, recipe.images, recipe.selection, frame=frame)


def column(found: ChunkRead, name: str) -> list[Any]:
    return found.cleaned.batch.column(name).to_pylist()  # type: ignore[no-any-return]


def only_reject(found: ChunkRead) -> Reject:
    (reject,) = found.cleaned.rejects
    return reject


PNG = encoded(picture(1), "PNG")
OTHER = encoded(picture(2), "PNG")


class TestRead:
    def test_a_good_image(self, tmp_path: Path) -> None:
        found = read(tmp_path, {"dog/1.png": PNG})
        (row,) = found.cleaned.batch.to_pylist()
        digest = hashlib.sha256(PNG).hexdigest()
        told = ("image", "filename", "sha256", "format", "width", "height", "bytes", "label")
        assert [row[name] for name in told] == [
            *(PNG, "dog/1.png", digest, "PNG", 48, 36, len(PNG), "dog"),
        ]
        assert found.cleaned.batch.schema == PETS.schema.arrow_schema()
        assert found.cleaned.ledger == {"train": Ledger(read=1)}
        named = hashlib.sha256(b"dog/1.png\0" + hashlib.sha256(PNG).digest()).digest()
        assert found.tally == Tally(
            1, len(PNG), int.from_bytes(named, "big"), Counter(PNG=1), Counter()
        )

    def test_no_images(self, tmp_path: Path) -> None:
        found = read(tmp_path, {})
        assert found.cleaned.batch.num_rows == 0
        assert found.tally == Tally()
        assert list(found.hash_batches()) == []

    def test_copies_share_the_first_lane_and_differ_in_the_second(self, tmp_path: Path) -> None:
        found = read(tmp_path, {"cat/1.png": PNG, "dog/2.png": PNG, "dog/3.png": OTHER})
        hi, lo = found.cleaned.hi.tolist(), found.cleaned.lo.tolist()
        assert hi[0] == hi[1] != hi[2]
        assert len(set(lo)) == 3
        other = read(tmp_path, {"cat/1.png": PNG}, replace(PETS, seed=1)).cleaned
        assert other.hi[0] != hi[0] and other.lo[0] != lo[0]

    def test_a_group_stays_in_one_split(self, tmp_path: Path) -> None:
        recipe = replace(PETS, split=Splitting({"train": 0.5, "eval": 0.5}))
        files = {f"cat/{i}.png": encoded(picture(i), "PNG") for i in range(16)}
        groups = {str(i): {"group": f"g{i % 8}"} for i in range(16)}
        splits = read(tmp_path, files, recipe, None, **groups).cleaned.split.tolist()
        assert splits[:8] == splits[8:]
        alone = read(tmp_path, files, recipe, None).cleaned.split.tolist()
        assert set(splits) == set(alone) == {0, 1}

    def test_looks_are_by_split_and_of_what_is_not_flat(self, tmp_path: Path) -> None:
        flat = encoded(Image.new("RGB", (9, 9), "white"), "PNG")
        found = read(tmp_path, {"cat/1.png": PNG, "cat/2.png": flat, "dog/3.png": OTHER})
        (look,) = found.hash_batches()
        assert (look.split, look.names) == ("train", ("cat/1.png", "dog/3.png"))
        assert look.digests == tuple(hashlib.sha256(data).hexdigest() for data in (PNG, OTHER))
        assert look.lo.tolist() == found.cleaned.lo[[0, 2]].tolist()
        assert look.hashes.tolist() == [found.hashes[0], found.hashes[2]]
        assert found.hashes[1] == -1


class TestRejects:
    def test_a_class_that_there_is_not(self, tmp_path: Path) -> None:
        found = read(tmp_path, {"cow/1.png": PNG})
        message = 'cow/1.png: expected a class of "cat", "dog", got "cow"'
        assert only_reject(found) == Reject(
            "list.csv", 2, None, "not_in_domain", message, str(tmp_path / "cow/1.png")
        )
        assert found.cleaned.ledger == {"train": Ledger(1, rejected={"not_in_domain": 1})}
        assert found.tally.formats == Counter()

    @pytest.mark.parametrize("label", [None, ""])
    def test_no_class(self, label: str | None, tmp_path: Path) -> None:
        found = read(tmp_path, {"cat/x.png": PNG}, x={"label": label})
        assert only_reject(found).message == ('cat/x.png: expected a class of "cat", "dog", got ""')

    def test_a_file_beyond_the_limit(self, tmp_path: Path) -> None:
        recipe = replace(PETS, images=Images(limits=ImageLimits(max_bytes=1_000)))
        found = read(tmp_path, {"cat/1.png": bytes(2_000)}, recipe)
        reject = only_reject(found)
        assert (reject.reason, reject.message) == (
            "too_many_bytes",
            "expected at most 1,000 bytes, got 2,000; raise max_bytes if this is intended",
        )
        assert (found.tally.records, found.tally.bytes) == (1, 2_000)

    def test_a_bad_file_stands_under_its_own_name(self, tmp_path: Path) -> None:
        recipe = replace(PETS, images=Images(limits=ImageLimits(max_pixels=48 * 36 - 1)))
        found = read(tmp_path, {"cat/1.png": PNG, "cat/0.png": b""}, recipe)
        assert [(one.file, one.line, one.reason) for one in found.cleaned.rejects] == [
            (str(tmp_path / "cat/0.png"), 1, "empty_file"),
            (str(tmp_path / "cat/1.png"), 1, "too_many_pixels"),
        ]
        assert found.tally.records == 2

    def test_a_further_column(self, tmp_path: Path) -> None:
        schema = ImageSchema(
            "classification",
            ("cat", "dog"),
            (Column("n", "int64"), Column("place", "string", domain=("sea",))),
        )
        found = read(
            tmp_path,
            {f"cat/{name}.png": PNG for name in "abcd"},
            replace(PETS, schema=schema),
            a={"values": (" 7 ", "sea")},
            b={"values": (" x ", "land")},
            c={"values": ("", "")},
            d={"values": ("1", "land")},
        )
        assert column(found, "filename") == ["cat/a.png", "cat/c.png"]
        assert (column(found, "n"), column(found, "place")) == ([7, None], ["sea", None])
        assert [str(reject) for reject in found.cleaned.rejects] == [
            'list.csv:3: column "n": expected an integer, got "x"',
            'list.csv:5: column "place": expected one of "sea", got "land"',
        ]
        assert found.tally.formats == Counter(PNG=2)


def turned(size: tuple[int, int], orientation: int) -> bytes:
    """A JPEG stored in this width and height."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    return encoded(picture(3, size), "JPEG", exif=exif)


RELATIVE = BoxFormat("xyxy", "relative")


def boxed(
    folder: Path,
    data: bytes,
    *boxes: tuple[float, ...],
    stated: tuple[int, int] | None = None,
    frame: str = "stored",
    **more: Any,
) -> ChunkRead:
    told = {"boxes": boxes, "classes": ("dog",) * len(boxes), "stated_size": stated, **more}
    return read(folder, {"1.img": data}, TILED, frame=frame, **{"1": told})


class TestBoxes:
    def test_they_are_relative_and_clipped(self, tmp_path: Path) -> None:
        found = boxed(tmp_path, PNG, (-9, 12, 18, 96), (0, 0, 36, 48))
        assert column(found, "boxes") == [[[0, 0.25, 0.5, 1], [0, 0, 1, 1]]]
        assert column(found, "box_labels") == [["dog", "dog"]]

    def test_a_picture_without_boxes(self, tmp_path: Path) -> None:
        found = boxed(tmp_path, PNG, stated=(1, 1))
        assert (column(found, "boxes"), column(found, "box_labels")) == ([[]], [[]])

    @pytest.mark.parametrize(
        ("box", "shown"),
        [
            ((0, 48, 9, 60), "xmin 48, ymin 0, xmax 60, ymax 9"),
            ((-5, 1, 0, 2), "xmin 1, ymin -5, xmax 2, ymax 0"),
            ((36.5, 1, 40, 2), "xmin 1, ymin 36.5, xmax 2, ymax 40"),
        ],
    )
    def test_one_outside(self, box: tuple[float, ...], shown: str, tmp_path: Path) -> None:
        found = boxed(tmp_path, PNG, (0, 0, 1, 1), box)
        message = f"1.img: expected boxes inside its 48 x 36 pixels, got {shown}"
        assert only_reject(found) == Reject(
            "list.csv", 2, None, "bad_box", message, str(tmp_path / "1.img")
        )

    def test_relative_ones(self, tmp_path: Path) -> None:
        found = boxed(tmp_path, PNG, (-0.5, 0.25, 0.5, 2), box_format=RELATIVE)
        assert column(found, "boxes") == [[[0, 0.25, 0.5, 1]]]

    def test_a_relative_one_outside(self, tmp_path: Path) -> None:
        message = only_reject(boxed(tmp_path, PNG, (9, 12, 18, 48), box_format=RELATIVE)).message
        assert message == (
            "1.img: expected boxes inside 0 to 1, relative to 48 x 36 pixels, got xmin 12, ymin 9, "
            "xmax 48, ymax 18"
        )

    def test_what_is_doubtful_is_known_by_split(self, tmp_path: Path) -> None:
        (evidence,) = boxed(tmp_path, PNG, (-9, 12, 18, 96), (0, 0, 36, 1)).boxes.items()
        split, found = evidence
        assert (split, found.images, found.boxes) == ("train", 1, 2)
        assert (found.clipped.count, found.tiny.count) == (1, 1)

    def test_labels_have_none(self, tmp_path: Path) -> None:
        assert read(tmp_path, {"cat/1.png": PNG}).boxes == {}

    def test_another_size_is_stated(self, tmp_path: Path) -> None:
        assert only_reject(boxed(tmp_path, PNG, (0, 0, 1, 1), stated=(36, 48))).message == (
            "1.img: its boxes are stated for a picture of 36 x 48 pixels, and it has 48 x 36"
        )

    @pytest.mark.parametrize("stated", [None, (48, 36)])
    def test_of_a_turned_picture_they_turn_with_it(
        self, stated: tuple[int, int] | None, tmp_path: Path
    ) -> None:
        found = boxed(tmp_path, turned((48, 36), 6), (9, 12, 18, 48), stated=stated)
        np.testing.assert_allclose(column(found, "boxes"), [[[0.25, 0.5, 1, 0.75]]])
        assert (column(found, "width"), column(found, "height")) == ([36], [48])

    def test_those_of_the_upright_picture_stay(self, tmp_path: Path) -> None:
        data = turned((48, 36), 6)
        found = boxed(tmp_path, data, (12, 9, 48, 18), stated=(36, 48), frame="upright")
        np.testing.assert_allclose(column(found, "boxes"), [[[0.25, 0.25, 1, 0.5]]])

    @pytest.mark.parametrize("stated", [None, (40, 40)])
    def test_of_a_square_they_are_in_the_stored_one(
        self, stated: tuple[int, int] | None, tmp_path: Path
    ) -> None:
        found = boxed(tmp_path, turned((40, 40), 6), (10, 10, 20, 40), stated=stated)
        np.testing.assert_allclose(column(found, "boxes"), [[[0.25, 0.5, 1, 0.75]]])

    def test_a_flip_changes_no_size(self, tmp_path: Path) -> None:
        found = boxed(tmp_path, turned((48, 36), 2), (9, 12, 18, 48), stated=(48, 36))
        np.testing.assert_allclose(column(found, "boxes"), [[[0.25, 0, 0.5, 0.75]]])
