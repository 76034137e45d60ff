"""Verification of a prepared dataset against its manifest, byte for byte.

All problems are collected before they are reported, one a line. Only the comparison with an
exported model needs TensorFlow.
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
    """The result of a successful verification.

    Attributes:
      directory: Path of the dataset.
      manifest: Its manifest, which it matches.
      shards: Shards as they were read, by split, in canonical order.
      parity: Result of the comparison with an exported model; None without a model.
    """

    directory: str
    manifest: Manifest
    shards: tuple[Shard, ...]
    parity: ModelParity | None = None

    @property
    def records(self) -> int:
        """Number of records in all shards."""
        return sum(shard.records for shard in self.shards)

    @property
    def bytes(self) -> int:
        """Size of all shards in bytes."""
        return sum(shard.bytes for shard in self.shards)


def verify(directory: str, *, parity: str | None = None) -> VerifyReport:
    """Read a whole dataset and compare it with its manifest.

    Checks the size, the SHA-256, every record's checksums and the number of records of each
    shard; the size and the SHA-256 of every other file that the manifest lists; that there are no
    other shards; the ledgers; the digest of the transform graph; that schemas and statistics can be
    parsed; and the result of the parity check. Shards are streamed, a few at a time, so memory does
    not grow with them.

    Args:
      directory: Path of the dataset, on any of Beam's filesystems.
      parity: Path of an exported model to compare with the records of an intact dataset: it gets
        rows of the inputs, which must still exist, by every route of serving requests; see
        `recordmill.pipelines.parity.models`.

    Raises:
      DataError: There is no manifest, or the dataset does not match it: one line for each problem,
        with the first damaged record of a shard. Or the model gets other values than the records
        have: one line for each feature, with the row and both values.
      RecipeError: The model has no signature for predictions.
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

    parity = check_model(report.directory, model, report.manifest)
    if parity.problems:
        lines = "".join(f"\n  {problem}" for problem in parity.problems)
        raise DataError(
            f"{model}: gets other values than {report.directory} has; {parity.compared}:{lines}"
        )
    return parity


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
    """Return the shards as they are, and their problems, in the order of the manifest."""
    expected = [
        (shard, shard_name(split, index, len(content.shards), compression=manifest.compression))
        for split, content in manifest.splits.items()
        for index, shard in enumerate(content.shards)
    ]
    with ThreadPoolExecutor(_THREADS) as pool:
        results = list(
            pool.map(lambda pair: _check_shard(directory, manifest.compression, *pair), expected)
        )
    return (
        [shard for shard, _ in results if shard],
        [problem for _, problem in results if problem],
    )


def _check_shard(
    directory: str, compression: str, expected: Shard, name: str
) -> tuple[Shard | None, str]:
    """Return a shard as it is, if it can be read, and its problem or ""."""
    if expected.path != name:
        return None, f'{MANIFEST}: expected the shard {name}, got "{expected.path}"'
    try:
        measured = measure_shard(directory, name=name, compression=compression)
    except DataError as error:
        return None, str(error).removeprefix(files.join(directory, name).removesuffix(name))
    differences = [
        f"{measure}: expected {stated:,}, got {actual:,}"
        for measure, stated, actual in (
            ("bytes", expected.bytes, measured.bytes),
            ("records", expected.records, measured.records),
        )
        if stated != actual
    ]
    if not differences and expected.sha256 != measured.sha256:
        differences = [f"sha256: expected {expected.sha256}, got {measured.sha256}"]
    return measured, f"{name}: {'; '.join(differences)}" if differences else ""


def _stray_shards(manifest: Manifest, stored: list[str]) -> Iterator[str]:
    paths = {shard.path for split in manifest.splits.values() for shard in split.shards}
    for path in stored:
        if path not in paths and (_SHARD.fullmatch(path) or path.split("/")[0] in manifest.splits):
            yield f"{path}: is no shard of this dataset"


def _count_problems(manifest: Manifest) -> Iterator[str]:
    """Yield differences between the record counts of inputs, ledgers, splits and shards."""
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
        expansion = manifest.expansion.get(name, Expansion(written, written))
        if expansion.written != written:
            rows = f"{expansion.written:,} were expanded"
            yield f"{name}: the ledger has written {written:,}, but {rows}"
        if expansion.records != split_.records:
            records = f"the ledger has written {expansion.records:,}"
            yield f"{name}: {split_.records:,} records, but {records}"
        sharded = sum(shard.records for shard in split_.shards)
        if sharded != split_.records:
            yield f"{name}: {split_.records:,} records, but its shards hold {sharded:,}"
    read = sum(ledger.read for ledger in manifest.ledger.values())
    scanned = sum(file.records for file in manifest.inputs)
    if read != scanned:
        yield f"the ledgers have read {read:,} records, but the inputs hold {scanned:,}"


def _graph_problems(directory: str, manifest: Manifest, stored: list[str]) -> Iterator[str]:
    names = [path for path in stored if path.startswith("transform_fn/")]
    if not names:
        yield "transform_fn: the transform graph is missing"
        return
    actual = tree_sha256(
        (name.removeprefix("transform_fn/"), _content(directory, name)) for name in names
    )
    expected = manifest.transform_fn.get("sha256")
    if actual != expected:
        yield (
            f"transform_fn: expected the graph with sha256 {expected}, got {actual}: "
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
    """Yield problems of the files that are not hashed yet and have no problem yet."""
    hashed = {shard.path for split in manifest.splits.values() for shard in split.shards}
    reported = {problem.partition(":")[0] for problem in problems}
    existing = set(stored)
    for expected in manifest.files:
        path = expected.path
        if path in hashed | reported or path.startswith("transform_fn/"):
            continue
        if path not in existing:
            yield f"{path}: is missing"
        elif (actual := stored_file(directory, path)) != expected:
            size = f"expected {expected.bytes:,} bytes with the sha256 {expected.sha256}"
            yield f"{path}: {size}, got {actual.bytes:,} with {actual.sha256}"


def _parity_problems(manifest: Manifest) -> Iterator[str]:
    """Yield gaps and differences in the parity check that the run made."""
    compared = manifest.parity.get("rows", {})
    for name, split in manifest.splits.items():
        if split.records and not compared.get(name):
            yield f"parity: no record of {name} was compared with what the graph serves"
    distance = manifest.parity.get("max_units_in_last_place", 0)
    if distance > 1:
        yield f"parity: expected floats at most 1 unit in the last place apart, got {distance:,}"


def _content(directory: str, name: str) -> bytes:
    """Read a file of the dataset; DataError, without its name, where it cannot be read."""
    path = files.join(directory, name)
    try:
        with files.read(path) as file:
            return file.read()
    except DataError as error:
        raise DataError(str(error).removeprefix(f"{path}: ")) from error
