from __future__ import annotations

import hashlib
from pathlib import Path

from recordmill.pipelines.samples.census import write_census_sample
from recordmill.schemas.census import CENSUS

DIGESTS = [
    "3024497c547aadfc77dbfb2818746f72d9dd8ac9bd5010eec8a15e99750ffb29",
    "376341a5b10aa89b63621d633c4c2354f3d9ba39fa7e277651a4901e8357ae9a",
]


def test_always_the_same_bytes_in_the_format_of_the_published_files(tmp_path: Path) -> None:
    train, evaluation = write_census_sample(str(tmp_path / "new" / "folder"))
    digests = [hashlib.sha256(Path(path).read_bytes()).hexdigest() for path in (train, evaluation)]
    assert digests == DIGESTS
    lines = Path(train).read_text().splitlines()
    assert (len(lines), lines[-1]) == (2001, "")
    assert {len(line.split(", ")) for line in lines[:-1]} == {len(CENSUS.names)}
    first, *rows, last = Path(evaluation).read_text().splitlines()
    assert (first, len(rows), last) == ("|1x3 Cross validator", 1000, "")
    assert {row.rpartition(", ")[2] for row in rows} == {">50K.", "<=50K."}


def test_values_are_those_of_the_schema(tmp_path: Path) -> None:
    train, _ = write_census_sample(str(tmp_path))
    rows = [line.split(", ") for line in Path(train).read_text().splitlines() if line]
    for column, texts in zip(CENSUS, zip(*rows, strict=True), strict=True):
        present = {text for text in texts if text not in column.missing}
        if column.domain:
            assert present <= {*column.domain, *(text for text, _ in column.spelling)}
        if column.type == "int64":
            numbers = [int(text) for text in present]
            assert column.minimum is None or min(numbers) >= column.minimum
            assert column.maximum is None or max(numbers) <= column.maximum
