"""`kitchen align`: two files in, aligned bars and a report out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from pipeline.cli import output
from pipeline.contracts.verdict import to_json
from pipeline.runs.two_files import Aligned, Pair, align_files, write
from pipeline.settings.config import governance_in_force

_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.command("align")
@click.option("--atas", type=_FILE, required=True, help="Bars or ticks as JSONL.")
@click.option("--binance", type=_FILE, required=True, help="1-minute klines: zip, csv, parquet.")
@click.option("--symbol", help="Default: from the name of the Binance file.")
@click.option("--date", "day", help="UTC date. Default: from the names of the files.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), required=True)
@output.json_option
def command(
    atas: Path, binance: Path, symbol: str | None, day: str | None, out: Path, as_json: bool
) -> None:
    """Align one ATAS export with one file of Binance klines.

    Writes bars_1m.parquet, rejects.parquet and calibration_report.{md,html,json} into --out.

    \b
    Example:
      kitchen align --atas bars_1m.jsonl --binance BTCUSDT-1m-2025-01-02.zip --out aligned
    """  # noqa: D301 - \b is click's mark for a paragraph that keeps its lines
    pair = Pair(
        atas=atas, binance=binance, symbol=symbol, day=day, governance=governance_in_force()
    )
    aligned = align_files(pair)
    files = write(aligned, out)
    facts = _facts(aligned, files)
    output.say(facts, _lines(facts, aligned), as_json=as_json)


def _facts(aligned: Aligned, files: list[Path]) -> dict[str, Any]:
    verdict = aligned.verdict
    return {
        "date": aligned.day.isoformat(),
        "symbol": verdict.symbol,
        "condition": verdict.condition,
        "reasons": [to_json(reason) for reason in verdict.reasons],
        "rows": aligned.bars.num_rows,
        "files": [str(path) for path in files],
    }


def _lines(facts: dict[str, Any], aligned: Aligned) -> list[str]:
    reasons = [f"  {reason['code']} {reason['note']}" for reason in facts["reasons"]]
    rejects = sum(found.rejects.num_rows for found in aligned.feeds.values())
    return [
        f"{facts['symbol']} {facts['date']}: {facts['condition']}, {facts['rows']} rows, {rejects} rejects",
        *reasons,
        *(f"  wrote {path}" for path in facts["files"]),
    ]
