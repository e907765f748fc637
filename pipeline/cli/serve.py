"""`kitchen serve`: the site of the store, on this machine alone."""

from __future__ import annotations

from pathlib import Path

import click

from pipeline.cli import output
from pipeline.dashboard import pages
from pipeline.settings.config import load_kitchen


@click.command("serve")
@click.option(
    "--address", default=pages.ADDRESS, show_default=True, help="The site asks for no password."
)
@click.option("--port", type=click.IntRange(1, 65535), default=pages.PORT, show_default=True)
@click.option(
    "--socket", type=click.Path(dir_okay=False, path_type=Path), help="A unix socket instead."
)
@output.json_option
def command(address: str, port: int, socket: Path | None) -> None:
    """Serve all published days: the grid, each day's picture and report, symbols, checks, codes, revisions.

    \b
    Example:
      kitchen serve --port 8083
    """
    url = f"http://{address}:{port}/" if socket is None else f"unix:{socket}"
    output.say({"url": url}, [f"the site is on {url}, until Ctrl-C"])
    pages.serve(load_kitchen(), address, port, socket)
