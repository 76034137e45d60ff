"""A case and its results as a section of the report."""

from __future__ import annotations

from .case import Case, Entry
from .results import Results
from .table import markdown

__all__ = ["section"]

_COSTS = ("CPU seconds", "peak memory", "runs")
_REQUIRED = ("target", "limit", "measured", "")


def section(case: Case, results: Results) -> str:
    """The heading, what was measured, what it had to be, and the note.

    Args:
      case: What was run.
      results: The result of each of its entries.
    """
    whole = ["whole seconds"] if case.clock.own else []
    header = [
        "",
        case.clock.heading,
        f"of {case.baseline}",
        f"{case.unit}/s",
        *whole,
        *_COSTS,
    ]
    measured = [_measured(case, entry, results) for entry in case.entries]
    required = []
    for target in case.targets:
        value = target.measure(results)
        limit = f"{'at least' if target.at_least else 'at most'} {target.limit:g}"
        verdict = "met" if target.met(value) else "MISS"
        required.append([target.what, limit, f"{round(value, 2):g}", verdict])
    parts = [f"### {case.title}", markdown(header, measured), markdown(_REQUIRED, required)]
    return "\n\n".join([*parts, case.note] if case.note else parts)


def _measured(case: Case, entry: Entry, results: Results) -> list[str]:
    """A line of the table."""
    result, baseline = results[entry.label], _baseline(case, entry)
    seconds, rows = case.clock.seconds(result), sum(entry.rows.values())
    ratio = seconds / case.clock.seconds(results[baseline]) if baseline else None
    whole = [f"{result.seconds:.2f}"] if case.clock.own else []
    return [
        entry.label,
        f"{seconds / case.clock.unit:.2f}",
        "" if ratio is None else f"{ratio:.2f}",
        f"{rows / seconds:,.0f}" if rows else "",
        *whole,
        f"{result.cpu_seconds:.2f}",
        f"{result.peak_bytes / 1e6:,.0f} MB",
        str(len(result.runs)),
    ]


def _baseline(case: Case, entry: Entry) -> str | None:
    """The label of what an entry is compared with: the baseline on the rows of the entry."""
    contender = next((one.contender for one in case.entries if one.label == case.baseline), None)
    labels = (
        one.label for one in case.entries if one.contender is contender and one.rows == entry.rows
    )
    return next(labels, None)
