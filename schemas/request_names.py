"""Names of columns in requests: spelled as in the dataset, or as in a serving signature.

A signature name has only ASCII letters, digits and `_`. Requests that a server logs therefore
have `education_num` where the column is `education-num`. `predict`, `validate` and `transform`
all resolve names with `RequestNames`.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

from .errors import DataError

__all__ = ["RequestNames", "served_name"]


def served_name(name: str) -> str:
    """Return the name of a column as a signature, and a request to a server, spells it.

    >>> served_name("education-num")
    'education_num'
    """
    return "".join(c if c.isalnum() and c.isascii() else "_" for c in name)


class RequestNames:
    """Resolver from the names in a request to columns.

    A name resolves to the column it equals, else to the single column that a signature spells
    that way.

    >>> names = RequestNames(["education-num", "age"])
    >>> names.column("education_num"), names.column("education-num"), names.column("sex")
    ('education-num', 'education-num', None)
    """

    def __init__(self, columns: Iterable[str]) -> None:
        """Take the names of the columns, spelled as in the dataset."""
        self._columns = dict.fromkeys(columns)

    @cached_property
    def _by_served_name(self) -> dict[str, list[str]]:
        by_name: dict[str, list[str]] = {}
        for column in self._columns:
            by_name.setdefault(served_name(column), []).append(column)
        return by_name

    @property
    def spellings(self) -> list[str]:
        """The names that resolve to exactly one column, signature spellings included."""
        single = [name for name, columns in self._by_served_name.items() if len(columns) == 1]
        return list(dict.fromkeys([*self._columns, *single]))

    def column(self, name: str) -> str | None:
        """Return the column that a name resolves to, or None.

        Raises:
          DataError: A signature spells several columns that way.
        """
        if name in self._columns:
            return name
        columns = self._by_served_name.get(name, [None])
        if len(columns) > 1:
            listed = " and ".join(f'"{column}"' for column in columns)
            raise DataError(
                f'expected the name of one column, got "{name}", which stands for {listed}; name '
                "the column as the dataset does"
            )
        return columns[0]

    def columns(self, names: Iterable[str]) -> dict[str, str]:
        """Return the column of each name of a request, by name.

        A name that resolves to no column maps to itself.

        >>> RequestNames(["a-b"]).columns(["a_b", "c"])
        {'a_b': 'a-b', 'c': 'c'}

        Raises:
          DataError: A name resolves to several columns, or two names to one column.
        """
        columns: dict[str, str] = {}
        spellings: dict[str, str] = {}
        for name in names:
            column = self.column(name) or name
            if spellings.setdefault(column, name) != name:
                raise DataError(
                    f'expected the column "{column}" once, got it as "{spellings[column]}" and as '
                    f'"{name}"; leave one out'
                )
            columns[name] = column
        return columns
