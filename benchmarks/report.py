"""A case and its results as a section of the report."""

from __future__ import annotations

from .cases import Case, Entry
from .results import Result, Results
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
    header = ["", "seconds", f"of {case.baseline}", f"{case.unit}/s", *_COSTS]
    compared = next((entry.rows for entry in case.entries if entry.label == case.baseline), None)
    measured = []
    for entry in case.entries:
        other = results[case.baseline] if entry.rows == compared else None
        measured.append(_measured(entry, results[entry.label], other))
    required = []
    for target in case.targets:
        value = target.measure(results)
        limit = f"{'at least' if target.at_least else 'at most'} {target.limit:g}"
        verdict = "met" if target.met(value) else "MISS"
        required.append([target.what, limit, f"{round(value, 2):g}", verdict])
    parts = [f"### {case.title}", markdown(header, measured), markdown(_REQUIRED, required)]
    return "\n\n".join([*parts, case.note] if case.note else parts)


def _measured(entry: Entry, result: Result, baseline: Result | None) -> list[str]:
    """A line of the table; `baseline` where that read the same rows."""
    rows = sum(entry.rows.values())
    return [
        entry.label,
        f"{result.seconds:.2f}",
        f"{result.seconds / baseline.seconds:.2f}" if baseline else "",
        f"{rows / result.seconds:,.0f}" if rows else "",
        f"{result.cpu_seconds:.2f}",
        f"{result.peak_bytes / 1e6:,.0f} MB",
        str(len(result.runs)),
    ]
