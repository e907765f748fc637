"""The user's own fetch program: run in a folder of its own, and what it leaves there checked.

It is trusted to run, not to be right: its file is read as any raw file before it is one.
"""

from __future__ import annotations

import datetime as dt
import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pipeline import layout
from pipeline.contracts import rules
from pipeline.errors import FetchError
from pipeline.fetch import placing
from pipeline.fetch.outcome import FETCHED, REISSUED, UNCHANGED
from pipeline.model.raw_names import RawPath
from pipeline.settings.config import Kitchen, Symbol
from pipeline.settings.fetching import PLACEHOLDERS
from pipeline.sources.clean import read_feed
from pipeline.sources.protocol import Feed
from pipeline.storage import file_digest

FEED = "binance_1m"
_SAID_BYTES = 300
_LOOK_SECONDS = 0.02


def fetch(
    kitchen: Kitchen, symbol: Symbol, day: dt.date, stopped: threading.Event
) -> tuple[str, Path, str]:
    """Runs the program for a symbol and day, and places its file; `stopped` ends it before its time.

    Returns:
        fetched, unchanged or reissued; the raw file; what is to be said of it.

    Raises:
        FetchError: it failed, took too long, or left no one file that reads as klines of the day.
    """
    with _scratch(kitchen.raw) as folder:
        _run(kitchen, symbol, day, folder, stopped)
        came = _only_file(folder)
        path = kitchen.raw / _target(layout.raw_candidates(symbol, FEED, day), came.name)
        note = _check(kitchen, symbol, day, came)
        if path.is_file() and file_digest(path) == file_digest(came):
            return UNCHANGED, path, note
        is_new = not path.exists()
        if not is_new:
            placing.keep_old(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        part = placing.part_of(path, file_digest(came))
        shutil.copyfile(came, part)
        placing.place(part, path)
        return FETCHED if is_new else REISSUED, path, note


@contextmanager
def _scratch(raw: Path) -> Iterator[Path]:
    folder = tempfile.mkdtemp(prefix=".fetch-", dir=raw)
    try:
        yield Path(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def arguments(command: tuple[str, ...], values: dict[str, str]) -> list[str]:
    """The command with its placeholders filled; nothing else in it means anything, there is no shell."""
    filled = list(command)
    for name in PLACEHOLDERS:
        filled = [word.replace(f"{{{name}}}", values[name]) for word in filled]
    return filled


def _run(
    kitchen: Kitchen, symbol: Symbol, day: dt.date, folder: Path, stopped: threading.Event
) -> None:
    settings = kitchen.fetch
    values = {
        "symbol": symbol.vendor_symbol,
        "date": day.isoformat(),
        "market": symbol.market,
        "out": str(folder),
    }
    words = arguments(settings.command, values)
    with tempfile.TemporaryFile() as said:
        try:
            program = subprocess.Popen(
                words,
                cwd=kitchen.file.parent,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                start_new_session=True,
            )
        except OSError as error:
            raise FetchError(
                f"fetch.command: {words[0]!r} cannot be run ({error.strerror})"
            ) from error
        try:
            code = _ended(program, settings.command_seconds, stopped)
        except subprocess.TimeoutExpired:
            raise FetchError(
                f"fetch.command: {symbol.name} {day}: not done after"
                f" {settings.command_seconds:g} s; it was ended"
            ) from None
        finally:
            _end(program)
        if code != 0:
            said.seek(max(said.seek(0, os.SEEK_END) - _SAID_BYTES, 0))
            words_said = said.read().decode("utf-8", "backslashreplace").strip()
            raise FetchError(f"fetch.command: {symbol.name} {day}: exit {code}: {words_said!r}")


def _ended(program: subprocess.Popen[bytes], seconds: float, stopped: threading.Event) -> int:
    """The program's exit code, once it has one."""
    until = time.monotonic() + seconds
    while (code := program.poll()) is None:
        if time.monotonic() > until:
            raise subprocess.TimeoutExpired(program.args, seconds)
        if stopped.wait(_LOOK_SECONDS):
            raise FetchError("fetch.command: stopped; run again to go on")
    return code


def _end(program: subprocess.Popen[bytes]) -> None:
    """Ends the program and all that it started in its session."""
    with suppress(ProcessLookupError):
        os.killpg(program.pid, signal.SIGKILL)
    program.wait()


def _only_file(folder: Path) -> Path:
    found = sorted(folder.iterdir())
    if len(found) != 1 or found[0].is_symlink() or not found[0].is_file():
        names = ", ".join(path.name for path in found[:5]) or "nothing"
        raise FetchError(f"fetch.command: left {names} in {{out}}; wanted exactly one file")
    return found[0]


def _target(candidates: list[str], name: str) -> str:
    """The name below the raw folder that a file of that name is to have, by the layout in force."""
    candidates = [c for c in candidates if "*" not in c]
    fitting = [c for c in candidates if c.rpartition("/")[2] == name]
    if not fitting:
        wanted = ", ".join(c.rpartition("/")[2] for c in candidates)
        raise FetchError(f"fetch.command: left {name!r}; wanted one of {wanted}")
    return fitting[0]


def _check(kitchen: Kitchen, symbol: Symbol, day: dt.date, came: Path) -> str:
    """Reads it as the day's only raw file, and says what of it could not be used."""
    feed = Feed(
        symbol=symbol.name,
        market=symbol.market,
        source=FEED,
        vendor_symbol=symbol.vendor_symbol,
        day=day,
    )
    read = read_feed(
        feed, [RawPath(came, came.name, 0)], rules.load(kitchen.governance), kitchen.limits
    )
    rows, reasons = read.table.num_rows, read.rejects["reason"].to_pylist()
    if rows == 0:
        reasons = reasons or ["it is empty"]
        raise FetchError(f"fetch.command: {came.name} has no klines of {day}: {reasons[0]}")
    lines = f"{len(reasons)} line{'s' if len(reasons) > 1 else ''} set aside"
    return f"{rows} minutes, {lines}: {reasons[0]}" if reasons else ""
