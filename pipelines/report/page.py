"""`report.html`: a self-contained page about a dataset or a profile.

Overview, ledger, rejects and origin are HTML from a template. The features are JSON, which the
scripts of the page draw as they scroll into view. `templates` contains template, style and scripts.
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
from .text import content_security_policy, script_json
from .view import template_variables

__all__ = ["REPORT", "render", "report_of", "write_report"]

REPORT = "report.html"

_EXAMPLES = 5
"""Number of rejects shown for each reason and split."""

_SHEET_IMAGES = 24
_TEMPLATES = Path(__file__).parent / "templates"
_SCRIPTS = ("elements.js", "charts.js", "tables.js", "features.js")


def render(report: Report) -> str:
    """Return the HTML of a report. All text from the data is escaped; none of it can run."""
    features = features_json(
        report.raw, report.transformed, schema=report.schema, unseen=report.unseen
    )
    style, script = _source("page.css"), "\n".join(map(_source, _SCRIPTS))
    sheets = {split: _data_url(sheet) for split, sheet in report.sheets.items()}
    return _template().render(
        template_variables(report, features),
        sheets=sheets,
        policy=content_security_policy(script=script, style=style),
        style=Markup(style),
        script=Markup(script),
        data=Markup(script_json(features)),
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
      folder: Folder with schema, statistics and rejects, on any of Beam's filesystems.
      manifest: Manifest of a dataset that is not published yet; None to read it from the folder.

    Raises:
      DataError: The folder is no dataset or profile, or is damaged.
    """
    page = render(report_of(folder, manifest=manifest))
    files.write_bytes(files.join(folder, REPORT), page.encode("utf-8", "backslashreplace"))


def report_of(folder: str, *, manifest: Manifest | None = None) -> Report:
    """Read the contents of the report of a dataset or a profile.

    Args:
      folder: As in `write_report`.
      manifest: As in `write_report`.

    Raises:
      DataError: As in `write_report`.
    """
    if manifest is None and files.exists(files.join(folder, PROFILE)):
        return _profile_report(folder)
    if manifest is None:
        path = files.join(folder, MANIFEST)
        text = files.read_bytes(path).decode("utf-8", "replace")
        manifest = Manifest.from_json(text, path=path)
    splits = list(manifest.splits)
    return Report(
        title=manifest.name,
        created=manifest.created,
        versions=manifest.versions,
        inputs=manifest.inputs,
        ledger=manifest.ledger,
        raw=_statistics(folder, splits, ""),
        transformed=_statistics(folder, splits, "transformed-"),
        schema=_schema(folder, manifest.images),
        rejects=_rejects(folder, manifest.ledger),
        images=manifest.images,
        sheets=_sheets(folder, manifest),
        repeats=_duplicates(manifest.ledger) if manifest.recipe.get("distinct") else {},
        unseen=manifest.unseen,
        warnings=manifest.warnings,
    )


def _profile_report(folder: str) -> Report:
    path = files.join(folder, PROFILE)
    profile = Profiled.from_json(files.read_bytes(path), path=path)
    return Report(
        title=profile.name,
        created=profile.created,
        versions={"recordmill": profile.recordmill, **profile.versions},
        inputs=profile.inputs,
        ledger=profile.ledger,
        raw=_statistics(folder, list(profile.rows), ""),
        schema=_schema(folder, profile.images),
        rejects=_rejects(folder, profile.ledger),
        images=profile.images,
        repeats=profile.repeats,
        unseen=profile.unseen,
    )


def _duplicates(ledger: Mapping[str, Ledger]) -> dict[str, int]:
    return {split: entry.duplicates for split, entry in ledger.items()}


def _statistics(folder: str, splits: Sequence[str], prefix: str) -> dict[str, Any]:
    """Return the statistics of the splits that have any, by split."""
    from google.protobuf.message import DecodeError
    from tensorflow_metadata.proto.v0.statistics_pb2 import DatasetFeatureStatisticsList

    statistics = {}
    for split in splits:
        path = files.join(folder, "stats", f"{prefix}{split}.pb")
        if not files.exists(path):
            continue
        try:
            datasets = DatasetFeatureStatisticsList.FromString(files.read_bytes(path)).datasets
        except DecodeError as error:
            raise DataError(f"{path}: not a DatasetFeatureStatisticsList ({error})") from error
        if datasets:
            statistics[split] = datasets[0]
    return statistics


def _schema(folder: str, images: Mapping[str, Any]) -> Schema | ImageSchema | None:
    if images:
        return ImageSchema(images["kind"], tuple(images["classes"]))
    path = files.join(folder, "schema", "schema.pbtxt")
    return Schema.from_pbtxt(files.read_bytes(path).decode()) if files.exists(path) else None


def _rejects(folder: str, ledger: Mapping[str, Ledger]) -> dict[str, list[Reject]]:
    """Return the first rejects of each reason, by split; read no more of the files than needed."""
    rejects = {}
    for split, entry in ledger.items():
        path = files.join(folder, "rejects", f"{split}.jsonl")
        if entry.rejected and files.exists(path):
            limits = {reason: min(n, _EXAMPLES) for reason, n in entry.rejected.items()}
            rejects[split] = list(_examples(path, limits))
    return rejects


def _examples(path: str, limits: dict[str, int]) -> Iterator[Reject]:
    """Yield rejects of a file until there are as many of each reason as `limits` says."""
    with files.read(path) as lines:
        for line in lines:
            try:
                reject = Reject(**json.loads(line))
            except (ValueError, TypeError) as error:
                raise DataError(f"{path}: not a file of rejects ({error})") from error
            if limits.get(reject.reason, 0) > 0:
                limits[reject.reason] -= 1
                yield reject
            if not any(limits.values()):
                return


def _sheets(folder: str, manifest: Manifest) -> dict[str, bytes]:
    """Return a contact sheet of each split; none if TensorFlow cannot read the folder."""
    if not manifest.images:
        return {}
    import tensorflow as tf

    from ...transforms.dataset.loader import PreparedDataset
    from ..images.contact_sheet import sheet_of

    data = PreparedDataset(folder.rstrip("/"), manifest)
    sheets = {}
    for split, shards in manifest.splits.items():
        if shards.records:
            try:
                sheet, _ = sheet_of(data, split=split, count=_SHEET_IMAGES)
            except tf.errors.UnimplementedError:
                return {}
            stream = io.BytesIO()
            sheet.save(stream, format="JPEG", quality=88, subsampling=0)
            sheets[split] = stream.getvalue()
    return sheets
