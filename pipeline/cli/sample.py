"""`kitchen sample`: vendor-format exports of a simulated market."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from pipeline.cli import options, output, progress
from pipeline.locations import IS_CHECKOUT, PROJECT
from pipeline.model.feeds import MARKETS
from pipeline.sample.defects import DEFECTS
from pipeline.sample.generate import SampleRequest, write_sample

DEFAULT_OUT = (PROJECT if IS_CHECKOUT else Path()) / "data" / "samples" / "raw"
"""In a checkout, else in the working folder: nothing is ever written among installed packages."""


def _defect_list() -> str:
    return "\b\nDefects:\n" + "\n".join(
        f"  {code}  {d.what}" for code, d in sorted(DEFECTS.items())
    )


@click.command("sample", epilog=_defect_list())
@options.day_option("--date", "first", required=True, help="First UTC date, YYYY-MM-DD.")
@click.option("--days", type=click.IntRange(1, 3660), default=1, show_default=True)
@options.symbols_option("Comma-separated names.", default="BTCUSDT")
@click.option("--market", type=options.Choice(MARKETS), default="futures_um", show_default=True)
@click.option("--out", type=options.FOLDER, default=DEFAULT_OUT)
@click.option("--seed", type=click.IntRange(0, 2**63 - 1), default=1, show_default=True)
@click.option(
    "--trades",
    "trades_per_day",
    type=click.IntRange(1, 20_000_000),
    default=20_000,
    show_default=True,
)
@click.option(
    "--warmup-days",
    type=click.IntRange(0, 5000),
    default=0,
    show_default=True,
    help="Daily klines before the first date, for macro features; and a perpetual's funding and metrics.",
)
@click.option(
    "--without",
    type=options.Choice(["atas", "trades"]),
    multiple=True,
    help="Leave out ATAS, or the exchange's archives of trades. May be repeated.",
)
@click.option("--defect", "defects", multiple=True, metavar="CODE", help="May be repeated.")
@output.json_option
def command(out: Path, without: tuple[str, ...], **given: Any) -> None:
    """Write ATAS bars and ticks, Binance klines and trades, all derived from one simulated tape.

    The same arguments give the same bytes, on every machine.

    \b
    Example:
      kitchen sample --date 2025-01-02 --days 2 --symbols BTCUSDT,ETHUSDT --warmup-days 400
      kitchen sample --date 2025-01-02 --symbols SOLUSDT --without atas --defect D01
    """
    atas = "atas" not in without
    request = SampleRequest(
        out=out.absolute(),
        ticks=atas,
        bars=atas,
        simplified=atas,
        trades="trades" not in without,
        **given,
    )
    with progress.shown("sample", "symbol-days") as told:
        written = write_sample(request, told)
    size = sum(file.bytes for file in written)
    files = [
        {"path": str(f.path), "bytes": f.bytes, "rows": f.rows, "what": f.what} for f in written
    ]
    checksums = sum(file.what == "checksum" for file in written)
    output.say(
        {"out": str(request.out), "files": files, "bytes": size},
        [
            f"{len(written) - checksums} files and {checksums} checksums, {size:,} bytes, simulated, in"
            f" {request.out}"
        ],
    )
