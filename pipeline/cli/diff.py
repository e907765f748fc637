"""`kitchen diff`: which rows and columns of a date changed between two revisions."""

from __future__ import annotations

import datetime as dt
from typing import Any

import click

from pipeline.cli import output
from pipeline.errors import ParameterError
from pipeline.free_form import Json
from pipeline.publishing import revisions
from pipeline.publishing.changes import between
from pipeline.publishing.diff import TableDiff, conditions
from pipeline.publishing.opening import open_store
from pipeline.publishing.revisions import Sealed
from pipeline.publishing.store import Store
from pipeline.settings.config import load_kitchen


@click.command("diff")
@click.argument("before")
@click.argument("after", required=False)
@click.option(
    "--rows", type=click.IntRange(0), default=10, show_default=True, help="Of each table, at most."
)
@click.option("--all", "every", is_flag=True, help="Every row.")
@output.json_option
def command(before: str, after: str | None, rows: int, every: bool) -> None:
    """Name the rows and columns in which two revisions differ.

    Without a number the current revision is meant; without a second name, BEFORE is held against the
    current revision of its date, or the current revision against its parent.

    \b
    Example:
      kitchen diff 2025-01-02.r1 2025-01-02.r2 --rows 20
    """
    store = open_store(load_kitchen().snapshots).look()
    old, new = _two(store, before, after)
    manifests = revisions.read_manifest(old), revisions.read_manifest(new)
    tables = between(store, (old, new), manifests)
    states = conditions(manifests)
    facts = {
        "before": old.path.name,
        "after": new.path.name,
        "conditions": states,
        "tables": {table.name: _facts(table) for table in tables},
    }
    lines: list[str | output.Row] = [
        f"{old.path.name} -> {new.path.name}: {'differ' if tables or states else 'say the same'}"
    ]
    lines += [f"  {s}: {a or 'unknown'} -> {b or 'unknown'}" for s, (a, b) in states.items()]
    for table in tables:
        lines += _lines(table, None if every else rows)
    output.say(facts, lines)


def _two(store: Store, before: str, after: str | None) -> tuple[Sealed, Sealed]:
    day, number = revisions.parse(before)
    if after is not None:
        return revisions.wanted(store, day, number), revisions.wanted(
            store, *revisions.parse(after)
        )
    current = revisions.wanted(store, day, None)
    if number is None:
        number = revisions.read_publication(current.path).get("parent")
        if number is None:
            raise ParameterError(
                f"{day}: r{current.revision} has no parent to differ from; name two revisions"
            )
    return revisions.wanted(store, day, number), current


def _facts(table: TableDiff) -> Json:
    return {
        **table.summary(),
        "keys": list(table.keys),
        "added_rows": [_plain(row) for row in table.added],
        "removed_rows": [_plain(row) for row in table.removed],
        "changed_rows": [
            {"row": _plain(row), "columns": {c: _plain(pair) for c, pair in columns.items()}}
            for row, columns in table.changed()
        ],
    }


def _plain(values: tuple[Any, ...]) -> list[Any]:
    """Instants as text, for JSON has none."""
    return [v.isoformat() if isinstance(v, dt.datetime) else v for v in values]


def _lines(table: TableDiff, limit: int | None) -> list[output.Row]:
    """The table's counts, and its first rows."""
    shown = table.summary()
    columns = ", ".join(f"{name} {count}" for name, count in table.columns.items())
    head = (
        f"{table.name}: {shown['changed']} rows changed, {shown['added']} added,"
        f" {shown['removed']} removed{f'; columns: {columns}' if columns else ''}"
    )
    rows = [output.Row(("    +", _row(row)), gap=" ") for row in table.added]
    rows += [output.Row(("    -", _row(row)), gap=" ") for row in table.removed]
    for row, changed in table.changed():
        told = ", ".join(f"{c} {a} -> {b}" for c, (a, b) in changed.items())
        rows.append(output.Row(("    ~", f"{_row(row)}: {told}"), gap=" "))
    kept = rows[:limit]
    more = [output.Row((f"    and {len(rows) - len(kept)} more rows; --all shows them",))]
    return [output.Row(("", head)), *kept, *(more if len(kept) < len(rows) else [])]


def _row(key: tuple[Any, ...]) -> str:
    return " ".join(str(value) for value in _plain(key))
