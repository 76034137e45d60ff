"""`report.html`: what is in a dataset, on one page that needs nothing but itself.

Python says what is known, as HTML for what is read once and as JSON for the features; the page
draws these as they scroll into view. `templates` holds its template, style and script.
"""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from ...schemas.errors import DataError
from ...schemas.images import ImageSchema
from ...schemas.manifest import MANIFEST, Ledger, Manifest
from ...schemas.schema import Schema
from ..profiles.profiled import PROFILE, Profiled
from ..runtime import filesystem as files
from ..runtime.elements import Reject
from ..runtime.visible import visible
from .features import features_json
from .report import Report
from .text import embedded, policy
from .view import view

__all__ = ["REPORT", "render", "report_of", "write_report"]

REPORT = "report.html"

_EXAMPLES = 5
_PICTURES = 24
_TEMPLATES = Path(__file__).parent / "templates"
_SCRIPTS = ("elements.js", "charts.js", "tables.js", "features.js")


def render(report: Report) -> str:
    """The page. Whatever stands in the data is text in it: no cell and no name can act."""
    features = features_json(
        report.raw, report.transformed, schema=report.schema, unseen=report.unseen
    )
    style, script = _source("page.css"), "\n".join(map(_source, _SCRIPTS))
    sheets = {split: _data_url(sheet) for split, sheet in report.sheets.items()}
    return _template().render(
        view(report, features),
        sheets=sheets,
        policy=policy(script=script, style=style),
        style=Markup(style),
        script=Markup(script),
        data=Markup(embedded(features)),
    )


def _data_url(picture: bytes) -> str:
    kind = "png" if picture.startswith(b"\x89PNG") else "jpeg"
    return f"data:image/{kind};base64,{base64.b64encode(picture).decode()}"


def _source(name: str) -> str:
    return (_TEMPLATES / name).read_text(encoding="utf-8")


@cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["visible"] = lambda value: visible(str(value))
    return environment.get_template("page.html.jinja")


def write_report(folder: str, *, manifest: Manifest | None = None) -> None:
    """Write `report.html` into the folder of a dataset or a profile.

    Args:
      folder: Where schema, statistics and rejects lie; any of Beam's filesystems.
      manifest: Of a dataset that is not published yet. None to read what the folder says of
        itself.

    Raises:
      DataError: It is no such folder, or is damaged.
    """
    page = render(report_of(folder, manifest=manifest))
    files.write_bytes(files.join(folder, REPORT), page.encode("utf-8", "backslashreplace"))


def report_of(folder: str, *, manifest: Manifest | None = None) -> Report:
    """What a dataset or a profile tells of itself.

    Args:
      folder: As in `write_report`.
      manifest: As in `write_report`.

    Raises:
      DataError: As in `write_report`.
    """
    if manifest is None and files.exists(files.join(folder, PROFILE)):
        return _of_profile(folder)
    path = files.join(folder, MANIFEST)
    text = "" if manifest else files.read_bytes(path).decode("utf-8", "replace")
    found = manifest or Manifest.from_json(text, path=path)
    splits = list(found.splits)
    return Report(
        title=found.name,
        created=found.created,
        versions=found.versions,
        inputs=found.inputs,
        ledger=found.ledger,
        raw=_statistics(folder, splits, ""),
        transformed=_statistics(folder, splits, "transformed-"),
        schema=_schema(folder, found.images),
        rejects=_rejects(folder, found.ledger),
        images=found.images,
        sheets=_sheets(folder, found),
        repeats=_duplicates(found.ledger) if found.recipe.get("distinct") else {},
        unseen=found.unseen,
        warnings=found.warnings,
    )


def _of_profile(folder: str) -> Report:
    path = files.join(folder, PROFILE)
    found = Profiled.from_json(files.read_bytes(path), path=path)
    return Report(
        title=found.name,
        created=found.created,
        versions={"recordmill": found.recordmill, **found.versions},
        inputs=found.inputs,
        ledger=found.ledger,
        raw=_statistics(folder, list(found.rows), ""),
        schema=_schema(folder, found.images),
        rejects=_rejects(folder, found.ledger),
        images=found.images,
        repeats=found.repeats,
        unseen=found.unseen,
    )


def _duplicates(ledger: Mapping[str, Ledger]) -> dict[str, int]:
    return {split: entry.duplicates for split, entry in ledger.items()}


def _statistics(folder: str, splits: Sequence[str], prefix: str) -> dict[str, Any]:
    """The statistics of those splits that have any."""
    from google.protobuf.message import DecodeError
    from tensorflow_metadata.proto.v0.statistics_pb2 import DatasetFeatureStatisticsList

    found = {}
    for split in splits:
        path = files.join(folder, "stats", f"{prefix}{split}.pb")
        if not files.exists(path):
            continue
        try:
            datasets = DatasetFeatureStatisticsList.FromString(files.read_bytes(path)).datasets
        except DecodeError as error:
            raise DataError(f"{path}: not a DatasetFeatureStatisticsList ({error})") from error
        if datasets:
            found[split] = datasets[0]
    return found


def _schema(folder: str, images: Mapping[str, Any]) -> Schema | ImageSchema | None:
    if images:
        return ImageSchema(images["kind"], tuple(images["classes"]))
    path = files.join(folder, "schema", "schema.pbtxt")
    return Schema.from_pbtxt(files.read_bytes(path).decode()) if files.exists(path) else None


def _rejects(folder: str, ledger: Mapping[str, Ledger]) -> dict[str, list[Reject]]:
    """The first few rejects of each reason; no more of the file is read than they take."""
    found = {}
    for split, entry in ledger.items():
        path = files.join(folder, "rejects", f"{split}.jsonl")
        if entry.rejected and files.exists(path):
            wanted = {reason: min(n, _EXAMPLES) for reason, n in entry.rejected.items()}
            found[split] = list(_examples(path, wanted))
    return found


def _examples(path: str, wanted: dict[str, int]) -> Iterator[Reject]:
    with files.read(path) as lines:
        for line in lines:
            try:
                reject = Reject(**json.loads(line))
            except (ValueError, TypeError) as error:
                raise DataError(f"{path}: not a file of rejects ({error})") from error
            if wanted.get(reject.reason, 0) > 0:
                wanted[reject.reason] -= 1
                yield reject
            if not any(wanted.values()):
                return


def _sheets(folder: str, manifest: Manifest) -> dict[str, bytes]:
    """Some pictures of each split that has any; none where TensorFlow cannot read the folder."""
    if not manifest.images:
        return {}
    import tensorflow as tf

    from ...transforms.dataset.loader import PreparedDataset
    from ..images.contact_sheet import sheet_of

    data, found = PreparedDataset(folder.rstrip("/"), manifest), {}
    for split, held in manifest.splits.items():
        if held.records:
            try:
                sheet, _ = sheet_of(data, split=split, count=_PICTURES)
            except tf.errors.UnimplementedError:
                return {}
            stream = io.BytesIO()
            sheet.save(stream, format="JPEG", quality=88, subsampling=0)
            found[split] = stream.getvalue()
    return found
