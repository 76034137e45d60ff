"""CSV files that name images: a manifest of one row an image, or one of one row a box.

A CSV whose header has all of filename, width, height, class, xmin, ymin, xmax and ymax has boxes:
the rows of one filename are one image, wherever they stand, and a row whose class and edges are
empty is an image with nothing in it. Any other CSV is a manifest. Columns may stand in any order,
and columns that nothing asks for are passed over.

The text is read as that of tables is: see `scan` and `parse`.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import BinaryIO, cast

from ....schemas.column import BLANKS
from ....schemas.errors import DataError
from ...config.csv_format import CsvFormat
from ...config.image_format import BoxForm, ImageFormat
from ...readers.csv_source import BLOCK_BYTES
from ...readers.parse import parse_part
from ...readers.scan import parts, scan
from ...runtime.decompress import detect_compression, open_decompressed, open_text
from ...runtime.elements import InputFile, Reject, TextBatch
from .box_format import XYXY, box_format_of
from .common import EDGES, Annotated, Annotation, BadAnnotation, box_of, size_of
from .refs import Box

__all__ = ["BOX_COLUMNS", "read_csv"]

BOX_COLUMNS = ("filename", "width", "height", "class", *EDGES)
"""The columns by which a CSV with boxes is known."""

Row = Mapping[str, str]


def read_csv(path: str, image_format: ImageFormat) -> Annotated:
    """The annotations in a CSV file, in the order in which it first names the images.

    A row that cannot be read leaves out the image that it names, as far as that can be told: its
    box would be missing.

    Raises:
      DataError: The file cannot be read, its header lacks a column or names one twice, or as
        `scan` says.
    """
    header = _header(path)
    has_boxes = set(BOX_COLUMNS) <= set(header)
    columns = _Columns.of(image_format, has_boxes=has_boxes)
    _check(header, columns, path)
    scanned = scan(
        InputFile(path, None, 0),
        column_names=header or (columns.image,),
        csv_format=CsvFormat(),
        block_bytes=BLOCK_BYTES,
    )
    blocks = (
        block
        for part in parts(scanned)
        for block in parse_part(part, column_names=header, csv_format=CsvFormat())
    )
    box_format = box_format_of(image_format, XYXY)
    annotations: Iterable[Annotation] = (
        _boxes(blocks, header, columns, box_format.form)
        if has_boxes
        else _manifest(blocks, columns)
    )
    return Annotated(path, scanned.size, scanned.sha256, annotations, box_format)


@dataclass(frozen=True)
class _Columns:
    """The names of the columns that are read; "" for none."""

    image: str
    label: str
    group: str
    further: tuple[str, ...]

    @classmethod
    def of(cls, image_format: ImageFormat, *, has_boxes: bool) -> _Columns:
        return cls(
            "filename" if has_boxes else image_format.path_column,
            "" if has_boxes else image_format.label_column,
            image_format.group_column,
            image_format.further,
        )

    @property
    def names(self) -> list[str]:
        return [name for name in (self.image, self.label, self.group, *self.further) if name]

    def annotation(self, row: Row, *, path: str, line: int) -> Annotation:
        """What a row says of its image, but for boxes."""
        image = row[self.image].strip(BLANKS)
        if not image:
            raise BadAnnotation("expected the path of an image, got nothing", column=self.image)
        return Annotation(
            image,
            path,
            line,
            label=row[self.label].strip(BLANKS) if self.label else None,
            group=row[self.group].strip(BLANKS) if self.group else "",
            values=tuple(row[name] for name in self.further),
        )


def _header(path: str) -> list[str]:
    """The names in the first record, stripped; none where there is no record."""
    with open_decompressed(path) as stored:
        head = io.BufferedReader(cast(io.RawIOBase, stored))
        compression = detect_compression(head.peek(16), path=path)
        text = open_text(cast(BinaryIO, head), path=path, compression=compression)
        lines = io.TextIOWrapper(text, "utf-8-sig", "replace", newline="")
        try:
            return next(([name.strip() for name in row] for row in csv.reader(lines) if row), [])
        except csv.Error as error:
            raise DataError(f"{path}: the header cannot be read: {error}") from error


def _check(header: Sequence[str], columns: _Columns, path: str) -> None:
    """Raise DataError where the header names a column twice, or not at all."""
    repeated = sorted({name for name in header if header.count(name) > 1})
    missing = [name for name in columns.names if name not in header]
    if repeated or (header and missing):
        what = f"repeated {', '.join(repeated)}" if repeated else f"missing {', '.join(missing)}"
        raise DataError(
            f"{path}: the header does not name the columns that are read, each once: {what}; "
            f"expected {','.join(columns.names)}, or {','.join(BOX_COLUMNS)}; got "
            f"{','.join(header)}"
        )


def _rows(block: TextBatch) -> Iterator[tuple[int, int, Row]]:
    """The rows of a block as (place, line, texts by column)."""
    texts = zip(*(column.to_pylist() for column in block.batch.columns), strict=True)
    names = block.batch.schema.names
    for place, (line, row) in enumerate(zip(block.lines.tolist(), texts, strict=True)):
        yield place, line, dict(zip(names, row, strict=True))


def _manifest(blocks: Iterator[TextBatch], columns: _Columns) -> Iterator[Annotation]:
    """One annotation a record."""
    for block in blocks:
        yield from map(_unknown, block.rejects)
        for place, line, row in _rows(block):
            try:
                yield columns.annotation(row, path=block.file, line=line)
            except BadAnnotation as bad:
                yield _unknown(bad.reject(block.file, line, raw=block.raw(place)))


def _unknown(problem: Reject) -> Annotation:
    """A record that names no image."""
    return Annotation("", problem.file, problem.line, problem=problem)


@dataclass
class _Boxed:
    """An image whose boxes are being gathered."""

    annotation: Annotation
    boxes: list[Box] = field(default_factory=list)
    classes: list[str] = field(default_factory=list)
    problem: Reject | None = None

    def done(self) -> Annotation:
        return replace(
            self.annotation,
            boxes=tuple(self.boxes),
            classes=tuple(self.classes),
            problem=self.problem,
        )


def _boxes(
    blocks: Iterator[TextBatch], header: list[str], columns: _Columns, form: BoxForm
) -> list[Annotation]:
    """One annotation an image, then one a record that names none."""
    images: dict[str, _Boxed] = {}
    bad: list[tuple[str, Reject]] = []
    for block in blocks:
        bad += [(_named(problem, header), problem) for problem in block.rejects]
        for place, line, row in _rows(block):
            image = row["filename"].strip(BLANKS)
            try:
                if image not in images:
                    images[image] = _Boxed(columns.annotation(row, path=block.file, line=line))
                _add_box(images[image], row, form)
            except BadAnnotation as error:
                bad.append((image, error.reject(block.file, line, raw=block.raw(place))))
    for image, problem in bad:
        if image in images:
            images[image].problem = images[image].problem or problem
    unknown = [_unknown(problem) for image, problem in bad if image not in images]
    return [boxed.done() for boxed in images.values()] + unknown


def _add_box(boxed: _Boxed, row: Row, form: BoxForm) -> None:
    """Add the box of a row to its image; the first row says how large the image is."""
    size = size_of(row["width"].strip(BLANKS), row["height"].strip(BLANKS))
    if not boxed.boxes:
        boxed.annotation = replace(boxed.annotation, stated_size=size)
    edges = {name: row[name].strip(BLANKS) for name in EDGES}
    name = row["class"].strip(BLANKS)
    if not name and not any(edges.values()):
        return
    box = box_of(edges, form=form)
    if not name:
        raise BadAnnotation("expected the class of the box, got nothing", column="class")
    boxed.boxes.append(box)
    boxed.classes.append(name)


def _named(problem: Reject, header: list[str]) -> str:
    """The image that an unreadable record names, as far as that can be told; else ""."""
    fields = next(csv.reader(io.StringIO(problem.raw, newline="")), [])
    place = header.index("filename")
    return fields[place].strip(BLANKS) if place < len(fields) else ""
