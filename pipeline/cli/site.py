"""`kitchen site`: the pages of the store as files, for any web server or none."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from urllib.parse import unquote

import click

from pipeline import storage
from pipeline.cli import options, output, progress
from pipeline.pages.known import Known
from pipeline.pages.site import Site
from pipeline.publishing.opening import open_store
from pipeline.settings.config import load_kitchen

DAYS = 30
"""So many of the newest dates, where none is named: a day's picture is half a megabyte."""


@click.command("site")
@click.argument("out", type=options.FOLDER)
@options.day_option("--start", help=f"First date; by default the newest {DAYS}.")
@options.day_option("--stop", help="Last one, included.")
@output.json_option
def command(out: Path, start: dt.date | None, stop: dt.date | None) -> None:
    """Write the site as files: the grid of all days, symbols, checks, codes, features, feeds, and days.

    All pages are of the dates asked for. The same as `kitchen serve` shows, without downloads.

    \b
    Example:
      kitchen site public --start 2025-01-02 --stop 2025-01-31
    """
    kitchen = load_kitchen()
    known = Known.of(kitchen, open_store(kitchen.snapshots))
    days = [
        day
        for day in list(known.days)[0 if start or stop else -DAYS :]
        if (start is None or day >= start) and (stop is None or day <= stop)
    ]
    site = Site(known.within(set(days)), as_files=True)
    written = 0
    with progress.shown("site", "pages") as told:
        for address in told.each([*site.addresses, *site.of_days(days)]):
            page = site.page(address)
            if page is not None:
                file = out / unquote(address) / "index.html"
                file.parent.mkdir(parents=True, exist_ok=True)
                storage.write_bytes(file, page.encode())
                written += 1
    output.say(
        {"folder": str(out), "pages": written, "days": [day.isoformat() for day in days]},
        [f"{written} pages of {len(days)} days: {out / 'index.html'}"],
    )
