"""Facts in, text or JSON out. Commands never print by themselves."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import click

from pipeline.plain_text import plain

json_option = click.option("--json", "as_json", is_flag=True, help="Facts as JSON.")
"""What every command takes."""


def say(facts: dict[str, Any], lines: Sequence[str], *, as_json: bool) -> None:
    """Prints the facts as one JSON document, or the lines that say them."""
    if as_json:
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
