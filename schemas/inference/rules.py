"""What becomes of a column, by rules that each give their reason.

The rules are tried in the order of `RULES`; the first that applies decides. None sets a range or
a closed domain for a feature: tomorrow's larger number and new category are ordinary data, and
must not be rejected.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ..column import BadValue
from .facts import (
    absent,
    amount,
    buckets,
    different,
    is_flag,
    list_of,
    of_all,
    one_pattern,
    parts_of,
    percent,
    shown,
    tokens_of,
)
from .numbers import number, numeric, type_of
from .observed import DATE_FORMATS, ISO, ColumnSummary
from .proposal import ENOUGH, NUMERIC, VOCABULARY, ColumnProposal, Feature, Step

__all__ = ["RULES", "choose", "formatted", "kept"]

_COVERED = 0.8
"""Where the most common values are this share of all, the others are left to one id."""

_TEXT_WORDS = 4
"""From so many words on average on, texts are prose."""

_TOP_WORDS = 100
_MULTI_HOT = 100
_SWAPPED = {"%m/%d/%Y": "%d/%m/%Y", "%m/%d/%Y %H:%M": "%d/%m/%Y %H:%M"}


def choose(name: str, seen: ColumnSummary) -> ColumnProposal:
    """What becomes of a column that is no label.

    Args:
      name: Of the column; what it says of identifiers and codes counts where the values leave it
        open.
      seen: All of its values.
    """
    found = (choice for rule in RULES if (choice := rule(name, seen)))
    return replace(next(found, None) or _hashed(seen), missing=tokens_of(seen))


def kept(choice: ColumnProposal, seen: ColumnSummary) -> ColumnProposal:
    """A column that was left out, made a feature because no other column is one."""
    step: Step = {"hash_buckets": {"num_buckets": buckets(seen)}}
    steps = ("z_score",) if choice.type != "string" else (step,)
    reasons = (*choice.reasons, "kept all the same, because no other column is left")
    return replace(choice, role="feature", features=(Feature("", steps),), reasons=reasons)


def _nothing(name: str, seen: ColumnSummary) -> ColumnProposal | None:
    if seen.present:
        return None
    if not seen.rows:
        reason = "there is no row to infer from: check the type"
        return ColumnProposal("category", "string", (reason,), (Feature("", ("vocabulary_ids",)),))
    reason = f"all {amount(seen.rows, 'value')} are missing: left out"
    return ColumnProposal("nothing", "string", (reason,), role="unused")


def _constant(name: str, seen: ColumnSummary) -> ColumnProposal | None:
    if seen.unique() > 1 or seen.present < 2:
        return None
    value = (seen.common() or [(str(seen.decimals.values[0]), 0)])[0][0]
    said = f"{of_all(seen.present, seen)} are {shown(value)}"
    kind = type_of(seen) if numeric(seen) else "string"
    if not seen.absent:
        lenient: BadValue = "reject" if kind == "string" else "missing"
        said += ": a constant, left out"
        return ColumnProposal("constant", kind, (said,), role="unused", bad_value=lenient)
    reason = f"{said}, the others missing: what counts is whether there is one"
    return ColumnProposal(
        "category",
        kind,
        (reason,),
        (Feature("_missing", ("missing_indicator",)),),
    )


def _date(name: str, seen: ColumnSummary) -> ColumnProposal | None:
    best = max(DATE_FORMATS, key=lambda one: seen.dates[one])
    count = seen.dates[best]
    compact = best == "%Y%m%d" and seen.unique() < ENOUGH
    if count < NUMERIC * seen.present or compact:
        return None
    written = "as ISO 8601" if best == ISO else f"as {best}"
    reasons = [f"{of_all(count, seen)} are dates written {written}{absent(seen)}"]
    if seen.dates[_SWAPPED.get(best, "")] == count:
        reasons.append("no day above 12 tells days from months: check which comes first")
    format_ = {} if best == ISO else {"format": best}
    periods = ["year", "week", *(["day"] if seen.timed else [])]
    return ColumnProposal(
        "date",
        "string",
        tuple(reasons),
        (
            Feature("_days", ({"days_since": format_} if format_ else "days_since", "z_score")),
            *(
                Feature(f"_{one}", ({"cyclical_date": {"period": one} | format_},))
                for one in periods
            ),
        ),
    )


def _flag(name: str, seen: ColumnSummary) -> ColumnProposal | None:
    if seen.unique() != 2 or seen.text_count < seen.present or not is_flag(seen):
        return None
    values = sorted(value for value, _ in seen.common())
    reason = f"{of_all(seen.present, seen)} are {' or '.join(map(shown, values))}{absent(seen)}"
    why = ": yes or no, and anything else is taken as missing, not rejected"
    return ColumnProposal(
        "category",
        "string",
        (f"{reason}{why}",),
        (_vocabulary(seen, {}),),
        domain=tuple(values),
        bad_value="missing",
    )


def _identifier(name: str, seen: ColumnSummary) -> ColumnProposal | None:
    if seen.present < ENOUGH or not seen.almost_unique() or formatted(seen):
        return None
    if not (pattern := one_pattern(seen)):
        return None
    reason = f"{different(seen)} of {amount(seen.present, 'value')}, {pattern}: an identifier"
    return ColumnProposal(
        "identifier",
        "string",
        (f"{reason}, left out{absent(seen)}",),
        role="unused",
    )


def _several(name: str, seen: ColumnSummary) -> ColumnProposal | None:
    found = parts_of(seen)
    if not found:
        return None
    separator, share, count = found
    reason = (
        f'{percent(share)} of the values have a "{separator}" in them, and between these only '
        f"{amount(count, 'different word')} or phrases: several values a field"
    )
    steps: tuple[Step, ...] = (
        {"split_values": {"separator": separator}},
        "vocabulary_ids",
        {"multi_hot": {"depth": count + 1}},
    )
    if count > _MULTI_HOT:
        steps = (steps[0], {"vocabulary_ids": {"top_k": VOCABULARY}})
    return ColumnProposal("several", "string", (reason,), (Feature("", steps),))


def _text(name: str, seen: ColumnSummary) -> ColumnProposal | None:
    words = seen.words / max(1, seen.text_count)
    if words < _TEXT_WORDS or seen.unique() < 0.5 * seen.present or seen.present < ENOUGH:
        return None
    reason = (
        f"{different(seen)} of {amount(seen.present, 'value')}, of {words:.1f} words on average: "
        f"free text, as the {_TOP_WORDS:,} most common words"
    )
    steps: tuple[Step, ...] = ("lower", {"tf_idf": {"top_k": _TOP_WORDS}})
    return ColumnProposal("text", "string", (reason,), (Feature("", steps),))


def _category(name: str, seen: ColumnSummary) -> ColumnProposal | None:
    often = seen.unique() <= 0.5 * seen.present or seen.present < 100
    if seen.unique() > VOCABULARY or not often:
        return None
    reason = f"{different(seen)} in {amount(seen.present, 'value')}{absent(seen)}: a category"
    return ColumnProposal(
        "category",
        "string",
        (reason, list_of(seen.common()), *_notes(seen)),
        (_vocabulary(seen, {}),),
    )


def _hashed(seen: ColumnSummary) -> ColumnProposal:
    """A string column of many values."""
    covered = sum(count for _, count in seen.common()[:VOCABULARY]) / seen.present
    reason = f"{different(seen)} in {amount(seen.present, 'value')}{absent(seen)}: too many to "
    notes = _notes(seen)
    if covered >= _COVERED and seen.unique() > VOCABULARY:
        said = f"{reason}list, but the {VOCABULARY:,} most common are {percent(covered)} of them"
        feature = _vocabulary(seen, {"top_k": VOCABULARY})
        return ColumnProposal("category", "string", (said, *notes), (feature,))
    hashed: Step = {"hash_buckets": {"num_buckets": buckets(seen)}}
    said = f"{reason}list, so hashed"
    return ColumnProposal(
        "hashed",
        "string",
        (said, *notes),
        (Feature("", (hashed,)),),
    )


RULES: tuple[Callable[[str, ColumnSummary], ColumnProposal | None], ...] = (
    _nothing,
    _constant,
    _date,
    number,
    _flag,
    _several,
    _text,
    _identifier,
    _category,
)


def _vocabulary(seen: ColumnSummary, arguments: dict[str, Any]) -> Feature:
    """Ids of categories; a missing one is a category of its own where there was one."""
    ids: Step = {"vocabulary_ids": arguments} if arguments else "vocabulary_ids"
    token = next(iter(tokens_of(seen)), "?")
    return Feature("", ({"fill_missing": token}, ids) if seen.absent else (ids,))


def _notes(seen: ColumnSummary) -> tuple[str, ...]:
    """What a reader should know of texts that have to do with numbers."""
    notes = []
    if seen.leading_zeros:
        count = amount(seen.leading_zeros, "value")
        notes.append(f"{count} of digits with leading zeros, which a number would lose: text")
    elif seen.numbers >= 0.5 * seen.present:
        notes.append(f"{of_all(seen.numbers, seen)} are numbers, and the others are not: text")
    return (*notes, *formatted(seen))


def formatted(seen: ColumnSummary) -> list[str]:
    """Return a note on texts that are mostly amounts, such as "$1,200"; none of others."""
    if seen.formatted < 0.5 * max(1, seen.text_count):
        return []
    return [
        "numbers with a currency, a percent sign or separators: "
        f"{amount(seen.formatted, 'value')}, such as {shown(seen.common()[0][0])}; to have them as "
        "numbers, write them without"
    ]
