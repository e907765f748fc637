"""`kitchen luigid`: the scheduler and its dashboard, with the QC pages."""

from __future__ import annotations

import click

from pipeline.cli import output
from pipeline.dashboard import luigid
from pipeline.settings.config import load_kitchen


@click.command("luigid")
@click.option(
    "--address", default=luigid.ADDRESS, show_default=True, help="luigid asks for no password."
)
@click.option("--port", type=click.IntRange(1, 65535), default=luigid.PORT, show_default=True)
@output.json_option
def command(address: str, port: int) -> None:
    """Run luigid with the QC pages (/qc/), Prometheus figures (/metrics), a history and /healthz.

    \b
    Example:
      kitchen luigid --port 8082
    """
    url = f"http://{address}:{port}/"
    output.say({"url": url}, [f"luigid on {url}, until Ctrl-C"])
    luigid.serve(load_kitchen(), address, port)
