import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from benchmarks import images
from benchmarks.contenders import count_records
from recordmill.pipelines.samples.hotdog import write_hotdog_sample


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    train, _ = write_hotdog_sample(str(tmp_path_factory.mktemp("sample")))
    return Path(train)


def test_the_real_images_are_taken_where_both_classes_are_there(
    tmp_path: Path, sample: Path
) -> None:
    assert images.hotdog(sample, tmp_path) == (sample, True)
    assert images.hotdog(tmp_path / "absent", sample) == (sample, False)
    (tmp_path / "hot_dog").mkdir()
    assert images.hotdog(tmp_path, sample) == (sample, False)


def test_copies_are_different_files_of_the_same_pixels(tmp_path: Path, sample: Path) -> None:
    folder = images.copies(sample, 130, tmp_path)

    files = sorted(folder.glob("*/*.jpg"))
    assert folder == tmp_path / "train-130"
    assert len(files) == len({file.read_bytes() for file in files}) == 130
    first, again = (
        Image.open(folder / "hot_dog" / f"hot_dog-09-{index:05}.jpg") for index in (9, 129)
    )
    assert (first.info["comment"], again.info["comment"]) == (b"copy 9", b"copy 129")
    assert first.getexif() == again.getexif() == {0x0112: 6}
    assert first.tobytes() == again.tobytes()
    assert first.tobytes() == Image.open(sample / "hot_dog" / "hot_dog-09.jpg").tobytes()


@pytest.mark.slow
def test_large_pictures_are_made_of_small_ones(tmp_path: Path, sample: Path) -> None:
    folder = images.large(sample, 14, tmp_path)
    paths = sorted(folder.glob("*/*.jpg"))
    assert [path.parent.name for path in paths] == ["hot_dog"] * 8 + ["not_hot_dog"] * 6
    assert len({path.read_bytes() for path in paths}) == 14
    pixels = {np.asarray(Image.open(path)).tobytes() for path in paths}
    assert len(pixels) == 12
    first = Image.open(folder / "hot_dog" / "00-00000.jpg")
    assert (first.size, first.mode) == ((4000, 3000), "RGB")
    originals = sorted(sample.glob("*/*.jpg"))
    last = ImageOps.fit(Image.open(originals[63]).convert("RGB"), (500, 375))
    corner = np.asarray(first.crop((3500, 2625, 4000, 3000)), np.int64)
    assert np.abs(corner - np.asarray(last)).mean() < 4


def test_what_is_no_jpeg_gets_no_comment() -> None:
    with pytest.raises(ValueError, match=r"^expected a JPEG file, got one that begins with b'GIF"):
        images.with_comment(b"GIF89a", b"")


@pytest.mark.slow
def test_the_peers_make_the_same_pixels(tmp_path: Path, sample: Path) -> None:
    from benchmarks.peers import images_beam, images_tf_data

    data = next((sample / "hot_dog").iterdir()).read_bytes()

    read = images_tf_data.pixels(data).numpy()
    encoded = Image.open(io.BytesIO(images_beam.encode(data)))

    assert (read.dtype, read.shape) == (np.uint8, (224, 224, 3))
    assert encoded.size == (224, 224)
    assert np.abs(read.astype(int) - np.asarray(encoded)).mean() < 3


@pytest.mark.slow
def test_the_peers_read_every_file(tmp_path: Path, sample: Path) -> None:
    import tensorflow as tf

    from benchmarks.peers import images_beam, images_tf_data

    assert images_tf_data.read(str(sample)) == 120
    assert images_tf_data.write(str(sample), str(tmp_path / "stored")) == 120
    stored = [record.numpy() for record in tf.data.TFRecordDataset(str(tmp_path / "stored"))]
    assert {Image.open(io.BytesIO(jpeg)).size for jpeg in stored} == {(224, 224)}
    assert len(stored) == 120
    images_beam.prepare({"train": str(sample)}, str(tmp_path))
    assert count_records(tmp_path / "train") == 120
