"""Names of columns in requests: as the dataset has them, or as a signature spells them.

A signature has no other characters than letters of ASCII, digits and `_`. So requests that a
server logs have `education_num` where the column is `education-num`. `predict`, `validate` and
`transform` read names by the one rule of `RequestNames`.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

from .errors import DataError

__all__ = ["RequestNames", "served_name"]


def served_name(name: str) -> str:
    """Return the name of a column as a signature spells it, and so a request to a server.

    >>> served_name("education-num")
    'education_num'
    """
    return "".join(one if one.isalnum() and one.isascii() else "_" for one in name)


class RequestNames:
    """Finds the columns that the names in a request stand for.

    A name is that of the column it equals. Else it is that of the one column that a signature
    spells so.

    >>> names = RequestNames(["education-num", "age"])
    >>> names.column("education_num"), names.column("education-num"), names.column("sex")
    ('education-num', 'education-num', None)
    """

    def __init__(self, columns: Iterable[str]) -> None:
        """Take the names of the columns, as the dataset has them."""
        self._columns = dict.fromkeys(columns)

    @cached_property
    def _by_served_name(self) -> dict[str, list[str]]:
        by_name: dict[str, list[str]] = {}
        for column in self._columns:
            by_name.setdefault(served_name(column), []).append(column)
        return by_name

    @property
    def spellings(self) -> list[str]:
        """The names that stand for one column, with those that signatures have."""
        single = [name for name, columns in self._by_served_name.items() if len(columns) == 1]
        return list(dict.fromkeys([*self._columns, *single]))

    def column(self, name: str) -> str | None:
        """Return the column that a name stands for, or None.

        Raises:
          DataError: A signature spells several columns so.
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
        """Return the column that each name of a request stands for, by that name.

        Names that stand for no column stay as they are.

        >>> RequestNames(["a-b"]).columns(["a_b", "c"])
        {'a_b': 'a-b', 'c': 'c'}

        Raises:
          DataError: A name can mean several columns, or two of them mean one.
        """
        columns: dict[str, str] = {}
        given: dict[str, str] = {}
        for name in names:
            column = self.column(name) or name
            if given.setdefault(column, name) != name:
                raise DataError(
                    f'expected the column "{column}" once, got it as "{given[column]}" and as '
                    f'"{name}"; leave one out'
                )
            columns[name] = column
        return columns
