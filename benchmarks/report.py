"""Section of the report for a case and its results."""

from __future__ import annotations

from .case import Case, Entry
from .results import Results
from .table import markdown

__all__ = ["section"]

_COSTS = ("CPU seconds", "peak memory", "runs")
_REQUIRED = ("target", "limit", "measured", "")


def section(case: Case, results: Results) -> str:
    """Return the heading, the measurements, the targets and the note, as Markdown.

    Args:
      case: The comparison.
      results: Result of each of its entries.
    """
    process_heading = ["whole seconds"] if case.clock.is_own else []
    header = [
        "",
        case.clock.heading,
        f"of {case.baseline}",
        f"{case.unit}/s",
        *process_heading,
        *_COSTS,
    ]
    measured = [_measured(case, entry, results) for entry in case.entries]
    required = []
    for target in case.targets:
        value = target.measure(results)
        limit = f"{'at least' if target.at_least else 'at most'} {target.limit:g}"
        verdict = "met" if target.met(value) else "MISS"
        required.append([target.description, limit, f"{round(value, 2):g}", verdict])
    parts = [f"### {case.title}", markdown(header, measured), markdown(_REQUIRED, required)]
    return "\n\n".join([*parts, case.note] if case.note else parts)


def _measured(case: Case, entry: Entry, results: Results) -> list[str]:
    """Return a line of the table."""
    result, baseline = results[entry.label], _baseline(case, entry)
    seconds, rows = case.clock.seconds(result), sum(entry.rows.values())
    ratio = seconds / case.clock.seconds(results[baseline]) if baseline else None
    process_seconds = [f"{result.seconds:.2f}"] if case.clock.is_own else []
    return [
        entry.label,
        f"{seconds / case.clock.unit:.2f}",
        "" if ratio is None else f"{ratio:.2f}",
        f"{rows / seconds:,.0f}" if rows else "",
        *process_seconds,
        f"{result.cpu_seconds:.2f}",
        f"{result.peak_bytes / 1e6:,.0f} MB",
        str(len(result.runs)),
    ]


def _baseline(case: Case, entry: Entry) -> str | None:
    """Return the label of the baseline with the rows of an entry, or None."""
    contender = next((item.contender for item in case.entries if item.label == case.baseline), None)
    labels = (
        item.label
        for item in case.entries
        if item.contender is contender and item.rows == entry.rows
    )
    return next(labels, None)
