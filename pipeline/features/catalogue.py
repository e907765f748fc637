"""What is made from the registry and checked in: the entries of `SCHEMA_features.json`, `docs/features.md`.

`python -m pipeline.features.catalogue` writes both; a test keeps them true.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from itertools import groupby

from pipeline.contracts import features_schema
from pipeline.contracts.features_schema import FeaturesSchema, Table
from pipeline.features import registry
from pipeline.features.step import Step
from pipeline.free_form import Document
from pipeline.locations import GOVERNANCE, PROJECT

_TITLES: dict[Table, str] = {
    "micro": "features_micro.parquet",
    "macro": "macro_slow.parquet",
}


def schema(text: str) -> str:
    """SCHEMA_features.json with the features as the registry has them; all else as `text` has it."""
    head, opened, rest = text.partition('\n "features": [\n')
    _, closed, tail = rest.partition("\n ],\n")
    entries = [
        "  " + json.dumps(registry.entry(step, table), ensure_ascii=False)
        for table, steps in registry.STEPS.items()
        for step in steps
    ]
    return head + opened + ",\n".join(entries) + closed + tail


def catalogue(features: FeaturesSchema) -> str:
    """The feature list as a page for people, in Markdown.

    Raises:
        ConfigError: SCHEMA_features.json differs from the registry.
    """
    document = features.document
    parts = ["# Features", _INTRODUCTION, _rules(document["rules"]), "## Nulls"]
    parts.append("\n".join(f"- `{k}`: {v}" for k, v in document["null_policies"].items()))
    for table in _TITLES:
        parts += _table(features, table)
    parts += ["## Coverage", _COVERAGE, _coverage(document)]
    return "\n\n".join(parts) + "\n"


_INTRODUCTION = """\
Made from the registry (`pipeline/features/registry.py`) by `pipeline/features/catalogue.py`: do not edit.

Every value uses only rows that ended at or before its own. Windows are trailing and count rows of the
grid, minutes or UTC days, measured or not. A day computed alone equals the same day in a batch, bit for
bit: each window is summed by itself, an exponential mean has a fixed length, and logarithms use only
operations that are the same on every machine."""


_COVERAGE = """\
What was asked for, and what is there. What is left out, or cannot be had from these inputs, says why."""


def _coverage(document: Document) -> str:
    reasons = {entry["name"]: entry["reason"] for entry in document["not_possible"]}
    lines = [
        "| asked for | done as | left out or not possible from these inputs, and why |",
        "|---|---|---|",
    ]
    for row in document["coverage"]:
        done = ", ".join(f"`{name}`" for name in row["features"] if name not in reasons)
        lacking = [f"{n}: {reasons[n]}" for n in row["features"] if n in reasons]
        lines.append(f"| {row['asked']} | {done or '-'} | {' '.join(lacking)} |")
    return "\n".join(lines)


def _rules(rules: dict[str, float]) -> str:
    listed = "\n".join(f"- `{name}`: {value}" for name, value in rules.items())
    return f"Governed numbers (`governance/SCHEMA_features.json`):\n\n{listed}"


def _table(features: FeaturesSchema, table: Table) -> list[str]:
    document = features.document
    own = document["tables"][table]
    keys = "\n".join(f"- `{k['name']}` ({k['type']}): {k['description']}" for k in own["keys"])
    parts = [f"## {_TITLES[table]}", own["description"], f"Key columns:\n\n{keys}"]
    steps = sorted(registry.steps(features, table), key=lambda step: _rank(document, step))
    for family, members in groupby(steps, key=lambda step: step.family):
        parts += [f"### {family}", document["families"][family], _members(members, own["grid"])]
    return parts


def _rank(document: Document, step: Step) -> int:
    return list(document["families"]).index(step.family)


def _members(members: Iterable[Step], grid: str) -> str:
    return "\n".join(_entry(step, grid) for step in members)


def _entry(step: Step, grid: str) -> str:
    formula = " ".join(step.formula.split())
    inputs = ", ".join(f"`{name}`" for name in step.inputs) or "the clock"
    facts = [
        f"unit: {step.unit or 'none'}",
        f"type: {step.type}",
        f"window: {step.window} {grid if step.window > 1 else grid.removesuffix('s')}",
        f"warm-up: {step.warm_up}",
        f"inputs: {inputs}",
        f"nulls: `{step.nulls}`",
        f"version {step.version}",
    ]
    return f"- **`{step.name}`**: {formula}\n  ({'; '.join(facts)})"


if __name__ == "__main__":
    document = GOVERNANCE / "SCHEMA_features.json"
    document.write_text(schema(document.read_text()))
    (PROJECT / "docs" / "features.md").write_text(catalogue(features_schema.load(GOVERNANCE)))
