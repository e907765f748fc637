"""What may be wrong with an installation or a kitchen, and what to do about each.

Belongs here: one small look a matter, each of which ends in a sentence. Faults of the configuration are
`kitchen config check`'s; of published bytes `kitchen verify`'s.
"""

from __future__ import annotations

import datetime as dt
import importlib
import os
import shutil
import socket
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pipeline import arrivals, layout, system
from pipeline.clock import utc_now
from pipeline.errors import KitchenError
from pipeline.publishing import day_state, locks, needs, signing
from pipeline.publishing.opening import open_store
from pipeline.runs import installed
from pipeline.runs.importing.survey import ENDED_DAYS
from pipeline.runs.state_folder import Places
from pipeline.settings.config import Kitchen, Symbol
from pipeline.tables import native
from pipeline.tasks import advice, context, luigid_client

PACKAGE = "central-data-kitchen"

State = Literal["ok", "look", "wrong"]

LEAST_FREE = 0.05
"""Less of a disk free is worth a look."""

LOOK_BACK_DAYS = 30
"""Of so many of the newest published days it is asked whether they are still true."""

_PROBE_SECONDS = 1.0
_AHEAD_SECONDS = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a look found. `state`: `ok`; `look`, worth one; `wrong`, something fails because of it."""

    matter: str
    state: State
    words: str
    do: str = ""


def look(kitchen: Kitchen) -> Iterator[Found]:
    """Every matter, one after another; a look that fails is itself a finding."""
    for matter, each in _LOOKS.items():
        try:
            yield from each(kitchen)
        except (KitchenError, OSError) as error:
            yield Found(
                matter=matter, state="wrong", words=str(error), do="see to it, then look again"
            )


def _versions(kitchen: Kitchen) -> Iterator[Found]:
    here, version = installed.this(), importlib.import_module("importlib.metadata").version(PACKAGE)
    yield Found(
        matter="release",
        state="ok",
        words=f"{version}, code {here.code}, Python {here.python}, {sys.platform}",
    )
    absent = [name for name, number in here.libraries.items() if number == "absent"]
    yield Found(
        matter="libraries",
        state="wrong" if absent else "ok",
        words=", ".join(f"{name} {number}" for name, number in here.libraries.items()),
        do=f"pip install {' '.join(absent)}" if absent else "",
    )
    for sentence in needs.libraries(kitchen):
        what, _, do = sentence.partition(": ")
        yield Found(matter="extras", state="wrong", words=what, do=do)


def _compiled(kitchen: Kitchen) -> Iterator[Found]:
    module = importlib.import_module("pipeline.tables.value_area")
    if native.function(str(module.__file__), "areas") is not None:
        yield Found(matter="compiler", state="ok", words="tapes are read by compiled code")
        return
    has = shutil.which("gcc") or shutil.which("cc")
    yield Found(
        matter="compiler",
        state="look",
        words="tapes are read by Python alone, three times slower, with the same results",
        do="reinstall the package, which then compiles" if has else "install gcc, then reinstall",
    )


def _disk(kitchen: Kitchen) -> Iterator[Found]:
    for what, folder in _folders(kitchen).items():
        there = next(p for p in (folder, *folder.parents) if p.exists())
        usage, inodes = shutil.disk_usage(there), system.files_free(there)
        low = min(usage.free / usage.total, inodes) < LEAST_FREE
        yield Found(
            matter=f"disk of {what}",
            state="look" if low else "ok",
            words=f"{usage.free / 1e9:.1f} GB free of {usage.total / 1e9:.1f}, {inodes:.0%} of its files",
            do="make room; kitchen gc --keep 2 says what may go" if low else "",
        )


def _permissions(kitchen: Kitchen) -> Iterator[Found]:
    for what, folder in _folders(kitchen).items():
        there = next(p for p in (folder, *folder.parents) if p.exists())
        needs = os.R_OK if what == "raw" else os.R_OK | os.W_OK
        good = os.access(there, needs | os.X_OK)
        missing = "" if there == folder else ", which is not there yet"
        yield Found(
            matter=f"folder of {what}",
            state="ok" if good else "wrong",
            words=f"{folder}{missing}",
            do=""
            if good
            else f"let user {system.user()} {'read' if what == 'raw' else 'write'} it",
        )
    key = kitchen.signing_key
    if key is not None and (not key.exists() or key.stat().st_mode & 0o077):
        yield Found(
            matter="signing key",
            state="wrong",
            words=f"{key}: {'is not there' if not key.exists() else 'others can read it'}",
            do=signing.WITHOUT if not key.exists() else f"chmod 600 {key}",
        )


def _clock(kitchen: Kitchen) -> Iterator[Found]:
    """Against the files: what was written in the future was written by another clock."""
    ahead = 0.0
    for folder in _folders(kitchen).values():
        if folder.is_dir():
            newest = max((entry.stat().st_mtime for entry in os.scandir(folder)), default=0.0)
            ahead = max(ahead, newest - time.time())
    wrong = ahead > _AHEAD_SECONDS
    yield Found(
        matter="clock",
        state="look" if wrong else "ok",
        words=f"{utc_now():%Y-%m-%d %H:%M:%S} UTC"
        + (f"; a folder was changed {ahead:.0f} s in its future" if wrong else ""),
        do="set this machine's clock (timedatectl), or the other's that writes there"
        if wrong
        else "",
    )


def _locks(kitchen: Kitchen) -> Iterator[Found]:
    """Whether the prepared folder's file system has locks that two processes respect."""
    if not system.is_unix():
        words = "Windows has none that a build could go by; what reads needs none"
        yield Found(matter="locks", state="look", words=words, do="build in WSL2")
        return
    if not kitchen.prepared.is_dir():
        return
    probe = Places.of(kitchen.prepared).lock(f"doctor-{os.getpid()}")
    try:
        with locks.held(probe), locks.if_free(probe) as free:
            held = not free
    finally:
        probe.unlink(missing_ok=True)
    yield Found(
        matter="locks",
        state="ok" if held else "wrong",
        words="file locks hold" if held else f"{kitchen.prepared}: a lock does not keep others out",
        do="" if held else "put prepared on a local disk, or mount it with locks",
    )


def _luigid(kitchen: Kitchen) -> Iterator[Found]:
    url = luigid_client.url()
    at = urlsplit(url)
    try:
        socket.create_connection((at.hostname or "", at.port or 80), _PROBE_SECONDS).close()
    except OSError:
        yield Found(
            matter="luigid",
            state="look",
            words=f"none answers on {url}: runs schedule themselves, nobody sees them",
            do="kitchen luigid, or a service of it: kitchen cron install --print",
        )
        return
    yield Found(matter="luigid", state="ok", words=f"answers on {url}")


def _days(kitchen: Kitchen) -> Iterator[Found]:
    days = open_store(kitchen.snapshots).published_days()
    if not days:
        yield Found(
            matter="published days",
            state="look",
            words=f"none yet in {kitchen.snapshots}",
            do="luigi --module pipeline Snapshot --date 2025-01-02, with a day of yours",
        )
        return
    stale = list(_stale(days[-LOOK_BACK_DAYS:]))
    yield Found(
        matter="published days",
        state="look" if stale else "ok",
        words=f"{len(days)}, the newest {days[-1]}"
        + (
            f"; {len(stale)} of the newest {LOOK_BACK_DAYS} stale, first {stale[0]}"
            if stale
            else ""
        ),
        do=f"kitchen backfill --start {stale[0]} --stop {stale[-1]}" if stale else "",
    )


def _stale(days: list[dt.date]) -> Iterator[dt.date]:
    """One look tells of most that they are true; the others are judged unit by unit."""
    finished, freshness = context.finished(), context.freshness()
    with freshness.one_look():
        for day in days:
            if finished.holds(day):
                continue
            if day_state.judged(freshness, day).state == day_state.UNBUILT:
                yield day


def _symbols(kitchen: Kitchen) -> Iterator[Found]:
    """Whose raw data has ended while that of others went on: every later day waits for it in vain."""
    newest = {it.name: _newest_day(kitchen, it) for it in kitchen.symbols.values()}
    known = sorted(day for day in newest.values() if day is not None)
    days = known[-1:] or [utc_now().date() - dt.timedelta(days=1)]
    for symbol in kitchen.symbols.values():
        last = newest[symbol.name]
        if last is None:
            yield Found(
                matter=f"symbol {symbol.name}",
                state="look",
                words="has no raw file",
                do=f"{advice.commands(kitchen, days, symbol.name)}; or take it out of {kitchen.file}",
            )
        elif symbol.until is None and (max(known) - last).days > ENDED_DAYS:
            yield Found(
                matter=f"symbol {symbol.name}",
                state="wrong",
                words=f"its raw data ends on {last}, that of others goes on to {max(known)}:"
                " every later day lacks it",
                do=f"set symbols.{symbol.name}.until: {last} in {kitchen.file}",
            )
    if known:
        yield Found(
            matter="raw data",
            state="ok",
            words=f"{len(known)} of {len(newest)} symbols have some, the newest of {max(known)}",
        )


def _newest_day(kitchen: Kitchen, symbol: Symbol) -> dt.date | None:
    return max(layout.raw_days(kitchen, symbol, "binance_1m"), default=None) or (
        arrivals.first_raw_day(kitchen, symbol)
    )


def _last_run(kitchen: Kitchen) -> Iterator[Found]:
    if not kitchen.prepared.is_dir():
        return
    places = Places.of(kitchen.prepared)
    file = places.last_success
    if not file.exists():
        return
    hours = (time.time() - file.stat().st_mtime) / 3600
    silent = kitchen.operations.cron.silent_hours
    late = hours > silent
    yield Found(
        matter="unattended runs",
        state="wrong" if late else "ok",
        words=f"the last success was {hours:.1f} h ago",
        do=f"expected every {silent:g} h: see {places.log}" if late else "",
    )


def _folders(kitchen: Kitchen) -> dict[str, Path]:
    """What the kitchen has on this machine."""
    found = {"raw": kitchen.raw, "prepared": kitchen.prepared}
    return found | ({"snapshots": kitchen.snapshots} if isinstance(kitchen.snapshots, Path) else {})


_LOOKS: dict[str, Callable[[Kitchen], Iterator[Found]]] = {
    "release": _versions,
    "compiler": _compiled,
    "disk": _disk,
    "folders": _permissions,
    "clock": _clock,
    "locks": _locks,
    "luigid": _luigid,
    "published days": _days,
    "symbols": _symbols,
    "unattended runs": _last_run,
}
