"""Sorting a folder of vendor files into `data/raw`: each by its kind, interval, symbol, market and dates.

Belongs here: where a file goes. Files are copied, never moved; what is there with other bytes is left alone
and named, and so is what no adapter claims or no source reads. What names tell is `vendor_names.py`'s, what
rows tell `kline_peek.py`'s; where the two differ, the file is left and both are told.
"""

from __future__ import annotations

import os
import re
import shutil
import unicodedata
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from pipeline import layout, storage
from pipeline.clock import parse_day
from pipeline.config import Kitchen, Symbol
from pipeline.errors import KitchenError, ParameterError, SourceError
from pipeline.layout import RawPath
from pipeline.ops import kline_peek
from pipeline.ops.kline_peek import Peek
from pipeline.ops.vendor_names import Told, names_symbol, told
from pipeline.sources.rawfile import open_raw
from pipeline.sources.registry import claimant

IGNORED = ("latest.json", "exporter.log", "heartbeat.txt", ".heartbeat")
"""What the exporters write beside their exports."""

LEFT = 20
"""Exit code where files of data were left."""

_IGNORED_FOLDERS = ("_logs", "_heartbeats", "__MACOSX")
_NO_DATA = frozenset(
    (
        *("txt", "md", "rst", "pdf", "rtf", "doc", "docx", "html", "htm", "log", "py", "ipynb"),
        *("png", "jpg", "jpeg", "gif", "webp", "svg", "bmp", "tif", "tiff", "ico", "heic"),
    )
)
"""How the names of texts and pictures end: left, they are no data that is missing."""

_FEEDS = {
    "atas_bars": "atas_bars",
    "atas_simplified": "atas_v6_3",
    "atas_ticks": "atas_ticks",
    "binance_funding": "binance_funding",
    "binance_metrics": "binance_metrics",
}
_KLINE_FEEDS = {"1m": "binance_1m", "1d": "binance_1d"}
_READ_KINDS = ("klines", "metrics", "fundingRate")
_STAMP = re.compile(rb'"(?:ts|timestamp_utc|timestamp)"\s*:\s*"([0-9]{4})-([0-9]{2})-([0-9]{2})T')
_HOUR = re.compile(r"(?:^|/)([0-2][0-9])/[^/]+$")
_FORMS = (
    *("jsonl.gz", "jsonl.zst", "jsonl.part", "jsonl"),
    *("csv.gz", "csv", "zip", "parquet", "json.gz", "json"),
)

_AS_LINES = {"json": "jsonl", "json.gz": "jsonl.gz"}
"""An array of an exporter's objects is read from the place of its lines."""

_DAY_HOURS = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """One file of the folder.

    Args:
        path: Its name below the folder.
        state: copied, there (the same bytes), kept (other bytes are there), ignored or unclaimed.
        to: Its name below `paths.raw`; None where it has no place.
        adapter: Which one reads it.
        kind: What it holds, such as `bookDepth` or `15m klines`, where that is known.
        data: Whether it is data: no text and no picture.
        why: What else there is to say.
    """

    path: str
    state: str
    to: str | None = None
    adapter: str | None = None
    kind: str | None = None
    data: bool = True
    why: str = ""

    @property
    def is_left(self) -> bool:
        """Whether it is data that did not find its place."""
        return self.data and self.state in ("unclaimed", "kept")


@dataclass(frozen=True, slots=True, kw_only=True)
class _File:
    """What is known of a file before its place is."""

    name: str
    adapter: str
    head: bytes
    says: Told
    rows: Peek | None


def import_folder(kitchen: Kitchen, folder: Path) -> list[Imported]:
    """Copies every file that a source reads to its place, its checksum file with it.

    Returns:
        One entry a file, by path.

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


def _import(kitchen: Kitchen, folder: Path, path: str) -> Imported:
    parts = path.split("/")
    if parts[-1] in IGNORED or any(part in _IGNORED_FOLDERS for part in parts):
        return Imported(path=path, state="ignored", data=False, why="no export")
    name = unicodedata.normalize("NFC", path)
    left = Imported(
        path=path,
        state="unclaimed",
        kind=told(name).kind,
        data=name.rpartition(".")[2].lower() not in _NO_DATA,
    )
    try:
        file = _looked_at(kitchen, folder, path, name)
    except SourceError as error:
        return replace(left, why=str(error))
    if file is None:
        return replace(left, why="no adapter knows this format")
    left = replace(left, adapter=file.adapter, data=True)
    try:
        kind = _kind(file)
        left = replace(left, kind=kind)
        to, word = _place(kitchen, file, kind)
    except ValueError as error:
        return replace(left, why=str(error))
    return _copied(kitchen, folder, replace(left, to=to, why=word))


def _looked_at(kitchen: Kitchen, folder: Path, path: str, name: str) -> _File | None:
    """The file as it presents itself; None where no adapter claims it, and no name tells another kind."""
    says = told(name)
    member = told(_member(folder / path))
    with open_raw(RawPath(folder / path, name, 0), kitchen.limits) as raw:
        adapter = claimant(name, raw.head)
        if adapter is None and says.kind in (None, *_READ_KINDS):
            return None
        is_klines = adapter is not None and adapter.name in kline_peek.SHAPED
        rows = kline_peek.peek(raw, adapter.name) if adapter is not None and is_klines else None
        return _File(
            name=name,
            adapter=adapter.name if adapter else "",
            head=raw.head,
            says=replace(
                says,
                kind=says.kind if says.kind not in (None, "klines") else member.kind or says.kind,
                interval=says.interval or member.interval,
                archive_of=says.archive_of or member.archive_of,
            ),
            rows=rows,
        )


def _member(path: Path) -> str:
    """The name of a zip's first member; nothing of any other file."""
    try:
        with zipfile.ZipFile(path) as archive:
            return next((n for n in archive.namelist() if not n.startswith("__MACOSX/")), "")
    except (OSError, ValueError, zipfile.BadZipFile, NotImplementedError, RuntimeError):
        return ""


def _kind(file: _File) -> str:
    """What the file holds, by names and rows.

    Raises:
        ValueError: they do not agree.
    """
    says, rows = file.says, file.rows
    if says.kind not in (None, "klines"):
        return str(says.kind)
    if rows is None or rows.kind != "klines":
        return "klines" if rows is None else rows.kind
    interval = rows.interval or says.interval or "1m"
    if rows.interval and says.interval and rows.interval != says.interval:
        raise ValueError(
            f"its name says {says.interval}, and its rows are {rows.interval} apart; rename it, or"
            " fetch it again"
        )
    return f"{interval} klines"


def _feed(file: _File, kind: str) -> str:
    """The feed that reads the kind.

    Raises:
        ValueError: none does.
    """
    feed = _FEEDS.get(file.adapter)
    if feed is None and file.adapter in kline_peek.SHAPED:
        feed = "binance_1m" if kind == "klines" else _KLINE_FEEDS.get(kind.removesuffix(" klines"))
    wanted = {"metrics": "binance_metrics", "fundingRate": "binance_funding"}.get(kind, feed)
    if feed is None or feed != wanted or (file.says.kind not in (None, *_READ_KINDS)):
        raise ValueError(f"{kind}: no source reads these")
    return feed


def _place(kitchen: Kitchen, file: _File, kind: str) -> tuple[str, str]:
    """The name below the raw folder, and what a person should know of it.

    Raises:
        ValueError: no source reads it; the symbol, the date or a pattern for it cannot be told; or what
            the names say and the rows do not agree.
    """
    feed = _feed(file, kind)
    symbol = _symbol(kitchen, file)
    market, word = _market(file, feed, symbol)
    marks = _marks(file)
    name, form = file.name, next((f for f in _FORMS if file.name.endswith(f".{f}")), None)
    if form is not None and feed.startswith("atas"):
        form = _AS_LINES.get(form, form)
    found = _HOUR.search(name) if feed == "atas_ticks" else None
    patterns = layout.patterns(kitchen, symbol, feed)
    if file.adapter == "binance_fetcher" and market == symbol.market:
        # a user's own table has a place of its own, of less trust than the exchange's archives
        patterns = tuple(sorted(patterns, key=lambda pattern: "{market}" in pattern))
    for pattern in patterns:
        if (
            form is not None
            and pattern.endswith(f".{form}")
            and any(f"{{{mark}}}" in pattern for mark in marks)
            and ("*" in pattern) == (found is not None)
        ):
            to = pattern.replace("*", found[1] if found else "").format(
                market=market, symbol=layout.vendor_name(symbol, feed), **marks
            )
            return to, word
    raise ValueError(
        f"no path pattern of {feed} with {' or '.join(f'{{{mark}}}' for mark in marks)} ends as its"
        " name does; add one under `sources`"
    )


def _symbol(kitchen: Kitchen, file: _File) -> Symbol:
    """The configured symbol that the path, or else the first tick, names; of several that of its market."""
    symbols = kitchen.symbols.values()
    stated = re.search(rb'"symbol"\s*:\s*"([^"]{1,32})"', file.head)
    words = f"{file.name}/{stated[1].decode('utf-8', 'replace') if stated else ''}"
    names = {s.name: {s.name, s.vendor_symbol, s.atas_symbol} for s in symbols}
    if file.says.archive_of is not None:
        named = [s for s in symbols if file.says.archive_of in names[s.name]]
        whose = f"it is of {file.says.archive_of}, which is not configured"
    else:
        named = [s for s in symbols if any(names_symbol(words, n) for n in names[s.name])]
        whose = "no configured symbol is in its path"
    if not named:
        raise ValueError(f"{whose}; wanted one of {', '.join(kitchen.symbols)}")
    longest = max(len(s.name) for s in named)
    if file.says.market is not None:
        return next((s for s in named if s.market == file.says.market), named[0])
    return next(s for s in named if len(s.name) == longest)


def _market(file: _File, feed: str, symbol: Symbol) -> tuple[str, str]:
    """The market of a file, and a word where another than the symbol's is told.

    Raises:
        ValueError: a tape of another market, or an archive that looks like another market's.
    """
    path, looks = file.says.market, file.rows.market if file.rows else None
    mine = "spot" if symbol.market == "spot" else "futures"
    if feed.startswith("atas") and path not in (None, symbol.market):
        raise ValueError(
            f"its path says {path}, and {symbol.name} is {symbol.market}; wanted a symbol of that"
            " market, or another path"
        )
    form = {"spot": "microseconds, no header", "futures": "milliseconds under a header"}
    seems = f"it looks like an archive of {looks} ({form.get(looks or '')})"
    if path is None and looks not in (None, mine):
        raise ValueError(
            f"{seems}, and {symbol.name} is {symbol.market}; put it below a folder named as its market"
        )
    if path not in (None, symbol.market):
        return str(path), f"of {path}, and {symbol.name} is {symbol.market}: it is not read"
    return symbol.market, f"{seems}, and its path says {path}" if looks not in (None, mine) else ""


def _marks(file: _File) -> dict[str, str]:
    """The parts of a pattern that tell the file's days: a day's, a month's, or those of a span.

    Raises:
        ValueError: neither names nor rows tell a date, or they tell other ones.
    """
    said, rows = file.says.periods, file.rows
    if rows is None:
        return _of_period(said[-1] if said else _stamped(file.head))
    first, last = rows.first.isoformat(), rows.last.isoformat()
    if said and not any(first[: len(p)] <= p <= last[: len(p)] for p in (*said, said[0])):
        raise ValueError(
            f"its name says {', '.join(said)}, and its rows are of {first} to {last}; rename it, or"
            " fetch it again"
        )
    if len(said) == 1 and len(said[0]) < len(first):
        # a month in another zone, or of closes, has a foot in the next one
        spill = {first[:7], last[:7]} - {said[0]}
        if not spill or rows.hours <= 32 * _DAY_HOURS:
            return _of_period(said[0])
    if len(said) == 1 and rows.hours < _DAY_HOURS + 1:
        return _of_period(said[0])
    return _of_period(first) if first == last else {"first": first, "last": last}


def _of_period(text: str) -> dict[str, str]:
    if len(text) == len("2025-01"):
        return {"month": text}
    parse_day(text)
    return {"date": text, "yyyymmdd": text.replace("-", "")}


def _stamped(head: bytes) -> str:
    stamp = _STAMP.search(head)
    if stamp is None:
        raise ValueError("neither its path nor its first lines tell a date")
    return b"-".join(stamp.groups()).decode()


def _copied(kitchen: Kitchen, folder: Path, file: Imported) -> Imported:
    source, target = folder / file.path, kitchen.raw / str(file.to)
    if target.exists():
        if storage.file_digest(source) == storage.file_digest(target):
            return replace(file, state="there")
        return replace(file, state="kept", why="other bytes lie there; remove one of the two")
    # a checksum names its file: beside another name it would tell of a fault that is none
    for beside in ("", ".CHECKSUM") if source.name == target.name else ("",):
        one, other = Path(f"{source}{beside}"), Path(f"{target}{beside}")
        if one.is_file():
            _copy(one, other)
    return replace(file, state="copied")


def _copy(source: Path, target: Path) -> None:
    try:
        with open(source, "rb") as reader, storage.replacing(target) as writer:
            shutil.copyfileobj(reader, writer, 1 << 20)
        shutil.copystat(source, target)
    except OSError as error:
        raise KitchenError(
            f"{target}: cannot be written ({error.strerror}); see to its folder"
        ) from error
