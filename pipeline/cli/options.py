"""Values and options that several commands take, each declared once.

Belongs here: how they are written and called. What a date or a symbol may be is `asked.py`'s.
"""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from pipeline import asked
from pipeline.plain_text import meant

Command = Callable[..., Any]
Decorator = Callable[[Command], Command]


def _label(param: click.Parameter | None) -> str:
    """What a person calls it: `--start`, or the name of an argument."""
    if isinstance(param, click.Option):
        return param.opts[0]
    return "value" if param is None else param.human_readable_name


class _Day(click.ParamType[dt.date | None]):
    name = "date"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> dt.date | None:
        return asked.day(value, _label(param))


class _DayIfAny(_Day):
    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> dt.date | None:
        return super().convert(value, param, ctx) if value else None


class _Folder(click.Path):
    """A path that is no file."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if Path(value).is_file():
            self.fail(f"{os.fspath(value)!r} is a file, wanted a folder", param, ctx)
        return super().convert(value, param, ctx)


FOLDER = _Folder(file_okay=False, path_type=Path)
"""The type of an argument or option."""


class Choice(click.Choice[str]):
    """One of some words; a wrong one is told which may be meant."""

    def get_invalid_choice_message(self, value: Any, ctx: click.Context | None) -> str:
        """What to say of a wrong one."""
        return super().get_invalid_choice_message(value, ctx).rstrip(".") + meant(
            str(value), self.choices
        )


class _Symbols(click.ParamType[tuple[str, ...]]):
    name = "names"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, ...]:
        return tuple(asked.symbol(name, _label(param)) for name in asked.names(value))


def day_argument(name: str, *, required: bool = True) -> Decorator:
    """An argument with a UTC date, `YYYY-MM-DD`."""
    return click.argument(name, type=_Day(), required=required)


def day_option(*names: str, help: str, may_be_empty: bool = False, **how: Any) -> Decorator:
    """An option with a UTC date, `YYYY-MM-DD`; an empty one, where that may be, is as if it was not given."""
    return click.option(*names, type=_DayIfAny() if may_be_empty else _Day(), help=help, **how)


def symbols_option(help: str, default: str = "") -> Decorator:
    """`--symbols`: names with commas between, as a tuple."""
    return click.option(
        "--symbols", type=_Symbols(), default=default, show_default=bool(default), help=help
    )


link_option = click.option(
    "--link",
    is_flag=True,
    help="Reflinks or hard links, where the file system has them; no copies.",
)
"""For vendors' files that come into the raw folder."""


def range_options(command: Command) -> Command:
    """`--start` and `--stop`, both needed."""
    return _range(command, needed=True)


def range_if_any_options(command: Command) -> Command:
    """`--start` and `--stop`, both or neither."""
    return _range(command, needed=False)


def _range(command: Command, *, needed: bool) -> Command:
    start = day_option("--start", required=needed, help="First UTC date, YYYY-MM-DD.")
    stop = day_option("--stop", required=needed, help="Last UTC date, included.")
    return start(stop(command))
