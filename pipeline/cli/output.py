"""Facts in, text or JSON out. Commands never print by themselves."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Sequence

import click

from pipeline import colours
from pipeline.free_form import Json
from pipeline.plain_text import plain

_JSON = "pipeline.cli.output.json"
_LOUDNESS = "pipeline.cli.output.loudness"


def _remember(context: click.Context, param: click.Parameter, wanted: bool) -> None:
    context.meta[_JSON] = wanted


def _loudness(context: click.Context, param: click.Parameter, wanted: bool) -> None:
    if wanted:
        context.meta[_LOUDNESS] = param.name
        level = logging.ERROR if param.name == "quiet" else logging.DEBUG
        logging.getLogger("kitchen").setLevel(level)


LOUDNESS = (
    click.Option(
        ["-q", "--quiet"],
        is_flag=True,
        expose_value=False,
        callback=_loudness,
        help="Facts and errors alone.",
    ),
    click.Option(
        ["-v", "--verbose"],
        is_flag=True,
        expose_value=False,
        callback=_loudness,
        help="Each step, also where a bar is drawn.",
    ),
)
"""What `kitchen` takes, and each of its commands."""


json_option = click.option(
    "--json", is_flag=True, expose_value=False, callback=_remember, help="Facts as JSON."
)
"""What every command takes; `say` and `is_json` know whether it was given."""


def is_json() -> bool:
    """Whether the command that runs now was asked for JSON."""
    context = click.get_current_context(silent=True)
    return context is not None and context.meta.get(_JSON, False)


def is_quiet() -> bool:
    """Whether facts and errors alone are to be said."""
    return _is("quiet")


def is_verbose() -> bool:
    """Whether each step is to be said."""
    return _is("verbose")


def _is(loudness: str) -> bool:
    context = click.get_current_context(silent=True)
    return context is not None and context.meta.get(_LOUDNESS) == loudness


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
        who = colours.painted("kitchen:", "error", sys.stderr)
        click.echo(f"{who} {plain(error)}", err=True, color=True)
