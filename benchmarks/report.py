"""A case and its results as a section of the report."""

from __future__ import annotations

from .cases import STOCK, Case, Entry
from .results import Results
from .table import markdown

__all__ = ["section"]

_MEASURED = ("", "seconds", f"of {STOCK}", "rows/s", "CPU seconds", "peak memory", "runs")
_REQUIRED = ("target", "at most", "measured", "")


def section(case: Case, results: Results) -> str:
    """The heading, what was measured, what it had to be, and the note.

    Args:
      case: What was run.
      results: The result of each of its entries.
    """
    stock = next((entry.rows for entry in case.entries if entry.label == STOCK), None)
    measured = [_measured(entry, results, entry.rows == stock) for entry in case.entries]
    required = []
    for target in case.targets:
        value = target.measure(results)
        verdict = "met" if value <= target.limit else "MISS"
        required.append([target.what, f"{target.limit:g}", f"{round(value, 2):g}", verdict])
    parts = [f"### {case.title}", markdown(_MEASURED, measured), markdown(_REQUIRED, required)]
    return "\n\n".join([*parts, case.note] if case.note else parts)


def _measured(entry: Entry, results: Results, comparable: bool) -> list[str]:
    """A line of the table; `comparable` where the entry reads what stock TFT reads."""
    result = results[entry.label]
    rows = sum(entry.rows.values())
    return [
        entry.label,
        f"{result.seconds:.2f}",
        f"{result.seconds / results[STOCK].seconds:.2f}" if comparable else "",
        f"{rows / result.seconds:,.0f}" if rows else "",
        f"{result.cpu_seconds:.2f}",
        f"{result.peak_bytes / 1e6:,.0f} MB",
        str(len(result.runs)),
    ]
