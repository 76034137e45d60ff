"""Rules for the names of splits: each is a folder of the dataset, and part of file names.

The checks apply to names from users. A dataset older than a rule is read as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from .errors import RecipeError
from .manifest import MANIFEST

__all__ = ["FOLDER_NAMES", "UNSPLIT", "check_split_name", "check_split_names"]

UNSPLIT = "unsplit"
"""Name under which the ledger counts records that were rejected before they had a split."""

FOLDER_NAMES = (
    MANIFEST,
    *("profile.json", "report.html", "label_map.pbtxt", "facets.pb"),
    *("rejects", "schema", "stats", "transform_fn", "transformed_metadata"),
    *(".scratch", ".analysis"),
    UNSPLIT,
)
"""Names in the folder of a dataset or a profile that no split may have."""

_FOLDER_PREFIXES = ("transformed-", "reshape-")
"""Prefixes of file names beside those of the splits: `stats/transformed-train.pb`."""

_LONGEST = 64
_NAME = re.compile(rf"[A-Za-z0-9_][A-Za-z0-9_-]{{0,{_LONGEST - 1}}}")
_RULE = (
    f'letters a to z and A to Z, digits, "_" and "-", at most {_LONGEST} of them, the first not "-"'
)


def check_split_name(name: str, *, key: str, subject: str = "") -> None:
    """Check the name that a user gives to a split.

    Letters are ASCII: others have several spellings in Unicode, which some filesystems treat as
    one. The comparison with the names of the folder ignores case, as some filesystems do.

    Args:
      name: The name of the split.
      key: The key of the recipe, or the flag, that sets it; the field of the error.
      subject: Object that has the key, the subject of the error; "" for none.

    Raises:
      RecipeError: The name has other characters, is longer than 64, or is one that the folder of a
        dataset uses itself.

    >>> check_split_name("train-2026_q1", key="split.ratios")
    >>> check_split_name("my split", key="split.ratios")
    Traceback (most recent call last):
    ...
    recordmill.schemas.errors.RecipeError: split.ratios: expected a name of letters a to z and A \
to Z, digits, "_" and "-", at most 64 of them, the first not "-"; got "my split". Name the split \
"my_split", say.
    """
    lower = name.lower()
    if not _NAME.fullmatch(name):
        expected = f"a name of {_RULE}"
    elif lower in FOLDER_NAMES:
        expected = "a name that the folder of a dataset does not use itself"
    elif lower.startswith(_FOLDER_PREFIXES):
        expected = f"a name that does not begin as files of the folder do ({lower.split('-')[0]}-)"
    else:
        return
    raise RecipeError(
        f'expected {expected}; got "{name}". Name the split "{_other_name(name)}", say.',
        subject=subject,
        field=key,
    )


def check_split_names(names: Iterable[str], *, key: str, subject: str = "") -> None:
    """Check the names of all splits of a run with `check_split_name`, and that they differ.

    Args:
      names: The names of the splits.
      key: As in `check_split_name`.
      subject: As in `check_split_name`.

    Raises:
      RecipeError: A name is invalid, or two names differ in case only: on some filesystems their
        folders would be the same.
    """
    spelled: dict[str, str] = {}
    for name in names:
        check_split_name(name, key=key, subject=subject)
        other = spelled.setdefault(name.lower(), name)
        if other != name:
            raise RecipeError(
                "expected names that differ in more than capitals, since some filesystems "
                f'take them for one; got "{other}" and "{name}". Rename one of them.',
                subject=subject,
                field=key,
            )


def _other_name(name: str) -> str:
    """Return a valid name near to an invalid one.

    >>> _other_name(".scratch"), _other_name("stats"), _other_name("é")
    ('scratch', 'stats_split', 'split')
    """
    other = re.sub(r"[^A-Za-z0-9_-]+", "_", name).strip("_-")[: _LONGEST - 6] or "split"
    reserved = other.lower() in FOLDER_NAMES or other.lower().startswith(_FOLDER_PREFIXES)
    return f"{other.replace('-', '_')}_split" if reserved else other
