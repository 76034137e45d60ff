"""Read CSV files that name images: a manifest with one row an image, or one row a box.

A CSV whose header has all of filename, width, height, class, xmin, ymin, xmax and ymax has boxes:
all rows of one filename, adjacent or not, are one image, and a row whose class and edges are empty
is an image without boxes. Any other CSV is a manifest. Columns may be in any order, and columns
that are not needed are ignored.

The text is read like that of tables: see `scan` and `parse`.
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
from ...readers.csv_stages import BLOCK_BYTES
from ...readers.parse import parse_fragment
from ...readers.scan import file_fragments, scan
from ...runtime.decompress import detect_compression, open_decompressed, open_text
from ...runtime.elements import InputFile, Reject, TextBatch
from .box_format import XYXY, box_format_of
from .common import EDGES, Annotation, AnnotationFile, BadAnnotation, box_of, size_of
from .refs import Box

__all__ = ["BOX_COLUMNS", "read_csv"]

BOX_COLUMNS = ("filename", "width", "height", "class", *EDGES)
"""Columns that make a CSV one with boxes."""

Row = Mapping[str, str]


def read_csv(path: str, image_format: ImageFormat) -> AnnotationFile:
    """Read the annotations of a CSV file, in the order in which it first names the images.

    Of a CSV with boxes, a row that cannot be read rejects the image it names, as far as its name
    can be read: the image would lack a box.

    Raises:
      DataError: The file cannot be read, its header lacks a column or names one twice, or as in
        `scan`.
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
    batches = (
        batch
        for part in file_fragments(scanned)
        for batch in parse_fragment(part, column_names=header, csv_format=CsvFormat())
    )
    box_format = box_format_of(image_format, XYXY)
    annotations: Iterable[Annotation] = (
        _boxes(batches, header, columns, box_format.form)
        if has_boxes
        else _manifest(batches, columns)
    )
    return AnnotationFile(path, scanned.size, scanned.sha256, annotations, box_format)


@dataclass(frozen=True)
class _Columns:
    """Names of the columns to read; "" for none."""

    image: str
    label: str
    group: str
    further: tuple[str, ...]

    @classmethod
    def of(cls, image_format: ImageFormat, *, has_boxes: bool) -> _Columns:
        """Return the columns that a format names."""
        return cls(
            "filename" if has_boxes else image_format.path_column,
            "" if has_boxes else image_format.label_column,
            image_format.group_column,
            image_format.further,
        )

    @property
    def names(self) -> list[str]:
        """Names of the columns, without those of boxes."""
        return [name for name in (self.image, self.label, self.group, *self.further) if name]

    def annotation(self, row: Row, *, path: str, line: int) -> Annotation:
        """Return the annotation of a row, without boxes."""
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
    """Return the names in the first record, stripped; none where there is no record."""
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
    """Raise DataError where the header repeats a column or lacks one."""
    repeated = sorted({name for name in header if header.count(name) > 1})
    missing = [name for name in columns.names if name not in header]
    if repeated or (header and missing):
        problem = f"repeated {', '.join(repeated)}" if repeated else f"missing {', '.join(missing)}"
        raise DataError(
            f"{path}: the header does not name the columns that are read, each once: {problem}; "
            f"expected {','.join(columns.names)}, or {','.join(BOX_COLUMNS)}; got "
            f"{','.join(header)}"
        )


def _rows(batch: TextBatch) -> Iterator[tuple[int, int, Row]]:
    """Yield the rows of a batch as (index, line, texts by column)."""
    texts = zip(*(column.to_pylist() for column in batch.batch.columns), strict=True)
    names = batch.batch.schema.names
    for index, (line, row) in enumerate(zip(batch.lines.tolist(), texts, strict=True)):
        yield index, line, dict(zip(names, row, strict=True))


def _manifest(batches: Iterator[TextBatch], columns: _Columns) -> Iterator[Annotation]:
    """Yield one annotation a record."""
    for batch in batches:
        yield from map(_unknown, batch.rejects)
        for index, line, row in _rows(batch):
            try:
                yield columns.annotation(row, path=batch.file, line=line)
            except BadAnnotation as bad:
                yield _unknown(bad.reject(batch.file, line, raw=batch.raw(index)))


def _unknown(problem: Reject) -> Annotation:
    """Return the annotation of a record that names no image."""
    return Annotation("", problem.file, problem.line, problem=problem)


@dataclass
class _Boxed:
    """Image, and the boxes of its rows so far."""

    annotation: Annotation
    boxes: list[Box] = field(default_factory=list)
    classes: list[str] = field(default_factory=list)
    problem: Reject | None = None

    def done(self) -> Annotation:
        """Return the annotation with all boxes."""
        return replace(
            self.annotation,
            boxes=tuple(self.boxes),
            classes=tuple(self.classes),
            problem=self.problem,
        )


def _boxes(
    batches: Iterator[TextBatch], header: list[str], columns: _Columns, form: BoxForm
) -> list[Annotation]:
    """Return one annotation an image, then one a record that names none."""
    images: dict[str, _Boxed] = {}
    bad: list[tuple[str, Reject]] = []
    for batch in batches:
        bad += [(_named(problem, header), problem) for problem in batch.rejects]
        for index, line, row in _rows(batch):
            image = row["filename"].strip(BLANKS)
            try:
                if image not in images:
                    images[image] = _Boxed(columns.annotation(row, path=batch.file, line=line))
                _add_box(images[image], row, form)
            except BadAnnotation as error:
                bad.append((image, error.reject(batch.file, line, raw=batch.raw(index))))
    # Only now are all images known that the bad rows may name: the first problem counts.
    for image, problem in bad:
        if image in images:
            images[image].problem = images[image].problem or problem
    unknown = [_unknown(problem) for image, problem in bad if image not in images]
    return [boxed.done() for boxed in images.values()] + unknown


def _add_box(boxed: _Boxed, row: Row, form: BoxForm) -> None:
    """Add the box of a row to its image; the first row gives the size of the image."""
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
    """Return the image that an unreadable record names; "" where its text has no such field."""
    fields = next(csv.reader(io.StringIO(problem.raw, newline="")), [])
    index = header.index("filename")
    return fields[index].strip(BLANKS) if index < len(fields) else ""
