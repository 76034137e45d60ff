"""`Column`: name, type, domain and missing-value rules of a column, in a frozen dataclass."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

from .errors import RecipeError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["BadValue", "BLANKS", "Column", "ColumnType", "MISSING_INT64", "RESERVED", "Role"]

ColumnType = Literal["int64", "float32", "string"]
Role = Literal["feature", "label", "weight", "unused"]
BadValue = Literal["reject", "clip", "missing"]

MISSING_INT64 = -(2**63)
"""The missing value of an int64 tensor, which has no NaN."""

BLANKS = " \t\n\v\f\r"
"""The characters stripped from both ends of a field, here and by `tf.strings.strip`."""

RESERVED = ("__key_", "__recordmill_")
"""Prefixes of the columns that the pipeline adds to each row: its key, and its position."""

_MISSING: dict[ColumnType, int | float | str] = {
    "int64": MISSING_INT64,
    "float32": float("nan"),
    "string": "",
}

_LARGEST: dict[ColumnType, float] = {"int64": 2**63 - 1, "float32": 3.4028234663852886e38}

_SHOWN = 10


@dataclass(frozen=True)
class Column:
    """Column of the raw data.

    Cleaning is idempotent: the pipeline cleans, and the transform graph cleans again. So the
    meaning of a spelling can itself be neither a spelling to replace nor a missing token.

    Attributes:
      name: The column's name; unique in its schema, not empty, without a prefix of `RESERVED`.
      type: "int64", "float32" or "string": the three types of a `tf.train.Example`.
      doc: The meaning of the column, for people.
      unit: The unit of a number, such as "years" or "USD"; empty where there is none.
      shape: The shape of one value; () for a scalar, which every CSV column is.
      minimum: The smallest good value, inclusive; None for no bound. Numbers only.
      maximum: The largest good value, inclusive; None for no bound. Numbers only.
      domain: The good values of a string column; empty for any. With the role "label" these are
        the classes, and their order is the order of the class ids.
      missing: The tokens that mean "no value", compared after surrounding blanks are stripped.
        The empty field is always missing.
      spelling: Pairs (written, meant), such as ("<=50K.", "<=50K"), applied after stripping and
        before the domain is checked.
      required: Whether a missing value is a bad value.
      bad_value: The treatment of a value that does not convert or is out of range or domain:
        "reject" drops the row into the rejects, "clip" brings a number into its range (and
        rejects anything else), "missing" takes the value as missing.
      role: "feature", "label", "weight" (declared, not a feature), or "unused".

    Raises:
      RecipeError: A field contradicts another; the message names the column and both fields.
    """

    name: str
    type: ColumnType
    doc: str = ""
    unit: str = ""
    shape: tuple[int, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    domain: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    spelling: tuple[tuple[str, str], ...] = ()
    required: bool = False
    bad_value: BadValue = "reject"
    role: Role = "feature"

    def __post_init__(self) -> None:
        for problem in self._problems():
            raise RecipeError(problem, subject=f'column "{self.name}"')

    def _problems(self) -> list[str]:
        bounded = self.minimum is not None or self.maximum is not None
        empty_range = (
            self.minimum is not None and self.maximum is not None and self.minimum > self.maximum
        )
        checks = [
            (not self.name, "expected a name, got an empty one"),
            (
                self.name.startswith(RESERVED),
                f"names that begin with {' or '.join(RESERVED)} are reserved; "
                "rename it in the file",
            ),
            (
                self.type not in get_args(ColumnType),
                f'expected a type of {", ".join(get_args(ColumnType))}, got "{self.type}"',
            ),
            (
                self.bad_value not in get_args(BadValue),
                f'expected bad_value of {", ".join(get_args(BadValue))}, got "{self.bad_value}"',
            ),
            (
                self.role not in get_args(Role),
                f'expected a role of {", ".join(get_args(Role))}, got "{self.role}"',
            ),
            (min(self.shape, default=1) < 1, f"expected sizes of at least 1, got {self.shape}"),
            (bounded and self.type == "string", "a string column has no minimum or maximum"),
            (empty_range, f"minimum {self.minimum} is above maximum {self.maximum}"),
            (
                bool(self.domain or self.spelling) and self.type != "string",
                f"domain and spelling are for string columns, and the type is {self.type}",
            ),
            (
                self.bad_value == "clip" and not bounded,
                'bad_value "clip" needs a minimum or a maximum',
            ),
            (
                self.required and self.bad_value == "missing",
                'a required column cannot have bad_value "missing"',
            ),
        ]
        problems = [message for wrong, message in checks if wrong]
        return problems or [*self._bound_problems(), *self._text_problems()]

    def _bound_problems(self) -> Iterator[str]:
        for name, bound in (("minimum", self.minimum), ("maximum", self.maximum)):
            if bound is None:
                continue
            if not abs(bound) <= _LARGEST[self.type]:
                yield f"{name} {bound} is not a finite {self.type}"
            elif self.type == "int64" and bound != int(bound):
                yield f"{name} {bound} is not a whole number, and the type is int64"
            elif self.bad_value == "clip" and bound in self.missing_numbers:
                yield f'values are clipped to the {name} {bound:.15g}, which means "no value"'

    def _text_problems(self) -> Iterator[str]:
        written = tuple(pair[0] for pair in self.spelling)
        meant = tuple(pair[1] for pair in self.spelling)
        for name, values in (("domain", self.domain), ("spelling", written)):
            for value in sorted({value for value in values if values.count(value) > 1}):
                yield f'{name} has "{value}" {values.count(value)} times'
        for value in (*self.missing, *self.domain, *written, *meant):
            if value != value.strip(BLANKS):
                yield f'"{value}" has blanks around it, which are stripped before it is compared'
        yield from self._conflicts(written, meant)

    def _conflicts(self, written: tuple[str, ...], meant: tuple[str, ...]) -> Iterator[str]:
        for value in (*self.domain, *meant):
            if not value or value in self.missing:
                yield f'"{value}" cannot be a good value, because it means "no value"'
            elif value in written:
                yield f'"{value}" cannot be a good value, because spelling rewrites it'
        for value in meant:
            if self.domain and value not in self.domain:
                yield f'spelling writes "{value}", which is not in the domain'

    @property
    def missing_value(self) -> int | float | str:
        """The value of a tensor that means "no value": "", NaN, or `MISSING_INT64`."""
        return _MISSING[self.type]

    def arrow_type(self) -> pa.DataType:
        """Return the Arrow type of clean values; strings are dictionary-encoded."""
        import pyarrow as pa

        if self.type == "string":
            return pa.dictionary(pa.int32(), pa.string())
        return pa.int64() if self.type == "int64" else pa.float32()

    @property
    def missing_numbers(self) -> tuple[int | float, ...]:
        """The missing tokens of a number column as numbers: a request sends -999, not "-999".

        >>> Column("income", "int64", missing=("?", "-999")).missing_numbers
        (-999,)
        """
        if self.type == "string":
            return ()
        numbers: list[int | float] = []
        for token in self.missing:
            with suppress(ValueError):
                numbers.append(int(token) if self.type == "int64" else float(token))
        return tuple(number for number in numbers if abs(number) <= _LARGEST[self.type])

    def expectation(self) -> str:
        """Describe the good values in words, for messages.

        >>> Column("age", "int64", minimum=17, maximum=90).expectation()
        'an integer in [17, 90]'
        >>> Column("sex", "string", domain=("Female", "Male")).expectation()
        'one of "Female", "Male"'
        """
        if self.domain:
            more = len(self.domain) - _SHOWN
            listed = ", ".join(f'"{value}"' for value in self.domain[:_SHOWN])
            return f"one of {listed}" + (f" or {more:,} more" if more > 0 else "")
        noun = {"int64": "an integer", "float32": "a finite number", "string": "text"}[self.type]
        if self.minimum is not None and self.maximum is not None:
            return f"{noun} in [{_number(self.minimum)}, {_number(self.maximum)}]"
        if self.minimum is not None:
            return f"{noun} of at least {_number(self.minimum)}"
        if self.maximum is not None:
            return f"{noun} of at most {_number(self.maximum)}"
        return noun


def _number(value: float) -> str:
    """Return the shortest text of a number; an integer without a decimal point.

    >>> _number(17.0), _number(0.1), _number(2**63 - 1)
    ('17', '0.1', '9223372036854775807')
    """
    return str(value).removesuffix(".0")
