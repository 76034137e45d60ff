from __future__ import annotations

import hashlib
from collections import Counter
from pathlib import Path

import pytest
from PIL import Image, ImageOps

from recordmill.pipelines.samples.hotdog import TEST_IMAGES, TRAIN_IMAGES, write_hotdog_sample


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hotdog") / "new"
    assert write_hotdog_sample(str(folder)) == (f"{folder}/train", f"{folder}/test")
    return folder


def digests(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*.jpg"))
    }


def test_a_folder_for_each_class(sample: Path) -> None:
    counts = Counter(path.parent.relative_to(sample) for path in sample.rglob("*.jpg"))
    assert counts == {
        Path("train/hot_dog"): TRAIN_IMAGES,
        Path("train/not_hot_dog"): TRAIN_IMAGES,
        Path("test/hot_dog"): TEST_IMAGES,
        Path("test/not_hot_dog"): TEST_IMAGES,
    }


def test_the_same_bytes_every_time_and_no_picture_twice(sample: Path, tmp_path: Path) -> None:
    write_hotdog_sample(str(tmp_path))
    first = digests(sample)
    assert digests(tmp_path) == first
    assert len(set(first.values())) == len(first)


def test_sizes_and_bytes(sample: Path) -> None:
    paths = list(sample.rglob("*.jpg"))
    sizes = {Image.open(path).size for path in paths}
    assert min(map(min, sizes)) >= 120 and max(map(max, sizes)) <= 320
    assert len(sizes) > 100
    assert sum(path.stat().st_size for path in paths) < 2_000_000


def test_every_tenth_is_stored_rotated(sample: Path) -> None:
    paths = sorted((sample / "train" / "hot_dog").iterdir())
    orientations = [Image.open(path).getexif().get(0x0112, 1) for path in paths]
    expected = [6, 8, 3, 6, 8, 3]
    assert orientations == [
        expected[index // 10] if index % 10 == 9 else 1 for index in range(len(paths))
    ]


def test_a_turned_burger_shows_upright(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from recordmill.pipelines.samples import hotdog as hotdog_sample

    upright = Image.new("RGB", (200, 120), "white")
    upright.paste((255, 0, 0), (0, 0, 200, 40))
    monkeypatch.setattr(hotdog_sample, "_picture", lambda draw, dish: upright)
    write_hotdog_sample(str(tmp_path))

    for index in (9, 19, 29):
        stored = Image.open(tmp_path / "train" / "hot_dog" / f"hot_dog-{index:02}.jpg")
        shown = ImageOps.exif_transpose(stored)
        assert shown.size == (200, 120)
        red, _, blue = shown.getpixel((100, 10))
        assert red > 200 and blue < 50
