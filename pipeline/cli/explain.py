"""`kitchen explain`: where a row came from, or where a raw line went."""

from __future__ import annotations

import datetime as dt
import re

import click

from pipeline.cli import options, output
from pipeline.errors import ParameterError
from pipeline.free_form import Json
from pipeline.provenance.explain import explain_day, explain_line, explain_minute, prepared
from pipeline.provenance.explain_slow import explain_slow
from pipeline.settings.config import load_kitchen

_MINUTE = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])")


@click.command("explain")
@options.day_argument("date")
@click.argument("symbol")
@click.option("--minute", help="Minute of the day by its open, HH:MM in UTC.")
@click.option("--line", help="A raw line, FILE:NUMBER, the file as named below the raw folder.")
@click.option("--macro", is_flag=True, help="The slow features that hold on the day.")
@output.json_option
def command(
    date: dt.date, symbol: str, minute: str | None, line: str | None, *, macro: bool
) -> None:
    """Show the raw lines, corrections and flags behind a minute; or what became of a raw line.

    With --macro: klines, funding and metrics of completed days behind the slow features, by file and line.
    Without any of the three: every raw file of the day, and every line that was set aside.

    \b
    Example:
      kitchen explain 2025-01-02 BTCUSDT --minute 07:36
    """
    kitchen = load_kitchen()
    if macro:
        facts = explain_slow(kitchen, symbol, date)
        output.say(facts, _slow_words(facts))
        return
    given = prepared(kitchen, symbol, date)
    if line is not None:
        facts = explain_line(given, *_place(line))
        output.say(facts, _line_words(facts))
    elif minute is not None:
        facts = explain_minute(given, _minute(minute))
        output.say(facts, _minute_words(facts))
    else:
        facts = explain_day(given)
        output.say(facts, _day_words(facts))


def _minute(text: str) -> int:
    match = _MINUTE.fullmatch(text)
    if match is None:
        raise ParameterError(f"--minute: got {text!r}, wanted HH:MM such as 07:36")
    return int(match[1]) * 60 + int(match[2])


def _place(text: str) -> tuple[str, int]:
    file, _, number = text.rpartition(":")
    if not file or not number.isascii() or not number.isdigit():
        raise ParameterError(f"--line: got {text!r}, wanted FILE:NUMBER")
    return file, int(number)


def _day_words(facts: Json) -> list[str]:
    files = [
        f"{f['source']:11} {f['path']}: {f['read']} read = {f['used']} used + {f['merged']} merged"
        f" + {f['rejected']} rejected"
        for f in facts["files"]
    ]
    return [
        *files,
        *(f"{r['code']} {r['file']}:{r['line']} {r['reason']}" for r in facts["rejects"]),
    ]


def _minute_words(facts: Json) -> list[str]:
    row = facts["row"]
    names = ("open", "high", "low", "close", "volume", "atas_close", "delta", "delta_source")
    values = ", ".join(f"{name} {row[name]}" for name in names if row.get(name) is not None)
    moves = [f"  {feed}: {_move(move)}" for feed, move in facts["correction"].items()]
    lines = [
        f"  {entry['source']:11} {entry['file']}:{entry['line']}"
        + (f" ({entry['lines_merged']} lines)" if entry["lines_merged"] > 1 else "")
        + f"  {(entry['raw'] or '')[:120]}"
        for entry in facts["lines"]
    ]
    files = [
        f"  {entry['source']:11} {entry['file']}: {entry['count']} ({entry['lines']})"
        for entry in facts["files"]
    ]
    flags = ", ".join(facts["flags"]) or "none"
    head = f"{facts['symbol']} {facts['minute_open']}: {values or 'no row'}"
    return [
        *(head, f"flags: {flags}", *_tape_words(facts["tape"]), "corrections:", *moves),
        *("lines by file:", *files, "raw lines:", *lines),
    ]


def _tape_words(tape: Json | None) -> list[str]:
    if tape is None:
        return []
    proof = {True: "proven", False: "not proven", None: "no tape is there"}[tape["proven"]]
    return [
        f"tape: {tape['counted'] or 'none'}, {proof}",
        *(
            f"  {one['tape']} mended from {one['from']}, {'now proven' if one['proven'] else 'still not'}:"
            f" {_numbered(one['lines'])}"
            + (f"; not counted: {_numbered(one['replaced'])}" if one["replaced"] else "")
            for one in tape["mended"]
        ),
    ]


def _numbered(lines: dict[str, str]) -> str:
    return ", ".join(f"{file}:{numbers}" for file, numbers in lines.items())


def _move(move: Json) -> str:
    return ", ".join(f"{key} {value}" for key, value in move.items() if value is not None)


def _slow_words(facts: Json) -> list[str]:
    row = facts["row"]
    through = (row["computed_through"] or "no day")[:10]
    head = f"{facts['symbol']} {facts['date']}: {row['days_in_history']} days, through {through}"
    return [
        head,
        *(
            f"  {day['date']} {day['origin']:11} {file['symbol']} {file['file']}: {file['lines']}"
            for day in facts["days"]
            for file in day["files"]
        ),
    ]


def _line_words(facts: Json) -> list[str]:
    keys = ("minute_open", "into", "code", "why", "whole_file")
    told = ", ".join(f"{key} {facts[key]}" for key in keys if facts.get(key) is not None)
    return [f"{facts['file']}:{facts['line']} {facts['fate']}: {told}", f"  {facts['raw']}"]
