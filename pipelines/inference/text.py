"""The text of an inferred recipe: YAML that PyYAML writes, with comments between."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from pathlib import PurePath
from typing import Any

import yaml

from ...schemas.inference.facts import amount, percent, shown
from ...schemas.inference.proposal import ColumnProposal, Step
from ..config.csv_format import CsvFormat

__all__ = ["recipe_text"]

_WIDTH = 100
_DEFAULTS = {one.name: one.default for one in fields(CsvFormat)}
_MAX_REJECTS = 0.01


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
    """The recipe.

    Args:
      patterns: The inputs.
      names: Of the columns, in order.
      choices: What becomes of each.
      csv_format: How the files are written.
      csv_reasons: Why it is thought so.
      records: How many were looked at.
      rejected: How many of them are no rows, by reason.
      left_out: The name of each column of the files that cannot be read, and why.
    """
    label = next((n for n, one in zip(names, choices, strict=True) if one.role == "label"), None)
    name = _name_of(patterns[0])
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
    for feature, made in _features(names, choices):
        parts.append(_item("transforms", feature, made))
    if label is not None and not _required(choices) and "`" not in label:
        parts += ["", "# Nothing is learned from a row without a label."]
        parts.append(_entry({"filters": [f"`{label}` is not missing"]}))
    parts += ["", "# A row's content decides its split, so equal rows are never on both sides."]
    parts.append(_entry({"split": _Flow(ratios=_Flow(train=0.9, eval=0.1))}))
    return "\n".join(parts) + "\n"


_ABOUT_COLUMNS = (
    "The ranges and values seen stand in comments and are no limits: a larger number or a new "
    "category tomorrow is ordinary data, and would be rejected. Where there is a limit, add "
    "minimum, maximum or domain.",
)


class _Flow(dict[str, Any]):
    """A mapping to be written on one line."""


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
    """A mapping in block style, as PyYAML writes it: names of columns may be any text."""
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
    """An entry of a section, indented as it stands there."""
    return _entry({section: {name: value}}).partition("\n")[2]


def _comments(lines: Sequence[str], indent: str) -> Iterator[str]:
    """Comment lines; what does not print, as in a value of the data, cannot end one."""
    for line in lines:
        plain = "".join(one if one.isprintable() else " " for one in line)
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
        f"Written by `recordmill init` from {amount(records, 'record')} of "
        f"{amount(columns, 'column')}. Each comment gives the reason for a choice: edit what you "
        "know better.",
        f"recordmill run recipe.yaml --output out/{name}",
    ]
    if label is None:
        lines.append("No label was found: give one with `recordmill init --label NAME`.")
    if rejected:
        count = sum(rejected.values())
        told = ", ".join(f"{reason} {times:,}" for reason, times in sorted(rejected.items()))
        lines.append(
            f"{amount(count, 'record')} ({percent(count / records)}) cannot be read as rows, and a "
            f"run rejects them: {told}."
        )
        if count > _MAX_REJECTS * records:
            lines.append(
                f"That is more than the {percent(_MAX_REJECTS)} that a run lets pass: mend the "
                "files, or set max_reject_ratio."
            )
    yield from _comments(lines, "")


def _required(choices: Sequence[ColumnProposal]) -> bool:
    return any(one.role == "label" and one.required for one in choices)


def _name_of(pattern: str) -> str:
    """A dataset's name, from its files': the part of the last name before the first dot."""
    stem = PurePath(pattern).name.split(".")[0]
    plain = "".join(one if one.isalnum() or one in "-_" else "_" for one in stem).strip("_")
    return plain or "data"


def _format(csv_format: CsvFormat) -> dict[str, Any]:
    """The header, and what differs from the defaults."""
    values = {one.name: getattr(csv_format, one.name) for one in fields(CsvFormat)}
    return {k: v for k, v in values.items() if k == "header" or v != _DEFAULTS[k]}


def _column(choice: ColumnProposal) -> _Flow:
    """The fields of a column that differ from the defaults."""
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
    """The features in the order of their columns, each with a name of its own."""
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
