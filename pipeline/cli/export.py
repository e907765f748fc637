"""`kitchen export`: published days in the form of another tool."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import click

from pipeline.cli import options, output, progress
from pipeline.contracts.value import to_json
from pipeline.errors import ParameterError
from pipeline.exporting import receipt, run
from pipeline.exporting.chosen import Request
from pipeline.exporting.receipt import Receipt, SymbolEntry
from pipeline.exporting.tool import INTERVALS
from pipeline.exporting.tools import TOOLS
from pipeline.plain_text import few
from pipeline.reader.loading import CONDITIONS
from pipeline.settings.config import load_kitchen

_ABSENT_SHOWN = 6


class _Name(click.ParamType[tuple[str, str]]):
    name = "SYMBOL=NAME"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, str]:
        symbol, equals, name = value.partition("=")
        if not (symbol and equals and name):
            raise ParameterError(f"--name: got {value!r}, wanted SYMBOL=NAME, as BTCUSDT=BTC/USDT")
        return symbol, name


@click.command("export")
@click.argument("tool", type=options.Choice(sorted(TOOLS)))
@click.option("--out", type=click.Path(path_type=Path), required=True, help="The tool's folder.")
@options.day_option("--start", help="First UTC date; by default the first published one.")
@options.day_option("--stop", help="Last UTC date, included; by default the last published one.")
@options.symbols_option("Only these; by default all.")
@click.option("--as-of", metavar="INSTANT", help="What was published then: 2025-01-05T12:00:00Z.")
@click.option(
    "--allow",
    type=options.Choice(CONDITIONS),
    multiple=True,
    help="Beside available ones also symbol-days of this condition. May be repeated.",
)
@click.option("--interval", type=options.Choice(INTERVALS), default="1m", show_default=True)
@click.option("--trades", is_flag=True, help="The trades of the tapes, not bars.")
@click.option("--name", "names", type=_Name(), multiple=True, help="What the tool calls a symbol.")
@output.json_option
def command(
    tool: str,
    out: Path,
    start: dt.date | None,
    stop: dt.date | None,
    *,
    allow: tuple[str, ...],
    names: tuple[tuple[str, str], ...],
    **given: Any,
) -> None:
    """Write published days for freqtrade, hftbacktest, nautilus, qlib, or as plain Parquet by symbol.

    Only verified bytes go out, each day's revision is chosen once. A receipt beside the files says what they
    are of, what is absent, and their digests. The same command again changes nothing; with more days or
    symbols it takes the place of the earlier export. What is not ours there is never touched.

    \b
    Example:
      kitchen export freqtrade --symbols BTCUSDT --interval 5m --out user_data/data/binance
      kitchen export nautilus --start 2025-01-02 --stop 2025-01-31 --trades --out catalog
    """
    asked = Request(
        tool=tool,
        out=out,
        start=start,
        stop=stop,
        allow=tuple(dict.fromkeys(("available", *allow))),
        names=dict(names),
        **given,
    )
    with progress.shown("export", "symbols") as told:
        made = run.export(load_kitchen(), asked, told.each)
    file = out / receipt.file_name(made.tool, made.what)
    output.say({"receipt": str(file), **to_json(made)}, _lines(made, file))


def _lines(made: Receipt, file: Path) -> list[str]:
    size = sum(entry.bytes for entry in made.files.values())
    lines = [line for entry in made.symbols.items() for line in _symbol(made, *entry)]
    said = "simulated, " if any(day.simulated for day in made.days.values()) else ""
    return [*lines, f"{len(made.files)} files, {size:,} bytes; {said}the receipt is {file}"]


def _symbol(made: Receipt, symbol: str, entry: SymbolEntry) -> list[str]:
    unit = "trades" if made.what == "trades" else "bars"
    span = f", {entry.first} to {entry.last}" if entry.rows else ""
    notes = {"not measured": entry.not_measured, "side unknown": entry.sides_unknown}
    told = "".join(f", {count:,} {what}" for what, count in notes.items() if count)
    absent = [f"{date} ({why})" for date, why in entry.absent.items()]
    lines = [f"{symbol} as {entry.name}: {entry.rows:,} {unit}{span}{told}"]
    return [*lines, *([f"  absent: {few(absent, most=_ABSENT_SHOWN)}"] if absent else [])]
