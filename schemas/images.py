"""`ImageSchema`: the columns of an image dataset, and the schemas derived from them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

from .column import Column
from .errors import RecipeError

if TYPE_CHECKING:
    import pyarrow as pa
    from tensorflow_metadata.proto.v0 import schema_pb2

__all__ = ["BOXES", "BOX_LABELS", "IMAGE", "ImageKind", "ImageSchema", "LABEL"]

ImageKind = Literal["classification", "detection"]

IMAGE, LABEL, BOXES, BOX_LABELS = "image", "label", "boxes", "box_labels"
"""Names of the raw inputs of a `preprocessing_fn` over images."""

_FACTS = (
    Column("filename", "string", "the path of the image below its root"),
    Column("sha256", "string", "of the bytes of the file, in hex"),
    Column("format", "string", "the format of the file, as Pillow calls it"),
    Column("width", "int64", "of the upright picture", unit="pixels"),
    Column("height", "int64", "of the upright picture", unit="pixels"),
    Column("bytes", "int64", "the size of the file", unit="bytes"),
    Column("brightness", "float32", "the mean luma", minimum=0, maximum=255),
    Column("contrast", "float32", "the standard deviation of the luma", minimum=0, maximum=255),
    Column("mean_red", "float32", minimum=0, maximum=255),
    Column("mean_green", "float32", minimum=0, maximum=255),
    Column("mean_blue", "float32", minimum=0, maximum=255),
)


@dataclass(frozen=True)
class ImageSchema:
    """Columns of an image dataset: facts of the file, label or boxes, and annotations.

    Attributes:
      kind: "classification", where an image has a label, or "detection", where it has boxes.
      classes: The names of the classes, in the order of the class ids.
      further: More columns from the annotations, scalars; each is a raw input of the graph.

    Raises:
      RecipeError: There is no class, a name occurs twice, or a name is reserved.
    """

    kind: ImageKind
    classes: tuple[str, ...]
    further: tuple[Column, ...] = ()

    def __post_init__(self) -> None:
        if self.kind not in get_args(ImageKind):
            raise RecipeError(
                f'expected a kind of {", ".join(get_args(ImageKind))}, got "{self.kind}"'
            )
        if not self.classes or not all(self.classes):
            raise RecipeError(f"expected the names of the classes, got {self.classes}")
        for name in self.classes:
            if self.classes.count(name) > 1:
                raise RecipeError(f'class "{name}" is named {self.classes.count(name)} times')
        names = [*_reserved_names(), *(column.name for column in self.further)]
        for column in self.further:
            if names.count(column.name) > 1:
                raise RecipeError("the name is taken", subject=f'column "{column.name}"')
            if column.role != "feature":
                raise RecipeError(
                    f'expected the role "feature", got "{column.role}"',
                    subject=f'column "{column.name}"',
                )

    @property
    def label(self) -> Column | None:
        """The label column, or None for detection."""
        if self.kind == "detection":
            return None
        return Column(LABEL, "string", "the class", domain=self.classes, role="label")

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns with one value an image: facts of the file, the label, `further`."""
        label = (self.label,) if self.label else ()
        return (*_FACTS, *label, *self.further)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of `columns`."""
        return tuple(column.name for column in self.columns)

    def __iter__(self) -> Iterator[Column]:
        return iter(self.columns)

    def __getitem__(self, name: str) -> Column:
        """Return the column of that name; raise RecipeError where there is none."""
        for column in self.columns:
            if column.name == name:
                return column
        raise RecipeError(f'no column "{name}" among {", ".join(self.names)}')

    def arrow_schema(self) -> pa.Schema:
        """Return the Arrow schema of the rows: the encoded image, `columns`, and boxes if any.

        A box is (ymin, xmin, ymax, xmax), relative to the upright image, and has a label.
        """
        import pyarrow as pa

        fields = [pa.field(IMAGE, pa.large_binary())]
        fields += [pa.field(column.name, column.arrow_type()) for column in self.columns]
        if self.kind == "detection":
            fields.append(pa.field(BOXES, pa.list_(pa.list_(pa.float32(), 4))))
            fields.append(pa.field(BOX_LABELS, pa.list_(pa.string())))
        return pa.schema(fields)

    def to_proto(self) -> schema_pb2.Schema:
        """Return the raw inputs of the transform graph as a `tensorflow_metadata` schema."""
        from tensorflow_metadata.proto.v0 import schema_pb2

        from .schema import Schema

        image = Column(IMAGE, "string", "the bytes of a JPEG, PNG, GIF or BMP file")
        label = (self.label,) if self.label else ()
        proto = Schema((image, *label, *self.further)).to_proto()
        proto.feature[0].image_domain.SetInParent()
        if self.kind == "detection":
            boxes = proto.feature.add(name=BOXES, type=schema_pb2.FLOAT)
            boxes.annotation.tag.append("ymin, xmin, ymax, xmax, relative to the image")
            labels = proto.feature.add(name=BOX_LABELS, type=schema_pb2.BYTES)
            labels.string_domain.name = BOX_LABELS
            labels.string_domain.value.extend(self.classes)
        return proto

    def to_pbtxt(self) -> str:
        """Return the text of `schema.pbtxt`."""
        from google.protobuf import text_format

        return text_format.MessageToString(self.to_proto())

    def label_map(self) -> str:
        """Return the classes as a `label_map.pbtxt` of the TF Object Detection API: ids from 1.

        >>> print(ImageSchema("detection", ("plane",)).label_map())
        item {
          id: 1
          name: "plane"
        }
        <BLANKLINE>
        """
        return "".join(
            f"item {{\n  id: {index}\n  name: {json.dumps(name, ensure_ascii=False)}\n}}\n"
            for index, name in enumerate(self.classes, 1)
        )


def _reserved_names() -> list[str]:
    return [IMAGE, LABEL, BOXES, BOX_LABELS, *(column.name for column in _FACTS)]
