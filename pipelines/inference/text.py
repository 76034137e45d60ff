"""Write an inferred recipe: YAML by PyYAML, with comments between the entries."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from pathlib import PurePath
from typing import Any

import yaml

from ...schemas.inference.facts import percent, shown
from ...schemas.inference.proposal import ColumnProposal, Step
from ...schemas.wording import count_of
from ..config.csv_format import CsvFormat

__all__ = ["recipe_text"]

_WIDTH = 100
_DEFAULTS = {field.name: field.default for field in fields(CsvFormat)}
_MAX_REJECTS = 0.01
"""Default of `max_reject_ratio`, which a recipe may raise."""


def recipe_text(
    patterns: Sequence[str],
    *,
    names: Sequence[str],
    choices: Sequence[ColumnProposal],
    csv_format: CsvFormat,
    csv_reasons: Sequence[str],
    records: int,
    rejected: Mapping[str, int],
    left_out: Sequence[tuple[str, str]] = (),
) -> str:
    """Return the YAML text of a recipe.

    Args:
      patterns: Paths or globs of the inputs.
      names: Column names, in order.
      choices: Proposal for each column.
      csv_format: Format of the files.
      csv_reasons: Reasons for the format.
      records: Number of records read.
      rejected: Number of records that are not rows, by reason.
      left_out: Name of each unreadable column of the files, and the reason.
    """
    labels = [name for name, choice in zip(names, choices, strict=True) if choice.role == "label"]
    label = labels[0] if labels else None
    name = _dataset_name(patterns[0])
    parts = [
        *_head(patterns, name, records, len(names), rejected, label),
        _entry({"name": name}),
        _entry({"inputs": [_Flow(files=pattern) for pattern in patterns]}),
        *_comments(csv_reasons, ""),
        *_comments([f"left out: {shown(name)}: {reason}" for name, reason in left_out], ""),
        _entry({"csv": _Flow(_format(csv_format))}),
        "",
        *_comments(_ABOUT_COLUMNS, ""),
        "columns:",
    ]
    for column, choice in zip(names, choices, strict=True):
        parts += [*_comments(choice.reasons, "  "), _item("columns", column, _column(choice))]
    parts += ["", "transforms:"]
    for feature, steps in _features(names, choices):
        parts.append(_item("transforms", feature, steps))
    # A name with a backtick cannot be written in an expression.
    if label is not None and not _required(choices) and "`" not in label:
        parts += ["", "# A row without a label teaches nothing."]
        parts.append(_entry({"filters": [f"`{label}` is not missing"]}))
    parts += ["", "# A row's content decides its split, so equal rows are never on both sides."]
    parts.append(_entry({"split": _Flow(ratios=_Flow(train=0.9, eval=0.1))}))
    return "\n".join(parts) + "\n"


_ABOUT_COLUMNS = (
    "The ranges and values seen are comments, not limits: a larger number or a new category "
    "tomorrow is ordinary data, and a limit would reject it. Where there is a limit, add minimum, "
    "maximum or domain.",
)


class _Flow(dict[str, Any]):
    """Mapping that the dumper writes on one line."""


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        return True


def _flow(dumper: yaml.SafeDumper, value: _Flow) -> yaml.Node:
    return dumper.represent_mapping("tag:yaml.org,2002:map", value, flow_style=True)


def _flow_list(dumper: yaml.SafeDumper, value: tuple[Any, ...]) -> yaml.Node:
    return dumper.represent_sequence("tag:yaml.org,2002:seq", value, flow_style=True)


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.Node:
    style = None if value.isprintable() else '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _text)
_Dumper.add_representer(_Flow, _flow)
_Dumper.add_representer(tuple, _flow_list)


def _entry(value: Mapping[str, Any]) -> str:
    """Dump a mapping in block style; PyYAML quotes keys, since column names may be any text."""
    text: str = yaml.dump(
        dict(value),
        Dumper=_Dumper,
        allow_unicode=True,
        sort_keys=False,
        width=1 << 30,
        default_flow_style=False,
    )
    return text.removesuffix("\n")


def _item(section: str, name: str, value: Any) -> str:
    """Dump one entry of a section, indented, without the line of the section."""
    return _entry({section: {name: value}}).partition("\n")[2]


def _comments(lines: Sequence[str], indent: str) -> Iterator[str]:
    """Yield comment lines; a line end in a value of the data becomes a blank and cannot end one."""
    for line in lines:
        plain = "".join(char if char.isprintable() else " " for char in line)
        yield from textwrap.wrap(
            plain,
            _WIDTH,
            initial_indent=f"{indent}# ",
            subsequent_indent=f"{indent}#   ",
            break_on_hyphens=False,
        )


def _head(
    patterns: Sequence[str],
    name: str,
    records: int,
    columns: int,
    rejected: Mapping[str, int],
    label: str | None,
) -> Iterator[str]:
    lines = [
        f"Written by `recordmill init` from {count_of(records, 'record')} of "
        f"{count_of(columns, 'column')}. Each comment gives the reason for a choice: edit what you "
        "know better.",
        f"recordmill run recipe.yaml --output out/{name}",
    ]
    if label is None:
        lines.append("No label was found: name it with `recordmill init --label NAME`.")
    if rejected:
        count = sum(rejected.values())
        counts = ", ".join(f"{reason} {times:,}" for reason, times in sorted(rejected.items()))
        lines.append(
            f"{count_of(count, 'record')} ({percent(count / records)}) cannot be read as rows, and "
            f"a run rejects them: {counts}."
        )
        if count > _MAX_REJECTS * records:
            lines.append(
                f"That is more than the {percent(_MAX_REJECTS)} that a run accepts: mend the "
                "files, or set max_reject_ratio."
            )
    yield from _comments(lines, "")


def _required(choices: Sequence[ColumnProposal]) -> bool:
    return any(choice.role == "label" and choice.required for choice in choices)


def _dataset_name(pattern: str) -> str:
    """Return a name for the dataset: the file name up to its first dot, safe in a path."""
    stem = PurePath(pattern).name.split(".")[0]
    plain = "".join(char if char.isalnum() or char in "-_" else "_" for char in stem).strip("_")
    return plain or "data"


def _format(csv_format: CsvFormat) -> dict[str, Any]:
    """Return the fields of a format that differ from the defaults, and always `header`."""
    values = {field.name: getattr(csv_format, field.name) for field in fields(CsvFormat)}
    return {k: v for k, v in values.items() if k == "header" or v != _DEFAULTS[k]}


def _column(choice: ColumnProposal) -> _Flow:
    """Return the entry of a column: its type, and the fields that differ from the defaults."""
    entry = _Flow(type=choice.type)
    if choice.role != "feature":
        entry["role"] = choice.role
    if choice.missing:
        entry["missing"] = choice.missing
    if choice.domain:
        entry["domain"] = choice.domain
    if choice.spelling:
        entry["spelling"] = _Flow(choice.spelling)
    if choice.required:
        entry["required"] = True
    if choice.bad_value != "reject":
        entry["bad_value"] = choice.bad_value
    return entry


def _features(names: Sequence[str], choices: Sequence[ColumnProposal]) -> Iterator[tuple[str, Any]]:
    """Yield the features in column order, each with a name that no column or feature has."""
    taken = set(names)
    for column, choice in zip(names, choices, strict=True):
        for feature in choice.features:
            name = column + feature.suffix
            while feature.suffix and name in taken:
                name += "_"
            taken.add(name)
            steps: Any = tuple(_step(step) for step in feature.steps)
            steps = steps[0] if len(steps) == 1 else steps
            yield name, _Flow(of=column, steps=steps) if name != column else steps


def _step(step: Step) -> Any:
    if isinstance(step, str):
        return step
    return _Flow({op: _Flow(v) if isinstance(v, dict) else v for op, v in step.items()})
