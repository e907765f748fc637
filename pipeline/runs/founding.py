"""A new kitchen: its folder, its rules, and a configuration of what a folder of exports has.

Belongs here: what is written once, at the beginning. Sorting the exports is `importing/`, building a day
`default_day.py`.
"""

from __future__ import annotations

import datetime as dt
import json
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

from pipeline import storage, system
from pipeline.clock import unbroken
from pipeline.errors import ConfigError
from pipeline.locations import GOVERNANCE
from pipeline.runs.importing.survey import ENDED_DAYS, Instrument, days_of
from pipeline.settings.config import DOCUMENT
from pipeline.settings.json_schema import json_schema
from pipeline.tasks import advice

CONFIG, SCHEMA, RULES = "kitchen.yaml", "kitchen.schema.json", "governance"

_EXAMPLE = "BTCUSDT"
_MOST_RUNS = 3

_HEAD = """\
# yaml-language-server: $schema=kitchen.schema.json
# The kitchen's configuration. Relative paths start at this folder. `kitchen config check` names its faults.
# Thresholds are not here: they are governance, in governance/CONTROL_kitchen.yaml.
paths:
  raw: data/raw               # vendor files; no build changes them
  prepared: data/prepared     # what can be made again
  snapshots: snapshots        # what is published; a bucket, such as s3://bucket/kitchen, may be in its place

simulated: {simulated}            # true: kitchen sample made the files; what is published says so

symbols:
"""
_TAIL = """
# What else there is, each with its default: docs/settings.md, `kitchen config schema`
# sources:                                   # other layouts below paths.raw; what stamps do not say
#   binance_1m: {zone: Asia/Shanghai, label: close}
# workers: {executor: here}                  # processes:4, or dask:tcp://host:8786
# fetch: {in_front: true, kinds: [klines]}   # from the exchange, before a day is built
# alerts: {urls_file: alert_urls}
"""


def text(instruments: list[Instrument], *, simulated: bool = False) -> str:
    """The configuration of these; of none, one example to change."""
    with_klines = [it for it in instruments if it.has_klines]
    newest = max((_last_day(it) for it in with_klines), default=None)
    lines = [line for it in instruments for line in _symbol(it, newest)]
    lines = lines or [
        "  # an example: no file told a symbol; change it to yours",
        f"  {_EXAMPLE}: {{market: futures_um}}   # spot | futures_um | futures_cm",
    ]
    head = _HEAD.format(simulated=f"{simulated!s:5}".lower())
    return head + "".join(f"{line}\n" for line in lines) + _TAIL


def _symbol(it: Instrument, newest: dt.date | None) -> Iterator[str]:
    """Its lines: what was found of it, then itself; a comment where it lacks the klines that others have."""
    for words in it.words():
        yield f"  # {words}"
    others = [market for market in sorted(it.markets) if market != it.market]
    if others:
        yield (
            f"  # it has files of {', '.join(others)} too; for them add a symbol of another name with"
            f" vendor_symbol: {it.name}"
        )
    if it.is_guess:
        yield "  # no file tells the market, so it is a guess: spot | futures_um | futures_cm"
    entry = f"market: {it.market}"
    if not it.has_atas:
        entry += ", atas: none"
    if newest is not None and it.has_klines and (newest - _last_day(it)).days > ENDED_DAYS:
        entry += f", until: {_last_day(it)}"
    line = f"{it.name}: {{{entry}}}"
    if not it.has_klines:
        yield "  # no 1-minute klines of it are here, without which no day can be built (kitchen fetch):"
    yield f"  {line}" if it.has_klines or newest is None else f"  # {line}"


def next_step(file: Path, instruments: list[Instrument], *, simulated: bool = False) -> list[str]:
    """What brings a first day where it cannot be built at once, in lines; none where it can."""
    if any(it.has_klines for it in instruments):
        elsewhere = "next: build in WSL2, for no day is built on Windows (docs/windows.md)"
        return [] if system.is_unix() else [elsewhere]
    days = days_of(date for it in instruments for dates in it.dates.values() for date in dates)
    if not days:
        return [f"next: bring files with kitchen import FOLDER, or change {file}"]
    if simulated:
        return ["next: import the klines that kitchen sample wrote too; nothing is fetched for it"]
    return [
        "next: the klines of the exchange, without which no day can be built, then the days; here:",
        f"  cd {shlex.quote(str(file.parent))}",
        *_commands(unbroken(days)),
    ]


def _commands(runs: list[tuple[dt.date, dt.date]]) -> Iterator[str]:
    """What fetches and builds the newest runs of dates, those in order, and how many there are before."""
    shown = runs[-_MOST_RUNS:]
    for first, last in shown:
        yield f"  {advice.fetching(first, last)}"
        yield f"  kitchen backfill --start {first} --stop {last}"
    if len(runs) > len(shown):
        first, last = runs[0][0], runs[-len(shown) - 1][1]
        yield f"  and {len(runs) - len(shown)} more such runs of dates between {first} and {last}"


def _last_day(it: Instrument) -> dt.date:
    """The newest date of its klines; of a month its last."""
    return days_of(it.dates["binance_1m"])[-1]


def found(folder: Path, configuration: str) -> Path:
    """Makes the folder a kitchen, and returns its configuration's file.

    Raises:
        ConfigError: it is one already, or cannot be written.
    """
    file = folder / CONFIG
    for there in (file, folder / "configs" / CONFIG):
        if there.exists():
            raise ConfigError(
                f"{there}: is there already; name another folder, or change that file"
            )
    try:
        for name in ("data/raw", "data/prepared", "snapshots"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        if not (folder / RULES).exists():
            shutil.copytree(
                GOVERNANCE, folder / RULES, ignore=shutil.ignore_patterns("__*", "*.md")
            )
        form = json.dumps(json_schema(DOCUMENT, CONFIG), indent=2)
        storage.write_bytes(folder / SCHEMA, f"{form}\n".encode())
        storage.write_bytes(file, configuration.encode())
    except OSError as error:
        raise ConfigError(
            f"{folder}: cannot be written ({error.strerror}); name another folder"
        ) from error
    return file
