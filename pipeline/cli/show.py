"""`kitchen show`: the picture of a symbol's day, as a page that opens anywhere."""

from __future__ import annotations

import datetime as dt
import webbrowser
from pathlib import Path

import click

from pipeline import asked, storage
from pipeline.cli import options, output
from pipeline.pages.day_page import day_page
from pipeline.pages.day_view import day_view
from pipeline.publishing.opening import open_store
from pipeline.settings.config import load_kitchen
from pipeline.tasks import closing


@click.command("show")
@options.day_argument("date")
@click.argument("symbol")
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File; by default DATE-SYMBOL.html.",
)
@click.option("--open", "do_open", is_flag=True, help="Open it in the browser.")
@output.json_option
def command(date: dt.date, symbol: str, out: Path | None, *, do_open: bool) -> None:
    """Write a published day's picture: candles, footprint, delta, flags, and the raw lines of each minute.

    One file, which needs no server and no network.

    \b
    Example:
      kitchen show 2025-01-02 BTCUSDT
    """
    kitchen = load_kitchen()
    name = asked.symbol(symbol, "show")
    view = day_view(kitchen, open_store(kitchen.snapshots), date, name)
    file = out or Path(f"{date}-{name}.html")
    storage.write_bytes(file, day_page(view).encode())
    if do_open:
        webbrowser.open(file.absolute().as_uri())
    output.say(
        {"file": str(file), "symbol": name, "date": date.isoformat(), "condition": view.condition},
        [
            f"{name} {date} r{view.revision}, {view.condition}: {file}",
            f"  report  {closing.report(kitchen, date, name)}",
        ],
    )
