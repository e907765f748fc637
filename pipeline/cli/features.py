"""`kitchen features`: what every published feature is."""

from __future__ import annotations

import click

from pipeline.cli import options, output
from pipeline.contracts import features_schema
from pipeline.contracts.features_schema import Table
from pipeline.errors import ConfigError
from pipeline.features import registry
from pipeline.features.step import Step
from pipeline.free_form import Json
from pipeline.plain_text import meant
from pipeline.settings.config import governance_in_force


@click.group("features")
@click.pass_context
def command(ctx: click.Context) -> None:
    """The registry of features: formula, unit, window, inputs, nulls. Both commands take --json.

    \b
    Example:
      kitchen features describe poc_session
    """


def _all() -> dict[str, tuple[str, Step]]:
    """Name -> (table, step), in the order of the published columns."""
    tables: tuple[Table, ...] = ("micro", "macro")
    features = features_schema.load(governance_in_force())
    return {s.name: (t, s) for t in tables for s in registry.steps(features, t)}


@command.command("list")
@click.option("--table", type=options.Choice(["micro", "macro"]), help="Default: both.")
@click.option("--family", help="One family only.")
@output.json_option
def list_features(table: str | None, family: str | None) -> None:
    """One line a feature.

    \b
    Example:
      kitchen features list --table micro --family profile
    """
    found = [
        {"table": of, **registry.facts(step)}
        for of, step in _all().values()
        if table in (None, of) and family in (None, step.family)
    ]
    if not found:
        families = sorted({step.family for _, step in _all().values()})
        raise ConfigError(
            f"no feature is of family {family!r}; wanted one of {', '.join(families)}"
            f"{meant(str(family), families)}"
        )
    output.say({"features": found}, output.table(map(_cells, found)))


def _cells(facts: Json) -> tuple[str, ...]:
    return facts["table"], facts["name"], facts["family"], facts["unit"]


@command.command("describe")
@click.argument("name")
@output.json_option
def describe(name: str) -> None:
    """Formula, source, unit, window, warm-up, inputs and null policy of one feature.

    \b
    Example:
      kitchen features describe vpin
    """
    if name not in _all():
        raise ConfigError(
            f"{name!r} is no feature; `kitchen features list` names all of them{meant(name, _all())}"
        )
    table, step = _all()[name]
    facts = {"table": table, **registry.facts(step), "formula": step.formula}
    lines = [step.formula, ""]
    lines += [f"{key}: {value}" for key, value in facts.items() if key not in ("name", "formula")]
    output.say(facts, [f"{name}", *lines])
