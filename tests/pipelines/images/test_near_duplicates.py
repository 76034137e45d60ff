"""Near duplicates by the hashes of images, and buckets without them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
import pytest

from recordmill.pipelines.images.near_duplicates import (
    HashBatch,
    NearDuplicateFindings,
    drop_images,
    find_near,
    image_ids,
)
from recordmill.pipelines.images.perceptual_hash import NearDuplicates
from recordmill.pipelines.runtime.elements import Bucket

FAR, FARTHER = 0xFFFF_FFFF_0000_0000, 0x00FF_00FF_00FF_0000


def look(split: str, *images: tuple[str, str, int], lo: Sequence[int] = ()) -> HashBatch:
    """Of images of (name, digest, hash), and the second lanes of their keys, which can be 0."""
    names, digests, hashes = zip(*images, strict=True)
    lane = np.array(lo or [0] * len(names), np.uint64)
    return HashBatch(split, names, digests, lane, np.array(hashes, np.uint64))


TRAIN = look("train", ("a.jpg", "11", 0b0), ("b.jpg", "00", 0b1), ("c.jpg", "22", FAR))
EVAL = look("eval", ("x.jpg", "99", 0b1100), ("y.jpg", "33", FARTHER))
FOUND = NearDuplicates(1, 3, 1, ((("eval", "x.jpg"), ("train", "a.jpg")),))


def test_they_are_only_told_of() -> None:
    assert find_near([TRAIN, EVAL], drop=False) == NearDuplicateFindings(FOUND, frozenset())


@pytest.mark.parametrize("looks", [[TRAIN, EVAL], [EVAL, TRAIN]])
def test_training_loses_its_own_whatever_the_order(looks: list[HashBatch]) -> None:
    near = find_near(looks, drop=True)
    assert near.summary == FOUND
    assert near.dropped == {("train", "a.jpg", "11"), ("train", "b.jpg", "00")}


def test_within_a_split_the_smallest_digest_stays() -> None:
    near = find_near([TRAIN], drop=True)
    assert near.summary == NearDuplicates(1, 2, 0, ())
    assert near.dropped == {("train", "a.jpg", "11")}


def test_the_same_file_listed_twice_is_one_image() -> None:
    near = find_near([look("train", ("a", "11", 5)), look("train", ("a", "11", 5))], drop=True)
    assert near == NearDuplicateFindings(NearDuplicates(0, 0, 0, ()))


def test_a_copy_of_a_file_under_another_name_is_a_near_duplicate() -> None:
    near = find_near([look("train", ("a", "11", 5), ("b", "11", 5))], drop=True)
    assert near.summary == NearDuplicates(1, 2, 0, ())
    assert near.dropped == {("train", "b", "11")}


def test_of_copies_of_a_file_the_one_with_the_smallest_key_stays() -> None:
    """The shuffle keeps the same one where rows are distinct; else none would be left."""
    copies = look("train", ("a", "11", 5), ("b", "11", 5), ("c", "11", 5), lo=(9, 2**64 - 1, 10))
    assert find_near([copies], drop=True).dropped == {("train", "b", "11"), ("train", "c", "11")}
    again = look("train", ("b", "11", 5), lo=(8,))
    for looks in ([copies, again], [again, copies]):
        dropped = find_near(looks, drop=True).dropped
        assert dropped == {("train", "a", "11"), ("train", "c", "11")}


@pytest.mark.parametrize("drop", [False, True])
def test_no_images(drop: bool) -> None:
    assert find_near([], drop=drop) == NearDuplicateFindings(NearDuplicates(0, 0, 0, ()))


def rows(*images: tuple[str, str]) -> pa.RecordBatch:
    names, digests = zip(*images, strict=True)
    return pa.RecordBatch.from_pydict(
        {
            "filename": pa.array(names).dictionary_encode(),
            "sha256": pa.array(digests).dictionary_encode(),
        }
    )


BATCHES = [rows(("a", "1"), ("b", "2")), rows(("c", "3"), ("a", "4"), ("b", "2"))]


def bucket(split: str = "train", batches: list[pa.RecordBatch] = BATCHES) -> Bucket:
    def opened() -> Iterator[pa.RecordBatch]:
        return iter(batches)

    return Bucket(split, 3, opened, lambda: 10)


def near(*dropped: tuple[str, str, str]) -> NearDuplicateFindings:
    return NearDuplicateFindings(NearDuplicates(0, 0, 0, ()), frozenset(dropped))


def names(bucket: Bucket) -> list[list[str]]:
    return [batch.column("filename").to_pylist() for batch in bucket.open()]


def test_what_tells_one_image_from_another() -> None:
    assert list(image_ids("train", BATCHES[0])) == [("train", "a", "1"), ("train", "b", "2")]
    assert list(image_ids("train", BATCHES[0].slice(0, 0))) == []


def test_where_nothing_is_dropped_the_bucket_is_itself() -> None:
    complete = bucket()
    assert drop_images(complete, near()) is complete


def test_a_bucket_without_some_of_its_images() -> None:
    thinned = drop_images(bucket(), near(("train", "b", "2"), ("train", "c", "3")))
    assert (thinned.split, thinned.index) == ("train", 3)
    assert names(thinned) == names(thinned) == [["a"], ["a"]]
    assert thinned.repeats() == 10 + 3
    assert names(bucket()) == [["a", "b"], ["c", "a", "b"]]


def test_an_image_goes_by_split_name_and_content() -> None:
    dropped = near(("eval", "b", "2"), ("train", "a", "4"), ("train", "x", "3"))
    assert names(drop_images(bucket(), dropped)) == [["a", "b"], ["c", "b"]]
    assert drop_images(bucket(), dropped).repeats() == 10 + 1
    assert names(drop_images(bucket("eval"), dropped)) == [["a"], ["c", "a"]]


def test_a_bucket_of_nothing_but_what_is_dropped() -> None:
    thinned = drop_images(
        bucket(batches=BATCHES[:1]), near(("train", "a", "1"), ("train", "b", "2"))
    )
    assert names(thinned) == [[]]
    assert thinned.repeats() == 10 + 2


def test_an_empty_bucket() -> None:
    thinned = drop_images(bucket(batches=[]), near(("train", "a", "1")))
    assert names(thinned) == []
    assert thinned.repeats() == 10
