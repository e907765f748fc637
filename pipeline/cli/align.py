"""`kitchen align`: two files in, aligned bars and a report out."""

from __future__ import annotations

from pathlib import Path

import click

from pipeline.cli import options, output
from pipeline.contracts.verdict import to_json
from pipeline.runs.two_files import Pair, align_files, write

_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.command("align")
@click.option("--atas", type=_FILE, required=True, help="Bars or ticks as JSONL.")
@click.option("--binance", type=_FILE, required=True, help="1-minute klines: zip, csv, parquet.")
@click.option("--symbol", help="Default: from the name of the Binance file.")
@click.option("--date", "day", help="UTC date. Default: from the names of the files.")
@click.option("--out", type=options.FOLDER, required=True)
@output.json_option
def command(atas: Path, binance: Path, symbol: str | None, day: str | None, out: Path) -> None:
    """Align one ATAS export with one file of Binance klines.

    Writes bars_1m.parquet, rejects.parquet and calibration_report.{md,html,json} into --out.

    \b
    Example:
      kitchen align --atas bars_1m.jsonl --binance BTCUSDT-1m-2025-01-02.zip --out aligned
    """
    aligned = align_files(Pair(atas=atas, binance=binance, symbol=symbol, day=day))
    files = write(aligned, out)
    verdict = aligned.verdict
    facts = {
        "date": aligned.day.isoformat(),
        "symbol": verdict.symbol,
        "condition": verdict.condition,
        "reasons": [to_json(reason) for reason in verdict.reasons],
        "rows": aligned.bars.num_rows,
        "files": [str(path) for path in files],
    }
    rejects = sum(found.rejects.num_rows for found in aligned.feeds.values())
    lines = [
        f"{verdict.symbol} {aligned.day}: {verdict.condition}, {facts['rows']} rows, {rejects} rejects",
        *(f"  {reason.code} {reason.note}" for reason in verdict.reasons),
        *(f"  wrote {path}" for path in files),
    ]
    output.say(facts, lines)
