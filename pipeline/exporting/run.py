"""An export from beginning to end: choose, name, write, settle, and the receipt at last."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from importlib.metadata import version
from pathlib import Path

from pipeline.errors import ParameterError, RefusedError
from pipeline.exporting import receipt
from pipeline.exporting.chosen import Chosen, Request, choose
from pipeline.exporting.folder import Draft, drafted
from pipeline.exporting.receipt import DayEntry, Receipt, SymbolEntry
from pipeline.exporting.tool import Tool, Work
from pipeline.exporting.tools import TOOLS
from pipeline.plain_text import meant
from pipeline.reader.resolved import Resolved
from pipeline.settings.config import Kitchen

Each = Callable[[Collection[str]], Iterator[str]]
"""Gives symbols one after another, and tells how far it is."""


def export(kitchen: Kitchen, asked: Request, each: Each) -> Receipt:
    """Writes published days for a tool; returns the receipt, which lies beside them.

    The folder has all of the export or what it had before. The same export again changes nothing; one of more
    days or symbols takes the place of the earlier one.

    Raises:
        ParameterError: an argument is wrong, a file is in the way, or this is less than what is there.
        RefusedError: symbol-days outside `allow`, a tape that is not in hand, or nothing to export.
        SnapshotCorruptError: bytes differ from their manifest.
    """
    tool = TOOLS[asked.tool]
    _check_place(kitchen, asked)
    chosen = choose(kitchen, asked)
    names = _names(tool, chosen, asked)
    what = _what(tool, asked)
    file = asked.out / receipt.file_name(tool.name, what)
    with drafted(asked.out, file.name) as draft:
        earlier = receipt.read(file)
        receipt.check_covers(earlier, str(chosen.start), str(chosen.stop), names)
        found = _written(tool, what, chosen, draft, names, each)
        made = _receipt(tool, what, chosen, asked, found, draft)
        draft.settle({} if earlier is None else earlier.files)
        receipt.write(file, made)
        draft.begun.unlink(missing_ok=True)
    return made


def _what(tool: Tool, asked: Request) -> str:
    """`trades`, or the length of bars."""
    trades = asked.trades or tool.bars is None
    if trades and tool.trades is None:
        raise ParameterError(f"--trades: {tool.name} gets bars alone; leave it away")
    if trades and asked.interval != "1m":
        raise ParameterError(f"--interval: {asked.interval} is of bars, and trades are asked for")
    return "trades" if trades else asked.interval


def _check_place(kitchen: Kitchen, asked: Request) -> None:
    """An export lies outside the kitchen's own folders."""
    out = asked.out.resolve()
    for place in (kitchen.raw, kitchen.prepared, kitchen.governance, kitchen.snapshots):
        if isinstance(place, Path) and out.is_relative_to(place.resolve()):
            raise ParameterError(
                f"--out: {asked.out} is in {place}, the kitchen's own; name another"
            )


def _names(tool: Tool, chosen: Chosen, asked: Request) -> dict[str, str]:
    """What the tool is to call each symbol, by symbol.

    Raises:
        ParameterError: it cannot be told, cannot be a name, or is another one's too.
    """
    unknown = [name for name in asked.names if name not in chosen.symbols]
    if unknown:
        raise ParameterError(
            f"--name: {unknown[0]} is not exported{meant(unknown[0], chosen.symbols)}; exported are"
            f" {', '.join(chosen.symbols)}"
        )
    names = {symbol: _name(tool, chosen.kitchen, symbol, asked) for symbol in chosen.symbols}
    for symbol, name in names.items():
        others = [
            other for other in names if other != symbol and names[other].lower() == name.lower()
        ]
        if others:
            raise ParameterError(
                f"--name: {symbol} and {others[0]} are both {name}; call one of them otherwise"
            )
    return names


def _name(tool: Tool, kitchen: Kitchen, symbol: str, asked: Request) -> str:
    known = kitchen.symbols.get(symbol)
    name: str | None = asked.names.get(symbol)
    if name is None and tool.calls is None:
        name = symbol
    elif name is None and tool.calls is not None and known is not None:
        name = tool.calls(known)
    if name is None:
        raise ParameterError(
            f"{symbol}: what {tool.name} calls it is not known; say --name {symbol}=.. with {tool.form}"
        )
    fault = tool.fault(name)
    if fault is not None:
        raise ParameterError(f"--name: {name!r} {fault}; wanted {tool.form}")
    return name


def _written(
    tool: Tool, what: str, chosen: Chosen, draft: Draft, names: dict[str, str], each: Each
) -> dict[str, SymbolEntry]:
    write = tool.trades if what == "trades" else tool.bars
    found = {}
    for symbol in each(chosen.symbols):
        work = Work(chosen=chosen, draft=draft, symbol=symbol, name=names[symbol])
        found[symbol] = write(work) if write else work.entry(0, None, None)
    if not any(entry.rows for entry in found.values()):
        why = sorted({why for entry in found.values() for why in entry.absent.values()})
        raise RefusedError(
            f"export: nothing from {chosen.start} to {chosen.stop} is there to export"
            f" ({', '.join(why) or 'nothing is measured'}); name other dates or symbols"
        )
    if tool.together is not None:
        tool.together(chosen, draft, names)
    return found


def _receipt(
    tool: Tool,
    what: str,
    chosen: Chosen,
    asked: Request,
    found: dict[str, SymbolEntry],
    draft: Draft,
) -> Receipt:
    return Receipt(
        format=receipt.FORMAT,
        kitchen=version("central-data-kitchen"),
        tool=tool.name,
        what=what,
        start=str(chosen.start),
        stop=str(chosen.stop),
        as_of=asked.as_of,
        allow=sorted(asked.allow),
        columns=dict(tool.trade_columns if what == "trades" else tool.columns),
        symbols=found,
        days={str(day.day): _day(chosen, day) for day in chosen.days},
        files=dict(sorted(draft.files.items())),
    )


def _day(chosen: Chosen, day: Resolved) -> DayEntry:
    conditions = {symbol: chosen.condition(day, symbol) for symbol in chosen.symbols}
    digest, is_simulated = chosen.manifest(day)
    return DayEntry(
        revision=day.number,
        manifest_sha256=digest,
        simulated=is_simulated,
        conditions={symbol: it.condition for symbol, it in conditions.items()},
        codes={
            symbol: [r.code for r in it.reasons] for symbol, it in conditions.items() if it.reasons
        },
    )
