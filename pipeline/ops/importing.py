"""Sorting a folder of vendor files into `data/raw`: each by its format, symbol and date.

Belongs here: where a file goes. Files are copied, never moved; what is there with other bytes is left alone
and named, and so is what no adapter claims.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pipeline import layout, storage
from pipeline.config import Kitchen, Symbol
from pipeline.errors import KitchenError, ParameterError, SourceError
from pipeline.layout import RawPath
from pipeline.sources.rawfile import open_raw
from pipeline.sources.registry import claimant

IGNORED = ("latest.json", "exporter.log", "heartbeat.txt", ".heartbeat")
"""What the exporters write beside their exports."""

_IGNORED_FOLDERS = ("_logs", "_heartbeats")
_FEEDS = {
    "atas_bars": "atas_bars",
    "atas_simplified": "atas_v6_3",
    "atas_ticks": "atas_ticks",
    "binance_funding": "binance_funding",
    "binance_metrics": "binance_metrics",
}
_MARKETS = {
    "spot": "spot",
    **dict.fromkeys(("um", "usdm", "usd-m"), "futures_um"),
    **dict.fromkeys(("cm", "coinm", "coin-m"), "futures_cm"),
}
"""What a folder is called -> the market of the files in it."""
_DAY = re.compile(r"(?<![0-9])(20[0-9]{2})-?([01][0-9])-?([0-3][0-9])(?![0-9])")
_MONTH = re.compile(r"(?<![0-9])(20[0-9]{2})-([01][0-9])(?![-0-9])")
_STAMP = re.compile(rb'"(?:ts|timestamp_utc|timestamp)"\s*:\s*"([0-9]{4})-([0-9]{2})-([0-9]{2})T')
_HOUR = re.compile(r"(?:^|/)([0-2][0-9])/[^/]+$")
_FORMS = (
    *("jsonl.gz", "jsonl.zst", "jsonl.part", "jsonl"),
    *("csv.gz", "csv", "zip", "parquet", "json.gz", "json"),
)

_AS_LINES = {"json": "jsonl", "json.gz": "jsonl.gz"}
"""An array of an exporter's objects is read from the place of its lines."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """One file of the folder: `to` is its name below `paths.raw`, None where it has no place; and why."""

    path: str
    state: str
    to: str | None = None
    adapter: str | None = None
    why: str = ""


def import_folder(kitchen: Kitchen, folder: Path) -> list[Imported]:
    """Copies every file that an adapter claims to its place, its checksum file with it.

    Returns:
        One entry a file, by path; `state` is copied, there (the same bytes), kept (other bytes are there),
        ignored or unclaimed.

    Raises:
        ParameterError: not a folder, or one that holds the raw folder or lies in it.
    """
    folder, raw = folder.resolve(), kitchen.raw.resolve()
    if not folder.is_dir():
        raise ParameterError(f"{folder}: no such folder; name one that holds vendor files")
    if folder.is_relative_to(raw) or raw.is_relative_to(folder):
        raise ParameterError(f"{folder}: holds or lies in {raw}; wanted a folder beside it")
    return [_import(kitchen, folder, name) for name in _names(folder)]


def _names(folder: Path) -> Iterator[str]:
    for root, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if not name.startswith(".") and not name.endswith(".CHECKSUM"):
                yield (Path(root) / name).relative_to(folder).as_posix()


def _import(kitchen: Kitchen, folder: Path, name: str) -> Imported:
    parts = name.split("/")
    if parts[-1] in IGNORED or any(part in _IGNORED_FOLDERS for part in parts):
        return Imported(path=name, state="ignored", why="the exporter's own bookkeeping")
    try:
        with open_raw(RawPath(folder / name, name, 0), kitchen.limits) as raw:
            head = raw.head
    except SourceError as error:
        return Imported(path=name, state="unclaimed", why=str(error))
    adapter = claimant(name, head)
    if adapter is None:
        return Imported(path=name, state="unclaimed", why="no adapter knows this format")
    try:
        to = _place(kitchen, name, head, adapter.name)
    except ValueError as error:
        return Imported(path=name, state="unclaimed", adapter=adapter.name, why=str(error))
    return _copied(kitchen, folder, Imported(path=name, state="", to=to, adapter=adapter.name))


def _place(kitchen: Kitchen, name: str, head: bytes, adapter: str) -> str:
    """The name below the raw folder.

    Raises:
        ValueError: the symbol, the date or a pattern for it cannot be told.
    """
    symbol = _symbol(kitchen, name, head)
    feed = _FEEDS.get(adapter) or ("binance_1d" if "-1d-" in name else "binance_1m")
    day = _date(name, head)
    form = next((form for form in _FORMS if name.endswith(f".{form}")), None)
    if form is not None and feed.startswith("atas"):
        form = _AS_LINES.get(form, form)
    found = _HOUR.search(name) if feed == "atas_ticks" else None
    market = _market(name) or symbol.market
    if feed.startswith("atas") and market != symbol.market:
        raise ValueError(
            f"its path says {market}, and {symbol.name} is {symbol.market}; wanted a symbol of that"
            " market, or another path"
        )
    patterns = layout.patterns(kitchen, symbol, feed)
    if adapter == "binance_fetcher" and market == symbol.market:
        # a user's own table has a place of its own, of less trust than the exchange's archives
        patterns = tuple(sorted(patterns, key=lambda pattern: "{market}" in pattern))
    for pattern in patterns:
        wants_month = "{month}" in pattern
        hourly = "*" in pattern
        if (
            form is None
            or not pattern.endswith(f".{form}")
            or wants_month != (len(day) == 7)
            or hourly != (found is not None)
        ):
            continue
        vendor = symbol.vendor_symbol if feed.startswith("binance") else symbol.atas_symbol
        return pattern.replace("*", found[1] if found else "").format(
            market=market,
            symbol=vendor,
            date=day,
            month=day[:7],
            yyyymmdd=day.replace("-", ""),
        )
    raise ValueError(f"no path pattern of {feed} ends as its name does; add one under `sources`")


def _symbol(kitchen: Kitchen, name: str, head: bytes) -> Symbol:
    """The configured symbol that the path, or else the first tick, names; of several that of its market."""
    words = {word.upper() for part in name.split("/") for word in (part, *re.split(r"[-_.]", part))}
    words |= {part.upper() for part in re.split(r"/|-1[md]-|_20", name)}
    told = re.search(rb'"symbol"\s*:\s*"([^"]{1,32})"', head)
    words |= {told[1].decode("utf-8", "replace").upper()} if told else set()
    named = [
        symbol
        for symbol in kitchen.symbols.values()
        if words & {symbol.name, symbol.vendor_symbol.upper(), symbol.atas_symbol.upper()}
    ]
    if named:
        return next((s for s in named if s.market == _market(name)), named[0])
    raise ValueError(
        f"no configured symbol is in its path; wanted one of {', '.join(kitchen.symbols)}"
    )


def _date(name: str, head: bytes) -> str:
    """`YYYY-MM-DD`, or `YYYY-MM` of a monthly file."""
    days = _DAY.findall(name)
    if days:
        return "-".join(days[-1])
    month = _MONTH.search(name)
    if month:
        return f"{month[1]}-{month[2]}"
    stamp = _STAMP.search(head)
    if stamp:
        return b"-".join(stamp.groups()).decode()
    raise ValueError("neither its path nor its first lines tell a date")


def _market(name: str) -> str | None:
    parts = [part.removeprefix("futures_") for part in name.lower().split("/")[:-1]]
    return next((_MARKETS[part] for part in parts if part in _MARKETS), None)


def _copied(kitchen: Kitchen, folder: Path, file: Imported) -> Imported:
    source, target = folder / file.path, kitchen.raw / str(file.to)
    if target.exists():
        same = storage.file_digest(source) == storage.file_digest(target)
        state, why = (
            ("there", "") if same else ("kept", "other bytes lie there; remove one of the two")
        )
        return Imported(path=file.path, state=state, to=file.to, adapter=file.adapter, why=why)
    for beside in ("", ".CHECKSUM"):
        one, other = Path(f"{source}{beside}"), Path(f"{target}{beside}")
        if one.is_file():
            _copy(one, other)
    return Imported(path=file.path, state="copied", to=file.to, adapter=file.adapter)


def _copy(source: Path, target: Path) -> None:
    try:
        with open(source, "rb") as reader, storage.replacing(target) as writer:
            shutil.copyfileobj(reader, writer, 1 << 20)
        shutil.copystat(source, target)
    except OSError as error:
        raise KitchenError(
            f"{target}: cannot be written ({error.strerror}); see to its folder"
        ) from error
