"""Facts in, text or JSON out. Commands never print by themselves."""

from __future__ import annotations

import json
from collections.abc import Sequence

import click

from pipeline.free_form import Json
from pipeline.plain_text import plain

_JSON = "pipeline.cli.output.json"


def _remember(context: click.Context, param: click.Parameter, wanted: bool) -> None:
    context.meta[_JSON] = wanted


json_option = click.option(
    "--json", is_flag=True, expose_value=False, callback=_remember, help="Facts as JSON."
)
"""What every command takes; `say` and `is_json` know whether it was given."""


def is_json() -> bool:
    """Whether the command that runs now was asked for JSON."""
    context = click.get_current_context(silent=True)
    return context is not None and context.meta.get(_JSON, False)


def say(facts: Json, lines: Sequence[str]) -> None:
    """Prints the facts as one JSON document, or the lines that say them."""
    if is_json():
        click.echo(json.dumps(facts, sort_keys=True, ensure_ascii=False))
        return
    for line in lines:
        click.echo(plain(line))


def fail(error: str, code: int, *, as_json: bool) -> None:
    """Says an error on standard error, in the chosen form."""
    if as_json:
        click.echo(json.dumps({"error": error, "exit": code}, ensure_ascii=False), err=True)
    else:
        click.echo(plain(f"kitchen: {error}"), err=True)
