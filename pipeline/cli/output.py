"""Facts in, text or JSON out. Commands never print by themselves."""

from __future__ import annotations

import json
import logging
import shutil
import sys
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

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


_LEAST = 8
"""A last cell with less room than this is no column any more."""


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a table: folded under its last cell where a terminal is narrower, else one line.

    Args:
        cells: What it says; one that is a condition has its colour.
        gap: What stands between them.
    """

    cells: tuple[str, ...]
    gap: str = "  "

    def __str__(self) -> str:
        *heads, last = map(plain, self.cells)
        head = "".join(f"{cell}{self.gap}" for cell in heads)
        painted = "".join(f"{_painted(cell)}{self.gap}" for cell in heads)
        if colours.is_terminal(sys.stdout):
            width = shutil.get_terminal_size().columns
            if len(head) + _LEAST > width:  # columns would leave no room for what is said
                return _folded(" ".join(f"{head}{last}".split()), 0, width)
            last = _folded(last, len(head), width)
        return f"{painted}{_painted(last)}".rstrip()


def table(rows: Iterable[tuple[str, ...]]) -> list[Row]:
    """Rows whose cells stand below each other."""
    found = list(rows)
    widths = [max(map(len, column)) for column in zip(*found, strict=True)][:-1]
    return [
        Row((*(f"{cell:{width}}" for cell, width in zip(row, widths, strict=False)), row[-1]))
        for row in found
    ]


def _folded(text: str, indent: int, width: int) -> str:
    """On lines of a terminal's width; no word, and so no path, is broken."""
    hang = indent if 0 < indent <= width // 2 else min(8, width // 4)
    return textwrap.fill(
        text,
        width,
        initial_indent=" " * indent,
        subsequent_indent=" " * hang,
        break_long_words=False,
        break_on_hyphens=False,
    )[indent:]


def _painted(cell: str) -> str:
    return colours.painted(cell, cell.strip(), sys.stdout)


def say(facts: Json, lines: Sequence[str | Row]) -> None:
    """Prints the facts as one JSON document, or the lines that say them."""
    if is_json():
        click.echo(json.dumps(facts, sort_keys=True, ensure_ascii=False))
        return
    for line in lines:
        text = plain(line) if isinstance(line, str) else str(line)
        click.echo(text, color=colours.wanted(sys.stdout))


def fail(error: str, code: int, *, as_json: bool) -> None:
    """Says an error on standard error, in the chosen form."""
    if as_json:
        click.echo(json.dumps({"error": error, "exit": code}, ensure_ascii=False), err=True)
    else:
        who = colours.painted("kitchen:", "error", sys.stderr)
        click.echo(f"{who} {plain(error)}", err=True, color=True)
