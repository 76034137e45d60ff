"""Whether a prepared dataset is what its manifest says, byte for byte.

All that is wrong is found before anything is reported, a line each. TensorFlow is needed only to
hold an exported model against a good dataset.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from google.protobuf import text_format
from google.protobuf.message import DecodeError
from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2

from ..schemas.errors import DataError
from ..schemas.manifest import MANIFEST, Expansion, Manifest, Shard, tree_sha256
from .runtime import filesystem as files
from .runtime.contents import stored_file
from .tfrecord.shards import measure_shard, shard_name

if TYPE_CHECKING:
    from .parity.comparison import ModelParity

__all__ = ["VerifyReport", "verify"]

_SHARD = re.compile(r"[^/]+/data-\d+-of-\d+\.tfrecord(\.gz)?")
_SCHEMAS = ("schema/schema.pbtxt", "transformed_metadata/schema.pbtxt")
_THREADS = min(4, os.cpu_count() or 1)


@dataclass(frozen=True)
class VerifyReport:
    """What was found in a good dataset.

    Attributes:
      directory: The dataset.
      manifest: What its `manifest.json` says; all of it holds.
      shards: The shards as they were read, by split, in canonical order.
      parity: How an exported model was compared with the records; None where none was given.
    """

    directory: str
    manifest: Manifest
    shards: tuple[Shard, ...]
    parity: ModelParity | None = None

    @property
    def records(self) -> int:
        """The records in all shards."""
        return sum(shard.records for shard in self.shards)

    @property
    def bytes(self) -> int:
        """The size of all shards."""
        return sum(shard.bytes for shard in self.shards)


def verify(directory: str, *, parity: str | None = None) -> VerifyReport:
    """Read a whole dataset again and hold it against its manifest.

    Checks the size, the sha256, every record's checksums and the number of records of each
    shard; the size and the sha256 of every other file that the manifest lists; that no other shard
    lies there; the ledgers; the digest of the transform graph; that schemas and statistics can be
    read; and the result of the parity check. Shards are streamed, a few at a time, so memory does
    not grow with them.

    Args:
      directory: The dataset's folder; any of Beam's filesystems.
      parity: The folder of an exported model to compare with a good dataset's records: rows of
        its inputs, which must still be there, along every way that requests take; see
        `model_parity`.

    Raises:
      DataError: There is no manifest, or something is not as it says: one line each, a damaged
        shard's with the first damaged record. Or the model sees other values than were stored:
        a line each feature, with the row and both values.
      RecipeError: The model has no signature to predict with.
    """
    manifest = _read_manifest(directory)
    stored = files.list_files(directory)
    shards, problems = _check_shards(directory, manifest)
    problems += [
        *_stray_shards(manifest, stored),
        *_count_problems(manifest),
        *_graph_problems(directory, manifest, stored),
        *_proto_problems(directory, manifest),
        *_parity_problems(manifest),
    ]
    problems += _file_problems(directory, manifest, stored, problems)
    if problems:
        noun = "problem" if len(problems) == 1 else "problems"
        lines = "".join(f"\n  {problem}" for problem in problems)
        raise DataError(
            f"{directory}: not the dataset that was prepared, {len(problems)} {noun}:{lines}\n"
            "Prepare the dataset again."
        )
    report = VerifyReport(directory, manifest, tuple(shards))
    return report if parity is None else replace(report, parity=_check_model(report, parity))


def _check_model(report: VerifyReport, model: str) -> ModelParity:
    from .parity.models import check_model

    found = check_model(report.directory, model, report.manifest)
    if found.problems:
        lines = "".join(f"\n  {problem}" for problem in found.problems)
        raise DataError(
            f"{model}: does not see what was stored in {report.directory}; {found.compared}:{lines}"
        )
    return found


def _read_manifest(directory: str) -> Manifest:
    path = files.join(directory, MANIFEST)
    if not files.exists(path):
        raise DataError(
            f"{path}: not found, so there is no prepared dataset here. "
            "A run writes the manifest last: one that failed leaves none."
        )
    with files.read(path) as file:
        text = file.read().decode(errors="replace")
    manifest = Manifest.from_json(text, path=path)
    for split in manifest.splits:
        if not re.fullmatch(r"\w[\w.-]*", split):
            raise DataError(f'{path}: expected the name of a split, got "{split}"')
    return manifest


def _check_shards(directory: str, manifest: Manifest) -> tuple[list[Shard], list[str]]:
    """The shards as they are, and what is wrong with them, in the order of the manifest."""
    places = [
        (shard, shard_name(split, index, len(content.shards), compression=manifest.compression))
        for split, content in manifest.splits.items()
        for index, shard in enumerate(content.shards)
    ]
    with ThreadPoolExecutor(_THREADS) as pool:
        checked = list(
            pool.map(lambda place: _check_shard(directory, manifest.compression, *place), places)
        )
    return (
        [shard for shard, _ in checked if shard],
        [problem for _, problem in checked if problem],
    )


def _check_shard(
    directory: str, compression: str, expected: Shard, name: str
) -> tuple[Shard | None, str]:
    if expected.path != name:
        return None, f'{MANIFEST}: expected the shard {name}, got "{expected.path}"'
    try:
        found = measure_shard(directory, name=name, compression=compression)
    except DataError as error:
        return None, str(error).removeprefix(files.join(directory, name).removesuffix(name))
    differences = [
        f"{what}: expected {stated:,}, got {real:,}"
        for what, stated, real in (
            ("bytes", expected.bytes, found.bytes),
            ("records", expected.records, found.records),
        )
        if stated != real
    ]
    if not differences and expected.sha256 != found.sha256:
        differences = [f"sha256: expected {expected.sha256}, got {found.sha256}"]
    return found, f"{name}: {'; '.join(differences)}" if differences else ""


def _stray_shards(manifest: Manifest, stored: list[str]) -> Iterator[str]:
    known = {shard.path for split in manifest.splits.values() for shard in split.shards}
    for path in stored:
        if path not in known and (_SHARD.fullmatch(path) or path.split("/")[0] in manifest.splits):
            yield f"{path}: is no shard of this dataset"


def _count_problems(manifest: Manifest) -> Iterator[str]:
    """Whether inputs, ledgers, splits and shards tell of the same records."""
    for split, ledger in manifest.ledger.items():
        if ledger.read != ledger.accounted:
            yield (
                f"ledger of {split}: read {ledger.read:,}, but written, filtered, duplicates, "
                f"sampled out and rejected are {ledger.accounted:,}"
            )
        if split not in manifest.splits and ledger.written:
            yield f"ledger of {split}: written {ledger.written:,}, but there is no such split"
    for name, split_ in manifest.splits.items():
        written = manifest.ledger[name].written if name in manifest.ledger else 0
        made = manifest.expansion.get(name, Expansion(written, written))
        if made.written != written:
            yield f"{name}: the ledger has written {written:,}, but {made.written:,} were expanded"
        if made.records != split_.records:
            yield f"{name}: {split_.records:,} records, but the ledger has written {made.records:,}"
        held = sum(shard.records for shard in split_.shards)
        if held != split_.records:
            yield f"{name}: {split_.records:,} records, but its shards hold {held:,}"
    read = sum(ledger.read for ledger in manifest.ledger.values())
    given = sum(file.records for file in manifest.inputs)
    if read != given:
        yield f"the ledgers have read {read:,} records, but the inputs hold {given:,}"


def _graph_problems(directory: str, manifest: Manifest, stored: list[str]) -> Iterator[str]:
    names = [path for path in stored if path.startswith("transform_fn/")]
    if not names:
        yield "transform_fn: the transform graph is gone"
        return
    found = tree_sha256(
        (name.removeprefix("transform_fn/"), _content(directory, name)) for name in names
    )
    expected = manifest.transform_fn.get("sha256")
    if found != expected:
        yield (
            f"transform_fn: expected the graph with sha256 {expected}, got {found}: "
            "it was changed or is of another run"
        )


def _proto_problems(directory: str, manifest: Manifest) -> Iterator[str]:
    for name in _SCHEMAS:
        try:
            text_format.Parse(_content(directory, name).decode(), schema_pb2.Schema())
        except (DataError, text_format.ParseError, UnicodeDecodeError) as error:
            yield f"{name}: {error}"
    for split, content in manifest.splits.items():
        name = f"stats/{split}.pb"
        statistics = statistics_pb2.DatasetFeatureStatisticsList()
        try:
            statistics.ParseFromString(_content(directory, name))
        except (DataError, DecodeError) as error:
            yield f"{name}: {error}"
            continue
        counted = sum(dataset.num_examples for dataset in statistics.datasets)
        written = manifest.expansion.get(split, Expansion(content.records)).written
        if counted != written:
            yield f"{name}: expected statistics of {written:,} records, got {counted:,}"


def _file_problems(
    directory: str, manifest: Manifest, stored: list[str], problems: list[str]
) -> Iterator[str]:
    """Yield what is wrong with files not hashed yet and of which nothing is said yet."""
    hashed = {shard.path for split in manifest.splits.values() for shard in split.shards}
    reported = {problem.partition(":")[0] for problem in problems}
    there = set(stored)
    for expected in manifest.files:
        path = expected.path
        if path in hashed | reported or path.startswith("transform_fn/"):
            continue
        if path not in there:
            yield f"{path}: is gone"
        elif (actual := stored_file(directory, path)) != expected:
            size = f"expected {expected.bytes:,} bytes with the sha256 {expected.sha256}"
            yield f"{path}: {size}, got {actual.bytes:,} with {actual.sha256}"


def _parity_problems(manifest: Manifest) -> Iterator[str]:
    """What the run's own check, see `check_parity`, does not show to hold."""
    compared = manifest.parity.get("rows", {})
    for name, split in manifest.splits.items():
        if split.records and not compared.get(name):
            yield f"parity: no record of {name} was compared with what the graph serves"
    apart = manifest.parity.get("max_units_in_last_place", 0)
    if apart > 1:
        yield f"parity: expected floats at most 1 unit in the last place apart, got {apart:,}"


def _content(directory: str, name: str) -> bytes:
    """A file of the dataset; DataError, without its name, where it cannot be read."""
    path = files.join(directory, name)
    try:
        with files.read(path) as file:
            return file.read()
    except DataError as error:
        raise DataError(str(error).removeprefix(f"{path}: ")) from error
