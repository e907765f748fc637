"""The bar itself; loaded when one is drawn."""

from __future__ import annotations

import sys

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Column

from pipeline import colours


class _Console(Console):
    """A terminal whose cursor stays where it is seen."""

    def show_cursor(self, show: bool = True) -> bool:
        """Never hides it."""
        return False


def begun(what: str) -> Progress:
    """A bar on standard error, redrawn by who moves it on, and taken away in the end."""
    console = _Console(
        stderr=True,
        force_terminal=True,
        no_color=not colours.wanted(sys.stderr),
        soft_wrap=True,
        highlight=False,
    )
    bar = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(24, "dim", "default", "default", "dim"),
        TextColumn(
            "{task.fields[words]}",
            markup=False,
            table_column=Column(no_wrap=True, overflow="ellipsis"),
        ),
        console=console,
        auto_refresh=False,
        transient=True,
        redirect_stdout=sys.stdout is sys.stderr,
    )
    bar.add_task(what, total=None, words="")
    bar.start()
    return bar
