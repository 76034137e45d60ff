"""`Schema`: the columns of a table, and the schemas derived from them.

The Arrow schema, the TensorFlow feature spec and the `tensorflow_metadata` proto all derive from
the tuple of columns; nothing else lists columns.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .column import Column
from .errors import DataError, RecipeError
from .suggestions import did_you_mean

if TYPE_CHECKING:
    import pyarrow as pa
    from tensorflow_metadata.proto.v0 import schema_pb2

__all__ = ["Schema"]


@dataclass(frozen=True)
class Schema:
    """Columns of a table, in the order of the file.

    Attributes:
      columns: At least one column; names are unique; at most one has the role "label".

    Raises:
      RecipeError: A name is used twice, there are two labels, or there is no column.
    """

    columns: tuple[Column, ...]

    def __post_init__(self) -> None:
        if not self.columns:
            raise RecipeError("a schema needs at least one column")
        for name in self.names:
            if self.names.count(name) > 1:
                raise RecipeError(f'column "{name}" is declared {self.names.count(name)} times')
        labels = [column.name for column in self.columns if column.role == "label"]
        if len(labels) > 1:
            raise RecipeError(f"at most one column can be the label, got {', '.join(labels)}")

    def __iter__(self) -> Iterator[Column]:
        return iter(self.columns)

    def __len__(self) -> int:
        return len(self.columns)

    def __getitem__(self, name: str) -> Column:
        """Return the column of that name; raise RecipeError with the nearest name otherwise."""
        for column in self.columns:
            if column.name == name:
                return column
        raise RecipeError(f'no column "{name}" in the schema{did_you_mean(name, self.names)}')

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns, in the order of the file."""
        return tuple(column.name for column in self.columns)

    @property
    def label(self) -> Column | None:
        """The column with the role "label", or None."""
        return next((column for column in self.columns if column.role == "label"), None)

    @property
    def inputs(self) -> tuple[Column, ...]:
        """The columns that reach the transform graph: the features and the label."""
        return tuple(column for column in self.columns if column.role in ("feature", "label"))

    def arrow_schema(self) -> pa.Schema:
        """Return the Arrow schema of clean rows: nullable fields, dictionary-encoded strings."""
        import pyarrow as pa

        return pa.schema([(column.name, column.arrow_type()) for column in self.columns])

    def feature_spec(self) -> dict[str, Any]:
        """Return the raw feature spec of the transform graph, for `tf.io.parse_example`.

        Returns:
          For each column of `inputs` a `tf.io.FixedLenFeature` of the column's shape and dtype,
          whose default is the column's missing value.
        """
        import tensorflow as tf

        return {
            column.name: tf.io.FixedLenFeature(
                column.shape, tf.dtypes.as_dtype(column.type), column.missing_value
            )
            for column in self.inputs
        }

    def to_proto(self) -> schema_pb2.Schema:
        """Return the `tensorflow_metadata` proto, from which `from_proto` makes an equal schema."""
        from .schema_proto import to_proto

        return to_proto(self, inputs=self.inputs)

    @classmethod
    def from_proto(cls, proto: schema_pb2.Schema) -> Schema:
        """Make a schema from a `tensorflow_metadata` proto, TFDV's protos included.

        Raises:
          DataError: A feature has a type or a shape that a column cannot have, or two features
            have one name.
        """
        from .schema_proto import from_proto

        try:
            return cls(from_proto(proto))
        except RecipeError as error:
            raise DataError(str(error)) from error

    def to_pbtxt(self) -> str:
        """Return the text of `schema.pbtxt`."""
        from google.protobuf import text_format

        return text_format.MessageToString(self.to_proto())

    @classmethod
    def from_pbtxt(cls, text: str) -> Schema:
        """Make a schema from the text of a `schema.pbtxt`.

        Raises:
          DataError: The text is no `tensorflow_metadata` schema, or `from_proto` rejects it.
        """
        from google.protobuf import text_format
        from tensorflow_metadata.proto.v0 import schema_pb2

        try:
            return cls.from_proto(text_format.Parse(text, schema_pb2.Schema()))
        except (text_format.ParseError, DataError) as error:
            raise DataError(f"schema.pbtxt: {error}") from error
